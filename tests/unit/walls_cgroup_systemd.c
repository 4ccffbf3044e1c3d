// SPDX-License-Identifier: Apache-2.0

/*
 * The systemd driver without systemd: names, properties and messages by
 * themselves, then whole conversations with a small bus of our own that can be
 * late, rude or silent. (The command tests talk through Debian's dbus-daemon.)
 */
#include "unit.h"

#include "base/error.h"
#include "walls/cgroup/bus.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- names ------------------------------------------------------------------------- */

static void slices(void **state)
{
	static const char *const good[][2] = {{"-.slice", ""}, {"system.slice", "/system.slice"},
		{"a-b.slice", "/a.slice/a-b.slice"},
		{"kubepods-burstable-pod1_2.slice", "/kubepods.slice/kubepods-burstable.slice/"
						    "kubepods-burstable-pod1_2.slice"}};
	static const char *const bad[] = {"", ".slice", "a", "a.scope", "-a.slice", "a-.slice",
		"a--b.slice", "a/b.slice", "--.slice", "a b.slice", "../x.slice", "a\n.slice"};
	autofini(arena_fini) struct arena arena = {};
	const char *path = NULL;
	for (size_t i = 0; i < array_length(good); i++) {
		assert_int_equal(systemd_slice_path(good[i][0], &arena, &path), 0);
		assert_string_equal(path, good[i][1]);
	}
	for (size_t i = 0; i < array_length(bad); i++)
		if (systemd_slice_path(bad[i], &arena, &path) != -EINVAL)
			fail_msg("slice \"%s\" was taken", bad[i]);
}

static void unit_names(void **state)
{
	static const struct {
		const char *path;
		bool user;
		const char *slice, *unit;
	} good[] = {
		{NULL, false, "system.slice", "rung-web.scope"},
		{"", true, "user.slice", "rung-web.scope"},
		{"a.slice:docker:77", false, "a.slice", "docker-77.scope"},
		{":docker:77", true, "user.slice", "docker-77.scope"},
		{"a.slice::77", false, "a.slice", "77.scope"},
		{"a.slice:p:x.slice", false, "a.slice", "x.slice"},
		{"a.slice:p:1+1", false, "a.slice", "p-1\\x2b1.scope"},
	};
	static const char *const bad[] = {"/a/b", "a.slice:b", "a.slice:b:", "a:b:c:d", "x",
		"a.slice:p/q:c", "a.slice:../x:c"};
	autofini(arena_fini) struct arena arena = {};
	const char *slice, *unit;
	for (size_t i = 0; i < array_length(good); i++) {
		assert_int_equal(systemd_unit_names(
					 good[i].path, "web", good[i].user, &arena, &slice, &unit),
			0);
		assert_string_equal(slice, good[i].slice);
		assert_string_equal(unit, good[i].unit);
	}
	for (size_t i = 0; i < array_length(bad); i++)
		if (systemd_unit_names(bad[i], "web", false, &arena, &slice, &unit) != -EINVAL)
			fail_msg("cgroupsPath \"%s\" was taken", bad[i]);
	char longest[300];
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(systemd_unit_names(NULL, longest, false, &arena, &slice, &unit), -EINVAL);
}

static void cpu_masks(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	uint8_t *bytes = NULL;
	size_t length = 0;
	assert_int_equal(systemd_cpu_mask("0-2,8,17", &arena, &bytes, &length), 0);
	assert_int_equal(length, 3);
	assert_int_equal(bytes[0], 7);
	assert_int_equal(bytes[1], 1);
	assert_int_equal(bytes[2], 2);
	static const char *const bad[] = {"a", "1-", "2-1", "-1", "0;1", "99999", "1,,2", " 1"};
	for (size_t i = 0; i < array_length(bad); i++)
		if (systemd_cpu_mask(bad[i], &arena, &bytes, &length) != -EINVAL)
			fail_msg("CPU list \"%s\" was taken", bad[i]);
}

/* ---- properties ------------------------------------------------------------------------ */

/* One (sv) entry: its name and type; the value is left to be read. */
static struct bus_reader open_property(
	const struct text *bytes, const char **ret_name, const char **ret_type)
{
	struct bus_reader reader = {
		(const uint8_t *)bytes->bytes, bytes->length, 0, bytes->length == 0};
	*ret_name = bus_get_string(&reader);
	*ret_type = bus_get_signature(&reader);
	return reader;
}

