// SPDX-License-Identifier: Apache-2.0

/* Messages between monitor and clients, detach keys, a monitor's words, records of logs. */

#include "base/error.h"
#include "base/text.h"
#include "engine/instance/detach_keys.h"
#include "engine/instance/logs_read.h"
#include "engine/instance/streams.h"
#include "engine/instance/wire.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- messages ---------------------------------------------------------------------------- */

static int taken(const char *bytes, size_t length, bool from_client)
{
	struct wire_message message;
	return wire_read(bytes, length, from_client, &message);
}

static void test_messages(void **state)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	const struct wire_attach attach = {WIRE_VERSION, WIRE_WANTS_INPUT, {24, 80}};
	assert_int_equal(wire_send(ends[0], WIRE_ATTACH, &attach, sizeof(attach)), 0);
	assert_int_equal(wire_send(ends[0], WIRE_INPUT_END, NULL, 0), 0);
	char bytes[64];
	struct wire_message message;
	ssize_t n = recv(ends[1], bytes, sizeof(bytes), 0);
	assert_int_equal(wire_read(bytes, (size_t)n, true, &message), 0);
	assert_int_equal(message.kind, WIRE_ATTACH);
	assert_int_equal(message.attach.size.columns, 80);
	assert_int_equal(recv(ends[1], bytes, sizeof(bytes), 0), 1);
	assert_int_equal(wire_read(bytes, 1, true, &message), 0);
	(void)close(ends[1]);
	assert_int_equal(wire_send(ends[0], WIRE_INPUT_END, NULL, 0), -EPIPE);
	(void)close(ends[0]);
}

