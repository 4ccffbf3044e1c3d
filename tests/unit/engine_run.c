// SPDX-License-Identifier: Apache-2.0

/*
 * Requests: what the words of run and create mean, what they come to over an image, how they are
 * written down. No container is made, and nothing needs privileges.
 */

#include "engine/container/run.h"

#include "base/error.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"
#include "plan/json.h"
#include "plan/json_write.h"
#include "unit.h"

#include <stdlib.h>

#define LIST(...) \
	(struct strings) \
	{ \
		(const char *[]){__VA_ARGS__, NULL}, \
			sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) \
	}

static const char *joined(const struct strings *strings, struct arena *arena)
{
	const char *out = "";
	for (size_t i = 0; i < strings->count; i++)
		out = arena_format(arena, "%s%s%s", out, i ? "|" : "", strings->items[i]);
	return out;
}

/* ---- words of mounts ------------------------------------------------------------------- */

static void test_volume_words(void **state)
{
	static const struct {
		const char *word;
		enum run_mount_kind kind;
		const char *source, *name, *destination, *options;
	} cases[] = {
		{"/a:/b", RUN_MOUNT_BIND, "/a", NULL, "/b", ""},
		{"./a:/b:ro", RUN_MOUNT_BIND, "./a", NULL, "/b", "ro"},
		{".:/b//c/../d/", RUN_MOUNT_BIND, ".", NULL, "/b/d", ""},
		{"name:/b:rw,nocopy", RUN_MOUNT_VOLUME, NULL, "name", "/b", "rw"},
		{"/b", RUN_MOUNT_VOLUME, NULL, NULL, "/b", ""},
		{"/a:/b:cached,Z,rshared,noexec", RUN_MOUNT_BIND, "/a", NULL, "/b",
			"rshared|noexec"},
		{"/a:/b:idmap=uids=0-1-10;gids=0-1-10", RUN_MOUNT_BIND, "/a", NULL, "/b",
			"idmap=uids=0-1-10;gids=0-1-10"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct run_mount mount;
		assert_int_equal(run_volume_word(cases[i].word, &arena, &mount), 0);
		assert_int_equal(mount.kind, cases[i].kind);
		assert_string_equal(
			mount.source ? mount.source : "-", cases[i].source ? cases[i].source : "-");
		assert_string_equal(
			mount.name ? mount.name : "-", cases[i].name ? cases[i].name : "-");
		assert_string_equal(mount.destination, cases[i].destination);
		assert_string_equal(joined(&mount.options, &arena), cases[i].options);
	}
	static const char *const bad[] = {"", ":", ":/b", "a b:/b", "name", "name:b", "/a:b",
		"/a:/", "/a:/b:what", "/a:/..", "-x:/b", "/a:/b:O=1", "name:/b:size=1m"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct run_mount mount;
		error_clear();
		assert_int_equal(run_volume_word(bad[i], &arena, &mount), -EINVAL);
		assert_string_not_equal(error_text(), "");
	}
}

static void test_switches_of_mounts(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct run_mount mount;
	bool glob;
	assert_int_equal(run_volume_word("v:/b:U,O", &arena, &mount), 0);
	assert_true(mount.chown && mount.overlay && mount.copy && !mount.anonymous);
	assert_int_equal(
		run_mount_word("source=v,dst=/b,volume-nocopy,U=true", &arena, &mount, &glob), 0);
	assert_true(mount.kind == RUN_MOUNT_VOLUME && !mount.copy && mount.chown && !glob);
	assert_int_equal(run_mount_word("dst=/b", &arena, &mount, &glob), 0);
	assert_true(mount.anonymous && mount.copy);
	assert_int_equal(run_mount_word("ro,dst=/b,src=/a,type=bind", &arena, &mount, &glob), 0);
	assert_string_equal(joined(&mount.options, &arena), "ro");
	assert_int_equal(
		run_mount_word("type=bind,\"src=/a,b\",dst=/b,readonly=0", &arena, &mount, &glob),
		0);
	assert_string_equal(mount.source, "/a,b");
	assert_string_equal(joined(&mount.options, &arena), "rw");
	assert_int_equal(
		run_mount_word("type=tmpfs,tmpfs-mode=700,dst=/t,size=1m", &arena, &mount, &glob),
		0);
	assert_string_equal(joined(&mount.options, &arena), "mode=700|size=1m");
	assert_int_equal(run_mount_word("type=glob,src=/a*", &arena, &mount, &glob), 0);
	assert_true(glob && mount.destination[0] == '\0');
	assert_int_equal(
		run_mount_word("type=image,src=x,dst=/i,rw=true", &arena, &mount, &glob), 0);
	assert_string_equal(mount.name, "x");
	assert_int_equal(run_mount_word("type=bind,src=/a,dst=/b,bind-propagation=sideways", &arena,
				 &mount, &glob),
		-EINVAL);
	assert_int_equal(
		run_mount_word("type=bind,src=/a,dst=/b,tmpfs-size=1", &arena, &mount, &glob),
		-EINVAL);
}

static void test_secret_words(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct run_secret secret;
	assert_int_equal(run_secret_word("pw", &arena, &secret), 0);
	assert_string_equal(secret.target, "/run/secrets/pw");
	assert_true(!secret.environment && secret.mode == 0444);
	assert_int_equal(run_secret_word("pw,target=x,mode=0400,uid=5", &arena, &secret), 0);
	assert_string_equal(secret.target, "/run/secrets/x");
	assert_true(secret.mode == 0400 && secret.uid == 5 && secret.gid == 0);
	assert_int_equal(run_secret_word("source=pw,type=env", &arena, &secret), 0);
	assert_string_equal(secret.target, "pw");
	assert_true(secret.environment);
	assert_int_equal(run_secret_word("pw,type=moon", &arena, &secret), -EINVAL);
	assert_int_equal(run_secret_word("pw,mode=1000", &arena, &secret), -EINVAL);
	assert_int_equal(run_secret_word("type=env", &arena, &secret), -EINVAL);
}

/* ---- limits ---------------------------------------------------------------------------- */

static void test_ulimits(void **state)
{
	struct plan_rlimit limit;
	assert_int_equal(run_ulimit("nofile=10:20", &limit), 0);
	assert_true(limit.soft == 10 && limit.hard == 20);
	assert_int_equal(run_ulimit("core=-1", &limit), 0);
	assert_true(limit.soft == UINT64_MAX && limit.hard == UINT64_MAX);
	static const char *const bad[] = {
		"", "nofile", "nofile=", "nofile=2:1", "moon=1", "nofile=x"};
	for (size_t i = 0; i < array_length(bad); i++)
		assert_int_equal(run_ulimit(bad[i], &limit), -EINVAL);
}

/* ---- over an image ----------------------------------------------------------------------- */

static struct image example(void)
{
	static struct plan_key_value labels[] = {{"a", "1"}, {"b", "2"}};
	static const char *entrypoint[] = {"/entry", NULL}, *command[] = {"image", NULL};
	static const char *environment[] = {"PATH=/bin", "A=image", NULL};
	static const char *ports[] = {"80/tcp", NULL}, *test[] = {"CMD-SHELL", "true", NULL};
	return (struct image){.config = {.entrypoint = {entrypoint, 1},
				      .command = {command, 1},
				      .environment = {environment, 2},
				      .user = "web",
				      .working_directory = "/srv",
				      .stop_signal = "SIGINT",
				      .exposed_ports = {ports, 1},
				      .labels = labels,
				      .label_count = 2,
				      .health = {.test = {test, 2}, .interval_ns = 5}}};
}

static struct run_request asked(const struct image *image)
{
	struct run_request request = RUN_REQUEST_DEFAULTS;
	request.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	request.data_root = "/nowhere";
	request.dry = true;
	request.image = image;
	request.image_name = "example";
	return request;
}

static void test_commands(void **state)
{
	static const struct {
		const char *entrypoint, *argument, *wanted;
	} cases[] = {
		{NULL, NULL, "/entry|image"},
		{NULL, "mine", "/entry|mine"},
		{"/other", NULL, "/other"}, /* the image's command belongs to its entrypoint */
		{"/other", "mine", "/other|mine"},
		{"[\"/other\",\"-c\"]", "mine", "/other|-c|mine"},
		{"", "mine", "mine"},
		{"[not json", NULL, "[not json"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		const struct image image = example();
		struct run_request request = asked(&image);
		request.process.entrypoint = cases[i].entrypoint;
		const char *arguments[] = {cases[i].argument, NULL};
		request.arguments = (struct strings){arguments, cases[i].argument != NULL};
		assert_int_equal(run_resolve(&request, &arena), 0);
		struct strings all = {};
		for (size_t k = 0; k < request.resolved.entrypoint.count; k++)
			run_strings_add(&all, request.resolved.entrypoint.items[k], &arena);
		for (size_t k = 0; k < request.resolved.command.count; k++)
			run_strings_add(&all, request.resolved.command.items[k], &arena);
		assert_string_equal(joined(&all, &arena), cases[i].wanted);
	}
}

static void test_resolution(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	const struct image image = example();
	struct run_request request = asked(&image);
	request.process.environment = LIST("A=mine", "B=2");
	request.process.http_proxy = false;
	request.process.unset = LIST("container");
	request.life.labels = LIST("b=mine", "c");
	request.network.publish = LIST("127.0.0.1:8080:81/udp", "[::1]:9000-9001:9000-9001");
	request.health.retries = (struct optional_i64){true, 7};
	assert_int_equal(run_resolve(&request, &arena), 0);
	const struct run_resolved *resolved = &request.resolved;
	assert_string_equal(joined(&resolved->environment, &arena), "PATH=/bin|A=mine|B=2");
	assert_string_equal(resolved->user, "web");
	assert_string_equal(resolved->working_directory, "/srv");
	assert_string_equal(resolved->stop_signal, "SIGINT");
	assert_string_equal(resolved->hostname, "0123456789ab");
	assert_string_equal(
		joined(&resolved->exposed_ports, &arena), "80/tcp|81/udp|9000/tcp|9001/tcp");
	assert_int_equal(resolved->label_count, 3);
	assert_string_equal(resolved->labels[1].value, "mine");
	assert_true(resolved->health.interval_ns == 5 && resolved->health.retries == 7);
	assert_true(resolved->health.timeout_ns == 30000000000);

	request.health.command = "none";
	request.process.entrypoint = "/sbin/init";
	request.life.stop_signal = NULL;
	assert_int_equal(run_resolve(&request, &arena), 0);
	assert_int_equal(request.resolved.health.test.count, 0);
	assert_true(request.resolved.systemd);
}

/* ---- written down --------------------------------------------------------------------------- */

static void write_request(const struct run_request *request, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	run_request_write(request, &writer, NULL);
}

static void test_round_trip(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	const struct image image = example();
	struct run_request request = asked(&image), again = {};
	request.arguments = LIST("sh", "-c", "echo \"quoted\" \\ \n");
	request.files.volumes = LIST("/anonymous", "v:/x:ro,U");
	request.files.mounts = LIST("type=tmpfs,dst=/t,size=1m");
	request.resources.memory_swap_bytes = -1;
	request.resources.cgroup_manager = RUN_CGROUP_SYSTEMD;
	request.life.stop_timeout_s = (struct optional_i64){true, -1};
	request.namespaces.user = "host";
	assert_int_equal(run_resolve(&request, &arena), 0);
	autofini(text_fini) struct text first = {}, second = {};
	write_request(&request, &first);
	autofini(json_document_fini) struct json_document document = {};
	assert_int_equal(
		json_parse(text_get(&first), first.length, "request", &arena, &document), 0);
	assert_int_equal(run_request_read(&document.top, &arena, &again), 0);
	write_request(&again, &second);
	assert_string_equal(text_get(&first), text_get(&second));
	assert_int_equal(again.resolved.mount_count, 3);
	assert_true(again.resolved.mounts[1].chown && !again.resolved.mounts[1].anonymous);
	assert_true(again.life.stop_timeout_s.given && again.life.stop_timeout_s.value == -1);
	assert_true(again.resources.memory_swap_bytes == -1 && again.process.passwd);
}

/* Options are bools, numbers, words and lists: whatever is set in the request must come back. */
static void test_every_wish_is_written(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct run_request request = {}, again = {};
	const char *word = "word";
	request.namespaces = (struct namespace_wishes){
		word, word, word, word, word, LIST("a"), LIST("b"), word, word, word, word};
	request.security =
		(struct security_wishes){true, LIST("a"), LIST("b"), LIST("c"), LIST("d"), word};
	autofini(text_fini) struct text json = {};
	write_request(&request, &json);
	autofini(json_document_fini) struct json_document document = {};
	assert_int_equal(json_parse(text_get(&json), json.length, "request", &arena, &document), 0);
	assert_int_equal(run_request_read(&document.top, &arena, &again), 0);
	assert_string_equal(again.namespaces.domainname, word);
	assert_string_equal(again.namespaces.subgid_name, word);
	assert_string_equal(again.namespaces.cgroup, word);
	assert_string_equal(again.security.sysctls.items[0], "d");
	assert_string_equal(again.security.seccomp_policy, word);
	assert_true(again.security.privileged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volume_words),
		cmocka_unit_test(test_switches_of_mounts),
		cmocka_unit_test(test_secret_words),
		cmocka_unit_test(test_ulimits),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_resolution),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_wish_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