static void annotations(void **state)
{
	static const struct {
		const char *name, *value, *type;
		uint64_t number;
		const char *told_as;
	} good[] = {
		{"TimeoutStopUSec", "uint64 123456789", "t", 123456789, NULL},
		{"CollectMode", "'inactive-or-failed'", "s", 0, NULL},
		{"KillMode", "\"none\"", "s", 0, NULL},
		{"SendSIGHUP", "true", "b", 1, NULL},
		{"SendSIGHUP", "false", "b", 0, NULL},
		{"Nice", "-5", "i", (uint32_t)-5, NULL},
		{"OOMScoreAdjust", "int32 7", "i", 7, NULL},
		{"Small", "byte 7", "y", 7, NULL},
		{"TimeoutStopSec", "2", "t", 2000000, "TimeoutStopUSec"},
		{"TimeoutStopSec", "uint64 2", "t", 2000000, "TimeoutStopUSec"},
		{"TimeoutStopSec", "1.5", "t", 1500000, "TimeoutStopUSec"},
		{"Wants", "['a.service', 'b.service']", "as", 0, NULL},
		{"Wants", "[]", "as", 0, NULL},
	};
	for (size_t i = 0; i < array_length(good); i++) {
		autofini(text_fini) struct text out = {};
		if (systemd_property_annotation(&out, good[i].name, good[i].value) != 0)
			fail_msg("%s", error_text());
		const char *name, *type;
		struct bus_reader reader = open_property(&out, &name, &type);
		assert_string_equal(name, good[i].told_as ? good[i].told_as : good[i].name);
		assert_string_equal(type, good[i].type);
		if (type[0] == 't')
			assert_int_equal(bus_get_u64(&reader), good[i].number);
		else if (type[0] == 'i' || type[0] == 'b')
			assert_int_equal(bus_get_u32(&reader), good[i].number);
		else
			bus_skip(&reader, &type);
		assert_false(reader.bad);
	}
	static const char *const bad[][2] = {{"A", ""}, {"A", "'x"}, {"A", "x"}, {"A", "['a'"},
		{"A", "['a' 'b']"}, {"A", "[1]"}, {"A", "uint32 -1"}, {"A", "byte 256"},
		{"A", "99999999999"}, {"A", "'a' b"}, {"A", "['a'] b"}, {"A B", "1"}, {"", "1"},
		{"ASec", "-1"}, {"ASec", "x"}, {"A", "uint64"}, {"A", "True"}};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(text_fini) struct text out = {};
		if (systemd_property_annotation(&out, bad[i][0], bad[i][1]) != -EINVAL)
			fail_msg("%s=%s was taken", bad[i][0], bad[i][1]);
	}
}

/* The properties as "Name=value " words, for numbers only. */
static void describe(const struct text *bytes, struct text *out)
{
	struct bus_reader reader = {(const uint8_t *)bytes->bytes, bytes->length, 0, false};
	while (!reader.bad && reader.at < reader.length) {
		reader.at = (reader.at + 7) / 8 * 8;
		const char *name = bus_get_string(&reader), *type = bus_get_signature(&reader);
		if (type[0] == 't')
			text_format(out, "%s=%lld ", name, (long long)bus_get_u64(&reader));
		else {
			text_format(out, "%s:%s ", name, type);
			bus_skip(&reader, &type);
		}
	}
	assert_false(reader.bad);
}

static void limits_as_properties(void **state)
{
	struct plan_resources resources = {.memory_limit = {true, 1000},
		.memory_swap = {true, 1500},
		.cpu_shares = {true, 1024},
		.cpu_quota = {true, 12345},
		.cpu_period = {true, 50000},
		.pids_limit = {true, -1},
		.cpuset_cpus = "0-1"};
	autofini(text_fini) struct text v2 = {}, v1 = {}, words = {}, old_words = {};
	assert_int_equal(systemd_property_limits(&v2, &resources, true), 0);
	describe(&v2, &words);
	assert_string_equal(text_get(&words),
		"MemoryMax=1000 MemorySwapMax=500 CPUWeight=100 AllowedCPUs:ay "
		"CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=250000 TasksMax=-1 ");
	assert_int_equal(systemd_property_limits(&v1, &resources, false), 0);
	describe(&v1, &old_words);
	assert_string_equal(text_get(&old_words),
		"MemoryLimit=1000 CPUShares=1024 CPUQuotaPeriodUSec=50000 "
		"CPUQuotaPerSecUSec=250000 TasksMax=-1 ");
}