static void test_no_room(void **state)
{
	int ends[2];
	char bytes[4096] = "";
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	int r = 0;
	for (int i = 0; r == 0 && i < 10000; i++)
		r = wire_send(ends[0], WIRE_OUTPUT, bytes, sizeof(bytes));
	assert_int_equal(r, -EAGAIN);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_wrong_messages(void **state)
{
	assert_int_equal(taken("", 0, true), -EBADMSG);
	assert_int_equal(taken("?", 1, true), -EBADMSG);
	assert_int_equal(taken("a123", 4, true), -EBADMSG);            /* too short */
	assert_int_equal(taken("a\0\0\0\0\0\0\0", 9, true), -EBADMSG); /* version 0 */
	assert_int_equal(taken("i", 1, true), -EBADMSG);
	assert_int_equal(taken("s\xff\xff\xff\xff", 5, true), -EBADMSG);
	assert_int_equal(taken("s\0\0\0\0", 5, true), -EBADMSG);
	assert_int_equal(taken("o1", 2, true), -EBADMSG); /* of the other side */
	assert_int_equal(taken("i1", 2, false), -EBADMSG);
	assert_int_equal(taken("x\0\1\0\0", 5, false), -EBADMSG); /* status 256 */
	assert_int_equal(taken("x\1\0\0\0", 5, false), 0);
	assert_int_equal(taken("o1", 2, false), 0);
}

/* ---- detach keys ------------------------------------------------------------------------- */

static void typed(const char *words, const char *keys, const char *passed, bool leaves)
{
	struct detach_keys detach;
	unsigned char out[64];
	char all[64] = "";
	assert_int_equal(detach_keys_read(words, &detach), 0);
	bool left = false;
	/* Key by key: what is held back is held from one call to the next. */
	for (const char *key = keys; *key && !left; key++) {
		size_t length;
		left = detach_keys_filter(&detach, (const unsigned char *)key, 1, out, &length);
		strncat(all, (const char *)out, length);
	}
	assert_string_equal(all, passed);
	assert_int_equal(left, leaves);
	/* At once it is the same. */
	size_t length;
	assert_int_equal(detach_keys_read(words, &detach), 0);
	left = detach_keys_filter(&detach, (const unsigned char *)keys, strlen(keys), out, &length);
	assert_int_equal(left, leaves);
	assert_int_equal(length, strlen(passed));
	assert_memory_equal(out, passed, length);
}

static void test_detach_keys(void **state)
{
	typed("ctrl-p,ctrl-q", "ab\x10\x11", "ab", true);
	typed("ctrl-p,ctrl-q", "\x10x\x11", "\x10x\x11", false);
	typed("ctrl-p,ctrl-q", "\x10\x10\x11", "\x10", true);
	typed("ctrl-p,ctrl-q", "\x10", "", false);
	typed("a,a,b", "aaab", "a", true);
	typed("a,b,a,c", "ababac", "ab", true);
	typed("ctrl-[,ctrl-_", "\x1b\x1f", "", true);
	typed("q", "123q4", "123", true);
	typed("", "\x10\x11", "\x10\x11", false);
}

static void test_wrong_detach_keys(void **state)
{
	static const char *const words[] = {"ctrl-", "ctrl-ab", "ab", ",", "a,", "ctrl-A", "a,,b",
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
	struct detach_keys keys;
	for (size_t i = 0; i < array_length(words); i++) {
		error_clear();
		assert_int_equal(detach_keys_read(words[i], &keys), -EINVAL);
		assert_true(error_text()[0]);
	}
}

/* ---- words -------------------------------------------------------------------------------- */

static void test_words(void **state)
{
	struct stream_settings settings = stream_settings_none, read = stream_settings_none;
	settings.input_fd = 7;
	settings.client_fd = 0;
	settings.keep_input = true;
	settings.log = (struct logs_settings){.driver = LOGS_JSON_FILE,
		.path = "/a b/=c",
		.max_size_bytes = 1ull << 40,
		.max_files = 3,
		.name = "web"};
	settings.health_interval_ms = 30000;
	autofini(arena_fini) struct arena arena = {};
	struct strings words = {};
	stream_settings_write(&settings, &arena, &words);
	for (size_t i = 0; i < words.count; i++)
		assert_int_equal(stream_settings_read(words.items[i], &read), 1);
	assert_int_equal(read.input_fd, 7);
	assert_int_equal(read.client_fd, 0);
	assert_int_equal(read.output_fd, -1);
	assert_true(read.keep_input);
	assert_int_equal(read.log.driver, LOGS_JSON_FILE);
	assert_string_equal(read.log.path, "/a b/=c");
	assert_true(read.log.max_size_bytes == 1ull << 40);
	assert_int_equal(read.log.max_files, 3);
	assert_null(read.log.tag);
	assert_int_equal(read.health_interval_ms, 30000);
	assert_int_equal(stream_settings_read("pidfd=3", &read), 0);
	assert_int_equal(stream_settings_read("inputs=3", &read), 0);
	assert_int_equal(stream_settings_read("input", &read), 0);
	assert_int_equal(stream_settings_read("input=x", &read), -EINVAL);
	assert_int_equal(stream_settings_read("log-driver=paper", &read), -EINVAL);
}

static int settings_of(const char *driver, const char *option, struct logs_settings *ret)
{
	static struct arena arena;
	const char *items[] = {option, NULL};
	const struct strings options = {items, option ? 1 : 0};
	const struct logs_subject subject = {.id = "1", .directory = "/d"};
	error_clear();
	return logs_settings_read(driver, &options, &subject, &arena, ret);
}

static void test_log_options(void **state)
{
	struct logs_settings settings = {};
	assert_int_equal(settings_of(NULL, NULL, &settings), 0);
	assert_int_equal(settings.driver, LOGS_K8S_FILE);
	assert_string_equal(settings.path, "/d/ctr.log");
	assert_int_equal(settings_of("json-file", "max-size=10m", &settings), 0);
	assert_int_equal(settings.max_size_bytes, 10 << 20);
	assert_int_equal(settings_of("none", NULL, &settings), 0);
	assert_null(settings.path);
	assert_int_equal(settings_of("json-file", "labels=a", &settings), 0);
	assert_int_equal(settings_of("syslog", NULL, &settings), -EINVAL);
	assert_int_equal(settings_of(NULL, "max-file=0", &settings), -EINVAL);
	assert_int_equal(settings_of(NULL, "path=here", &settings), -EINVAL);
	assert_int_equal(settings_of(NULL, "colour=red", &settings), -EINVAL);
	assert_int_equal(settings_of(NULL, "max-size", &settings), -EINVAL);
}

/* ---- records ------------------------------------------------------------------------------- */

#define MOMENT "2026-11-23T18:01:54.123456789Z"

static void record(enum logs_driver driver, const char *line, bool error_stream, bool partial,
	const char *bytes, size_t length)
{
	autofini(text_fini) struct text scratch = {};
	struct logs_record one;
	assert_int_equal(logs_record_read(driver, line, strlen(line), &scratch, &one), 0);
	assert_string_equal(one.time, MOMENT);
	assert_int_equal(one.error_stream, error_stream);
	assert_int_equal(one.partial, partial);
	assert_int_equal(one.length, length);
	assert_memory_equal(one.bytes, bytes, length);
}

static void test_records(void **state)
{
	record(LOGS_K8S_FILE, MOMENT " stdout F a line", false, false, "a line", 6);
	record(LOGS_K8S_FILE, MOMENT " stderr P ", true, true, "", 0);
	record(LOGS_JSON_FILE, "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"" MOMENT "\"}",
		false, false, "a", 1);
	record(LOGS_JSON_FILE,
		"{\"log\":\"\\u00e4\\ud83d\\ude00\\ud83d\\\"\\\\n\",\"stream\":\"stderr\","
		"\"attrs\":{"
		"\"tag\":\"x\"},\"time\":\"" MOMENT "\"}",
		true, true, "\u00e4\U0001F600\ufffd\"\\n", 12);
	record(LOGS_JSON_FILE,
		"{\"log\":\"\\u0000\",\"stream\":\"stdout\",\"time\":\"" MOMENT "\"}", false, true,
		"\0", 1);
}

static void test_wrong_records(void **state)
{
	static const char *const k8s[] = {"", "x", MOMENT, MOMENT " stdout", MOMENT " stdout F",
		MOMENT " stdin  F x", MOMENT " stdout X x", "2026-11-23 18:01:54 stdout F x"};
	static const char *const json[] = {"", "{", "{}", "{\"log\":\"a", "{\"log\":\"\\x\"}",
		"{\"log\":\"\\u12\"}", "{\"log\":\"a\\", "{\"log\":\"a\",\"stream\":\"std",
		"{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"2026\"}"};
	autofini(text_fini) struct text scratch = {};
	struct logs_record one;
	for (size_t i = 0; i < array_length(k8s); i++)
		assert_int_equal(
			logs_record_read(LOGS_K8S_FILE, k8s[i], strlen(k8s[i]), &scratch, &one),
			-EBADMSG);
	for (size_t i = 0; i < array_length(json); i++)
		assert_int_equal(
			logs_record_read(LOGS_JSON_FILE, json[i], strlen(json[i]), &scratch, &one),
			-EBADMSG);
}

/* ---- reading files ------------------------------------------------------------------------ */

static int gather(const struct logs_record *one, void *context)
{
	text_add_bytes(context, one->bytes, one->length);
	text_add(context, one->partial ? "" : "|");
	return 0;
}

static const char *lines_of(const struct logs_settings *settings, int64_t tail, struct text *out)
{
	struct logs_reader reader;
	const struct logs_query query = {.tail = tail};
	out->length = 0;
	assert_int_equal(logs_reader_init(&reader, settings, &query), 0);
	assert_int_equal(logs_read(&reader, gather, out), 0);
	logs_reader_fini(&reader);
	return out->length ? text_get(out) : "";
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_tail(void **state)
{
	char directory[] = "/tmp/rung-unit-XXXXXX", path[64], older[64];
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/log", directory);
	(void)snprintf(older, sizeof(older), "%s/log.1", directory);
	write_file(older, MOMENT " stdout F one\n" MOMENT " stdout P t\n");
	write_file(path, MOMENT " stdout F wo\n" MOMENT " stdout P th\n" MOMENT
				" stdout P re\n" MOMENT " stdout F e\n" MOMENT " stdout P four\n");
	const struct logs_settings settings = {
		.driver = LOGS_K8S_FILE, .path = path, .max_files = 2};
	autofini(text_fini) struct text out = {};
	assert_string_equal(lines_of(&settings, -1, &out), "one|two|three|four");
	assert_string_equal(lines_of(&settings, 0, &out), "");
	assert_string_equal(lines_of(&settings, 1, &out), "four");
	assert_string_equal(lines_of(&settings, 2, &out), "three|four");
	assert_string_equal(lines_of(&settings, 3, &out), "two|three|four");
	assert_string_equal(lines_of(&settings, 4, &out), "one|two|three|four");
	assert_string_equal(lines_of(&settings, 9, &out), "one|two|three|four");
	(void)unlink(path);
	(void)unlink(older);
	assert_string_equal(lines_of(&settings, 3, &out), "");
	(void)rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_wrong_messages),
		cmocka_unit_test(test_detach_keys),
		cmocka_unit_test(test_wrong_detach_keys),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_log_options),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_wrong_records),
		cmocka_unit_test(test_tail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