/* ---- messages ------------------------------------------------------------------------------ */

static void build_call(struct text *frame)
{
	autofini(text_fini) struct text body = {};
	bus_put_string(&body, "x.scope");
	struct bus_array array = bus_open_array(&body, 8);
	systemd_property_u64(&body, "TasksMax", 7);
	systemd_property_bool(&body, "Delegate", true);
	bus_close_array(&body, array);
	bus_message_write(frame, &(struct bus_message){.type = BUS_CALL,
					 .serial = 9,
					 .reply_serial = 3,
					 .path = "/a/b",
					 .interface = "a.b",
					 .member = "Do",
					 .destination = "c.d",
					 .signature = "sa(sv)",
					 .body = (const uint8_t *)body.bytes,
					 .body_length = body.length});
}

static void message_round_trip(void **state)
{
	autofini(text_fini) struct text frame = {};
	build_call(&frame);
	struct bus_message message;
	const uint8_t *bytes = (const uint8_t *)frame.bytes;
	assert_int_equal(bus_message_read(bytes, frame.length, &message), 0);
	assert_int_equal(message.serial, 9);
	assert_int_equal(message.reply_serial, 3);
	assert_string_equal(message.path, "/a/b");
	assert_string_equal(message.member, "Do");
	assert_string_equal(message.destination, "c.d");
	assert_string_equal(message.sender, "");
	const char *signature = message.signature;
	struct bus_reader body = {message.body, message.body_length, 0, false};
	bus_skip(&body, &signature);
	bus_skip(&body, &signature);
	assert_false(body.bad);
	assert_int_equal(body.at, body.length);
	assert_string_equal(signature, "");
}

/* Cut off anywhere, or with any byte changed: refused or read, never out of bounds (ASan). */
static void broken_messages(void **state)
{
	autofini(text_fini) struct text frame = {};
	build_call(&frame);
	struct bus_message message;
	for (size_t length = 0; length < frame.length; length++) {
		uint8_t *cut = malloc(length ? length : 1);
		assert_non_null(cut);
		memcpy(cut, frame.bytes, length);
		assert_int_equal(bus_message_read(cut, length, &message), -EBADMSG);
		free(cut);
	}
	for (size_t at = 0; at < frame.length; at++)
		for (unsigned value = 0; value < 256; value += 5) {
			uint8_t *copy = malloc(frame.length);
			assert_non_null(copy);
			memcpy(copy, frame.bytes, frame.length);
			copy[at] = (uint8_t)value;
			if (bus_message_read(copy, frame.length, &message) == 0) {
				struct bus_reader body = {
					message.body, message.body_length, 0, false};
				const char *signature = message.signature;
				while (*signature && !body.bad)
					bus_skip(&body, &signature);
			}
			free(copy);
		}
}

/* ---- conversations ----------------------------------------------------------------------------
 */

enum manner {
	POLITE,     /* answers, then the job ends */
	HASTY,      /* the job ends before the answer comes */
	FAILING,    /* the job ends as "failed" */
	OCCUPIED,   /* UnitExists, every time */
	LEFTOVER,   /* UnitExists until ResetFailedUnit */
	EMPTY,      /* NoSuchUnit */
	GARBAGE,    /* not D-Bus after Hello */
	HANGING_UP, /* closes at StartTransientUnit */
	UNFRIENDLY, /* REJECTED */
};

struct peer {
	int fd;
	uint32_t serial;
	enum manner manner;
	bool reset;
};

static void must(bool condition)
{
	if (!condition)
		_exit(1);
}

static void expect_line(int fd, const char *wanted)
{
	for (const char *c = wanted; *c; c++) {
		char byte;
		must(read(fd, &byte, 1) == 1 && byte == *c);
	}
}

static void say(int fd, const char *line)
{
	must(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line));
}

static void send_message(struct peer *peer, struct bus_message message, const struct text *body)
{
	autofini(text_fini) struct text frame = {};
	message.serial = ++peer->serial;
	message.body = body ? (const uint8_t *)body->bytes : NULL;
	message.body_length = body ? body->length : 0;
	bus_message_write(&frame, &message);
	(void)!send(peer->fd, frame.bytes, frame.length, MSG_NOSIGNAL);
}

static void send_job_removed(struct peer *peer, const char *result)
{
	autofini(text_fini) struct text body = {};
	bus_put_u32(&body, 7);
	bus_put_string(&body, "/org/freedesktop/systemd1/job/7");
	bus_put_string(&body, "rung-web.scope");
	bus_put_string(&body, result);
	send_message(peer,
		(struct bus_message){.type = BUS_SIGNAL,
			.path = "/org/freedesktop/systemd1",
			.interface = "org.freedesktop.systemd1.Manager",
			.member = "JobRemoved",
			.signature = "uoss"},
		&body);
}

static void send_error(struct peer *peer, uint32_t to, const char *name)
{
	autofini(text_fini) struct text body = {}, full = {};
	text_format(&full, "org.freedesktop.systemd1.%s", name);
	bus_put_string(&body, "so it is");
	send_message(peer,
		(struct bus_message){.type = BUS_ERROR,
			.reply_serial = to,
			.error_name = text_get(&full),
			.signature = "s"},
		&body);
}

static void answer_with_job(struct peer *peer, uint32_t to)
{
	autofini(text_fini) struct text body = {};
	if (peer->manner == HASTY)
		send_job_removed(peer, "done");
	bus_put_string(&body, "/org/freedesktop/systemd1/job/7");
	send_message(peer,
		(struct bus_message){.type = BUS_RETURN, .reply_serial = to, .signature = "o"},
		&body);
	if (peer->manner != HASTY)
		send_job_removed(peer, peer->manner == FAILING ? "failed" : "done");
}

static void serve_call(struct peer *peer, const struct bus_message *call)
{
	bool start = text_equal(call->member, "StartTransientUnit");
	if (start && peer->manner == HANGING_UP)
		_exit(0);
	if (text_equal(call->member, "Subscribe") && peer->manner == GARBAGE) {
		say(peer->fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
		return;
	}
	if (start && (peer->manner == OCCUPIED || (peer->manner == LEFTOVER && !peer->reset))) {
		send_error(peer, call->serial, "UnitExists");
	} else if (peer->manner == EMPTY && text_equal(call->member, "StopUnit")) {
		send_error(peer, call->serial, "NoSuchUnit");
	} else if (start || text_equal(call->member, "StopUnit")) {
		answer_with_job(peer, call->serial);
	} else {
		peer->reset |= text_equal(call->member, "ResetFailedUnit");
		send_message(peer,
			(struct bus_message){.type = BUS_RETURN, .reply_serial = call->serial},
			NULL);
	}
}

static bool receive_exactly(int fd, uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = read(fd, bytes, length);
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static void serve(int listener, enum manner manner)
{
	struct peer peer = {.fd = accept(listener, NULL, NULL), .manner = manner};
	static uint8_t frame[BUS_MESSAGE_MAX];
	must(peer.fd >= 0);
	expect_line(peer.fd, "");
	char nul;
	must(read(peer.fd, &nul, 1) == 1 && nul == '\0');
	expect_line(peer.fd, "AUTH EXTERNAL\r\n");
	if (manner == UNFRIENDLY) {
		say(peer.fd, "REJECTED ANONYMOUS\r\n");
		_exit(0);
	}
	say(peer.fd, "DATA\r\n");
	expect_line(peer.fd, "DATA\r\n");
	say(peer.fd, "OK 1234deadbeef\r\n");
	expect_line(peer.fd, "BEGIN\r\n");
	size_t size;
	while (receive_exactly(peer.fd, frame, BUS_HEADER_SIZE)) {
		struct bus_message call;
		must(bus_frame_size(frame, &size) == 0);
		must(receive_exactly(peer.fd, frame + BUS_HEADER_SIZE, size - BUS_HEADER_SIZE));
		must(bus_message_read(frame, size, &call) == 0);
		serve_call(&peer, &call);
	}
	_exit(0);
}

struct room {
	char directory[32], path[64];
	int listener;
	pid_t server;
};

static int setup(void **state)
{
	struct room *room = calloc(1, sizeof(*room));
	if (!room)
		return -1;
	strcpy(room->directory, "/tmp/rung-bus-XXXXXX");
	if (!mkdtemp(room->directory))
		return -1;
	snprintf(room->path, sizeof(room->path), "%s/bus", room->directory);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", room->path);
	room->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(room->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(room->listener, 4) < 0)
		return -1;
	char text[128];
	snprintf(text, sizeof(text), "unix:path=%s,guid=00", room->path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", text, 1);
	*state = room;
	return 0;
}

static int teardown(void **state)
{
	struct room *room = *state;
	if (room->server > 0) {
		(void)kill(room->server, SIGKILL);
		(void)waitpid(room->server, NULL, 0);
	}
	(void)close(room->listener);
	(void)unlink(room->path);
	(void)rmdir(room->directory);
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	free(room);
	return 0;
}

static void start_server(struct room *room, enum manner manner)
{
	room->server = fork();
	assert_true(room->server >= 0);
	if (room->server == 0)
		serve(room->listener, manner);
}

/* Without places nothing but the bus is asked. */
static const struct cgroup_location scope = {
	.manager = CGROUP_SYSTEMD, .slice = "system.slice", .scope = "rung-web.scope"};

static int start_scope(struct room *room, enum manner manner)
{
	static const struct plan plan;
	start_server(room, manner);
	return cgroup_systemd_enter(&scope, &plan, getpid());
}

static void polite(void **state)
{
	if (start_scope(*state, POLITE) != 0)
		fail_msg("%s", error_text());
}

static void hasty(void **state)
{
	if (start_scope(*state, HASTY) != 0)
		fail_msg("%s", error_text());
}

static void leftover(void **state)
{
	if (start_scope(*state, LEFTOVER) != 0)
		fail_msg("%s", error_text());
}

static void occupied(void **state)
{
	assert_int_equal(start_scope(*state, OCCUPIED), -EEXIST);
	assert_non_null(strstr(error_text(), "rung-web.scope"));
}

static void failing(void **state)
{
	assert_int_equal(start_scope(*state, FAILING), -EIO);
	assert_non_null(strstr(error_text(), "\"failed\""));
}

static void garbage(void **state)
{
	assert_int_equal(start_scope(*state, GARBAGE), -EBADMSG);
}

static void hanging_up(void **state)
{
	assert_int_equal(start_scope(*state, HANGING_UP), -ECONNRESET);
}

static void unfriendly(void **state)
{
	assert_int_equal(start_scope(*state, UNFRIENDLY), -EACCES);
}

static void stopping(void **state)
{
	start_server(*state, POLITE);
	if (cgroup_systemd_stop(&scope) != 0)
		fail_msg("%s", error_text());
}

static void stopping_nothing(void **state)
{
	start_server(*state, EMPTY);
	assert_int_equal(cgroup_systemd_stop(&scope), 0);
	assert_string_equal(error_text(), "");
}

static void nobody_there(void **state)
{
	struct room *room = *state;
	assert_int_equal(unlink(room->path), 0);
	if (access("/run/systemd/private", F_OK) == 0) {
		print_message("skipped: systemd itself runs here and would answer\n");
		skip();
	}
	static const struct plan plan;
	assert_int_equal(cgroup_systemd_enter(&scope, &plan, getpid()), -ENOENT);
	assert_non_null(strstr(error_text(), "D-Bus"));
	assert_non_null(strstr(error_hint(), "cgroupfs"));
}

#define conversation(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices),
		cmocka_unit_test(unit_names),
		cmocka_unit_test(cpu_masks),
		cmocka_unit_test(annotations),
		cmocka_unit_test(limits_as_properties),
		cmocka_unit_test(message_round_trip),
		cmocka_unit_test(broken_messages),
		conversation(polite),
		conversation(hasty),
		conversation(leftover),
		conversation(occupied),
		conversation(failing),
		conversation(garbage),
		conversation(hanging_up),
		conversation(unfriendly),
		conversation(stopping),
		conversation(stopping_nothing),
		conversation(nobody_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
