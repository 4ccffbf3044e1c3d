// SPDX-License-Identifier: Apache-2.0

/*
 * The cgroup wall on this machine's own cgroup tree, whatever it is: v1, v2 or both.
 * Wants root and a writable tree; each test says when it is skipped, and leaves no
 * cgroup behind (checked at the end).
 */
#include "unit.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <json.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fixture {
	struct arena arena;
	struct plan plan;
	struct cgroup_location location;
	pid_t child;
};

static const struct plan_device_rule deny_all = {false, 'a', -1, -1, true, true, true};

/* A failed assertion leaves its function by longjmp(3): clean-up is the teardown's, not a scope's.
 */
static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->child > 0) {
		(void)kill(fixture->child, SIGKILL);
		if (cgroup_is_frozen(&fixture->location) > 0)
			(void)cgroup_freeze(&fixture->location, false);
		(void)waitpid(fixture->child, NULL, 0);
	}
	int r = cgroup_destroy(&fixture->location);
	if (r < 0)
		print_error("clean-up: %s\n", error_text());
	arena_fini(&fixture->arena);
	free(fixture);
	return r;
}

static bool tree_is_ours(void)
{
	autofini(arena_fini) struct arena arena = {};
	struct hierarchies found;
	if (cgroup_detect(EVERY_HIERARCHY, &arena, &found) < 0 || found.count == 0 ||
		geteuid() != 0)
		return false;
	for (size_t i = 0; i < found.count; i++)
		if (access(found.items[i].mount_point, W_OK) < 0)
			return false;
	return true;
}

#define needs_tree() \
	do { \
		if (!tree_is_ours()) { \
			print_message("skipped: not root, or no writable cgroup tree\n"); \
			skip(); \
		} \
	} while (0)

static bool has_controller(enum cgroup_controller controller)
{
	autofini(arena_fini) struct arena arena = {};
	struct hierarchies found;
	if (cgroup_detect(EVERY_HIERARCHY, &arena, &found) < 0)
		return false;
	const struct controller_facts *facts = &controller_facts[controller];
	if (facts->v1_name && hierarchy_with(&found, facts->v1_name))
		return true;
	const struct hierarchy *v2 = hierarchy_with(&found, "");
	if (!v2 || !facts->v2_name)
		return false;
	autofree char *list = NULL;
	const char *file = arena_format(&arena, "%s/cgroup.controllers", v2->mount_point);
	return fs_read(AT_FDCWD, file, 4096, &list, NULL) == 0 && words_hold(list, facts->v2_name);
}

static void check(int r)
{
	if (r < 0)
		fail_msg("%s (%s)", error_text(), error_hint());
}

static void locate(struct fixture *fixture, const char *name)
{
	const char *id = arena_format(&fixture->arena, "test-%s-%d", name, (int)getpid());
	check(cgroup_locate(
		&fixture->plan, id, CGROUP_CGROUPFS, &fixture->arena, &fixture->location));
	assert_true(fixture->location.place_count > 0);
}

/* A child that sleeps in all places of the location. */
static pid_t start(struct fixture *fixture)
{
	autoclose int cgroup = cgroup_open_for_clone(&fixture->location);
	assert_true(cgroup >= -1);
	struct clone_args arguments = {
		.flags = cgroup >= 0 ? CLONE_INTO_CGROUP : 0,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		for (;;)
			pause();
	}
	check(pid);
	fixture->child = pid;
	check(cgroup_enter(&fixture->location, &fixture->plan, pid, cgroup >= 0));
	return pid;
}

static void expect_file(const struct cgroup_place *place, const char *file, const char *wanted)
{
	autofini(arena_fini) struct arena arena = {};
	struct cgroup_directory directory;
	check(cgroup_directory_open(place, &directory));
	const char *text = "";
	int r = cgroup_read(&directory, file, &arena, &text);
	cgroup_directory_fini(&directory);
	if (r < 0 || strcmp(text, wanted) != 0)
		fail_msg("%s%s/%s is \"%s\" instead of \"%s\" (%d)", place->mount_point,
			place->path, file, text, wanted, r);
}

static const struct cgroup_place *place_of(
	const struct fixture *fixture, enum cgroup_controller controller, bool *ret_v2)
{
	const struct cgroup_place *place = cgroup_v1_place(&fixture->location, controller);
	*ret_v2 = !place;
	return place ? place : cgroup_v2_place(&fixture->location);
}

static bool exists(const struct cgroup_place *place)
{
	struct cgroup_directory directory;
	int r = cgroup_directory_open(place, &directory);
	if (r == 0)
		cgroup_directory_fini(&directory);
	return r == 0;
}

static void life(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	locate(f, "life");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	pid_t pid = start(f);
	for (size_t i = 0; i < f->location.place_count; i++)
		assert_true(exists(&f->location.places[i]));

	pid_t *pids;
	size_t count;
	check(cgroup_pids(&f->location, &f->arena, &pids, &count));
	assert_int_equal(count, 1);
	assert_int_equal(pids[0], pid);

	/* Each place really holds it, not only the one that is asked. */
	for (size_t i = 0; i < f->location.place_count; i++) {
		autofini(pid_list_fini) struct pid_list list = {};
		check(cgroup_place_pids(&f->location.places[i], &list));
		assert_int_equal(list.count, 1);
	}
	check(cgroup_freeze(&f->location, true));
	assert_int_equal(cgroup_is_frozen(&f->location), 1);
	check(cgroup_freeze(&f->location, false));
	assert_int_equal(cgroup_is_frozen(&f->location), 0);

	check(cgroup_signal_all(&f->location, SIGKILL));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f->child = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check(cgroup_destroy(&f->location));
	for (size_t i = 0; i < f->location.place_count; i++)
		assert_false(exists(&f->location.places[i]));
	check(cgroup_destroy(&f->location)); /* again, as after a crash */
}

static void memory_up_and_down(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_MEMORY) || !has_controller(CONTROLLER_PIDS)) {
		print_message("skipped: no memory or pids controller\n");
		skip();
	}
	struct fixture *f = *state;
	struct plan_resources *r = &f->plan.resources;
	r->memory_limit = (struct optional_i64){true, 64 << 20};
	r->memory_swap = (struct optional_i64){true, 96 << 20};
	r->memory_reservation = (struct optional_i64){true, 32 << 20};
	r->pids_limit = (struct optional_i64){true, 7};
	locate(f, "memory");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	check(cgroup_apply(&f->location, r, false));
	bool v2, pids_v2;
	const struct cgroup_place *memory = place_of(f, CONTROLLER_MEMORY, &v2);
	const struct cgroup_place *pids = place_of(f, CONTROLLER_PIDS, &pids_v2);
	const char *limit = v2 ? "memory.max" : "memory.limit_in_bytes";
	const char *swap = v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
	expect_file(memory, limit, "67108864");
	expect_file(memory, swap, v2 ? "33554432" : "100663296");
	expect_file(memory, v2 ? "memory.low" : "memory.soft_limit_in_bytes", "33554432");
	expect_file(pids, "pids.max", "7");

	/* Up over the old memory+swap, then down below the old limit, then none. */
	static const int64_t steps[][2] = {{512 << 20, 600 << 20}, {16 << 20, 16 << 20}};
	for (size_t i = 0; i < array_length(steps); i++) {
		struct plan_resources change = {
			.memory_limit = {true, steps[i][0]}, .memory_swap = {true, steps[i][1]}};
		char wanted[24];
		check(cgroup_apply(&f->location, &change, true));
		snprintf(wanted, sizeof(wanted), "%lld", (long long)steps[i][0]);
		expect_file(memory, limit, wanted);
		snprintf(wanted, sizeof(wanted), "%lld",
			(long long)(v2 ? steps[i][1] - steps[i][0] : steps[i][1]));
		expect_file(memory, swap, wanted);
	}
	struct plan_resources none = {.memory_limit = {true, -1}, .pids_limit = {true, -1}};
	check(cgroup_apply(&f->location, &none, true));
	expect_file(pids, "pids.max", "max");
	if (v2) {
		expect_file(memory, limit, "max");
		expect_file(memory, swap, "max");
	} else {
		expect_file(memory, limit, "9223372036854771712");
		expect_file(memory, swap, "9223372036854771712");
	}
}

/* A child that, once it is inside, fills this much memory, says so and sleeps. */
static pid_t start_eater(struct fixture *f, size_t size_bytes, int *ret_told)
{
	int go[2], told[2];
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		char *block = malloc(size_bytes);
		if (block)
			memset(block, 1, size_bytes);
		(void)!write(told[1], block, 1);
		for (;;)
			pause();
	}
	check(pid);
	f->child = pid;
	check(cgroup_enter(&f->location, &f->plan, pid, false));
	assert_int_equal(write(go[1], "g", 1), 1);
	(void)close(go[0]);
	(void)close(go[1]);
	(void)close(told[1]);
	*ret_told = told[0];
	return pid;
}

static void limit_below_usage(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_MEMORY)) {
		print_message("skipped: no memory controller\n");
		skip();
	}
	struct fixture *f = *state;
	locate(f, "usage");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	int told;
	start_eater(f, 8 << 20, &told);
	char byte;
	assert_int_equal(read(told, &byte, 1), 1);
	(void)close(told);
	struct plan_resources less = {.memory_limit = {true, 2 << 20}, .check_before_update = true};
	assert_int_equal(cgroup_apply(&f->location, &less, true), -EBUSY);
	assert_non_null(strstr(error_text(), "memory limit"));
	less.memory_limit.value = 64 << 20;
	check(cgroup_apply(&f->location, &less, true));
}

static void cpu_limits(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_CPU) || !has_controller(CONTROLLER_CPUSET)) {
		print_message("skipped: no cpu or cpuset controller\n");
		skip();
	}
	struct fixture *f = *state;
	struct plan_resources *r = &f->plan.resources;
	r->cpu_shares = (struct optional_u64){true, 512};
	r->cpu_quota = (struct optional_i64){true, 20000};
	r->cpu_period = (struct optional_u64){true, 50000};
	r->cpu_burst = (struct optional_u64){true, 10000};
	r->cpuset_cpus = "0";
	r->cpuset_mems = "0";
	locate(f, "cpu");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	start(f); /* fails where cpuset.cpus was left empty */
	check(cgroup_apply(&f->location, r, false));
	bool v2;
	const struct cgroup_place *cpu = place_of(f, CONTROLLER_CPU, &v2);
	if (v2) {
		expect_file(cpu, "cpu.max", "20000 50000");
		expect_file(cpu, "cpu.weight", "59");
		expect_file(cpu, "cpu.max.burst", "10000");
	} else {
		expect_file(cpu, "cpu.cfs_quota_us", "20000");
		expect_file(cpu, "cpu.cfs_period_us", "50000");
		expect_file(cpu, "cpu.cfs_burst_us", "10000");
		expect_file(cpu, "cpu.shares", "512");
	}
	expect_file(place_of(f, CONTROLLER_CPUSET, &v2), "cpuset.cpus", "0");

	/* The quota shrinks below the burst, then the burst grows with the quota. */
	struct plan_resources change = {.cpu_quota = {true, 5000}, .cpu_burst = {true, 1000}};
	check(cgroup_apply(&f->location, &change, true));
	change = (struct plan_resources){.cpu_quota = {true, 40000}, .cpu_burst = {true, 30000}};
	check(cgroup_apply(&f->location, &change, true));
	change = (struct plan_resources){.cpu_quota = {true, -1}, .cpu_idle = {true, 1}};
	check(cgroup_apply(&f->location, &change, true));
	expect_file(cpu, "cpu.idle", "1");
}

static void unknown_cpu(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_CPUSET)) {
		print_message("skipped: no cpuset controller\n");
		skip();
	}
	struct fixture *f = *state;
	f->plan.resources.cpuset_cpus = "4095";
	locate(f, "cpuset");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	int r = cgroup_apply(&f->location, &f->plan.resources, false);
	bool v2;
	if (place_of(f, CONTROLLER_CPUSET, &v2) && v2 && r == 0)
		return; /* v2 keeps the wish and uses what there is */
	assert_true(r < 0);
	assert_non_null(strstr(error_text(), "CPU set"));
	assert_non_null(strstr(error_text(), "cpuset.cpus"));
	assert_string_not_equal(error_hint(), "");
}

static int open_node(const char *path, int flags)
{
	autoclose int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

/* In a child that is moved into the cgroup: what can it open? */
static int open_inside(struct fixture *f, const char *path, int flags)
{
	int pipes[2];
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char go;
		_exit(read(pipes[0], &go, 1) == 1 ? open_node(path, flags) : 255);
	}
	check(pid);
	int entered = cgroup_enter(&f->location, &f->plan, pid, false);
	assert_int_equal(write(pipes[1], "g", 1), 1);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check(entered);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void device_rules(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	struct plan_device_rule rules[] = {deny_all, {true, 'c', 1, 11, true, true, false}};
	f->plan.resources.device_rules = rules;
	f->plan.resources.device_rule_count = 1;
	if (open_node("/dev/null", O_RDWR) != 0 || access("/dev/kmsg", F_OK) != 0 ||
		open_node("/dev/kmsg", O_WRONLY) != 0) {
		print_message("skipped: no /dev/kmsg to open\n");
		skip();
	}
	locate(f, "devices");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	check(cgroup_apply(&f->location, &f->plan.resources, false));
	assert_int_equal(open_inside(f, "/dev/null", O_RDWR), 0);
	assert_int_equal(open_inside(f, "/dev/kmsg", O_WRONLY), EPERM);
	f->plan.resources.device_rule_count = 2;
	check(cgroup_apply(&f->location, &f->plan.resources, true)); /* replaces, not adds */
	assert_int_equal(open_inside(f, "/dev/kmsg", O_WRONLY), 0);
	f->plan.resources.device_rule_count = 1;
	check(cgroup_apply(&f->location, &f->plan.resources, true));
	assert_int_equal(open_inside(f, "/dev/kmsg", O_WRONLY), EPERM);
}

static void somebody_lives_here(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	locate(f, "twice");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	check(cgroup_create(&f->location, &f->plan, &f->arena)); /* empty: fine */
	start(f);
	assert_int_equal(cgroup_create(&f->location, &f->plan, &f->arena), -EBUSY);
	assert_true(exists(&f->location.places[0]));
}

/* Made halfway, then an error: what was made before is gone again, with its parents. */
static void failure_leaves_nothing(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	f->plan.cgroups_path = arena_format(&f->arena, "/rung-test-%d/a/b", (int)getpid());
	locate(f, "unused");
	struct cgroup_place broken = f->location.places[0];
	broken.mount_point = "/nonexistent";
	struct cgroup_place *places =
		arena_new(&f->arena, struct cgroup_place, f->location.place_count + 1);
	memcpy(places, f->location.places, f->location.place_count * sizeof(*places));
	places[f->location.place_count] = broken;
	struct cgroup_location location = f->location;
	location.places = places;
	location.place_count++;
	assert_int_equal(cgroup_create(&location, &f->plan, &f->arena), -ENOENT);
	const char *top = arena_format(&f->arena, "/rung-test-%d", (int)getpid());
	for (size_t i = 0; i < f->location.place_count; i++) {
		struct cgroup_place parent = f->location.places[i];
		parent.path = top;
		assert_false(exists(&parent));
	}
}

/* A container with a tree of its own: killed and removed down to the deepest. */
static void cgroups_below(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	locate(f, "below");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	for (size_t i = 0; i < f->location.place_count; i++) {
		const struct cgroup_place *place = &f->location.places[i];
		for (int depth = 1; depth < 30; depth++) {
			autofini(text_fini) struct text path = {};
			text_format(&path, "%s", place->path);
			for (int k = 0; k < depth; k++)
				text_add(&path, "/d");
			text_format(&path, "%d", depth % 3);
			struct cgroup_place below = {
				place->controllers, place->mount_point, text_get(&path)};
			size_t made;
			check(cgroup_place_make(&below, &made));
		}
	}
	pid_t pid = start(f);
	const struct cgroup_place *main_place = cgroup_main_place(&f->location);
	struct cgroup_place deep = *main_place;
	deep.path = arena_format(&f->arena, "%s/d/d/d/d1", main_place->path);
	check(cgroup_place_enter(&deep, pid));

	pid_t *pids;
	size_t count;
	check(cgroup_pids(&f->location, &f->arena, &pids, &count));
	assert_int_equal(count, 1);
	/* The kernel has to kill it; our wait is what buries it. */
	check(cgroup_signal_all(&f->location, SIGKILL));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	f->child = 0;
	check(cgroup_destroy(&f->location));
	for (size_t i = 0; i < f->location.place_count; i++)
		assert_false(exists(&f->location.places[i]));
}

static void destroy_kills(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	locate(f, "kills");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	pid_t pid = start(f);
	check(cgroup_freeze(&f->location, true)); /* frozen ones have to die as well */
	check(cgroup_destroy(&f->location));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f->child = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A limit comes later, in a hierarchy that was left out at the start. */
static void extended_by_update(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_CPU)) {
		print_message("skipped: no cpu controller\n");
		skip();
	}
	struct fixture *f = *state;
	locate(f, "extend");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	pid_t pid = start(f);
	struct plan_resources change = {.cpu_quota = {true, 30000}};
	struct cgroup_location wider;
	check(cgroup_extend(&f->location, &change, &f->arena, &wider));
	bool was_v2, v2;
	(void)place_of(f, CONTROLLER_CPU, &was_v2);
	f->location = wider; /* destroyed with the rest */
	const struct cgroup_place *cpu = place_of(f, CONTROLLER_CPU, &v2);
	autofini(pid_list_fini) struct pid_list inside = {};
	check(cgroup_place_pids(cpu, &inside));
	assert_int_equal(inside.count, 1);
	assert_int_equal(inside.items[0], pid);
	check(cgroup_apply(&f->location, &change, true));
	expect_file(cpu, v2 ? "cpu.max" : "cpu.cfs_quota_us", v2 ? "30000 100000" : "30000");
	/* Asking again changes nothing. */
	check(cgroup_extend(&f->location, &change, &f->arena, &wider));
	assert_int_equal(wider.place_count, f->location.place_count);
}

static uint64_t number_at(
	struct json_object *root, const char *first, const char *second, const char *third)
{
	const char *const keys[] = {first, second, third};
	for (size_t i = 0; i < array_length(keys) && keys[i]; i++)
		if (!json_object_object_get_ex(root, keys[i], &root))
			fail_msg("the statistics have no \"%s\"", keys[i]);
	return json_object_get_uint64(root);
}

static void statistics(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	f->plan.resources.pids_limit = (struct optional_i64){has_controller(CONTROLLER_PIDS), 9};
	f->plan.resources.memory_limit =
		(struct optional_i64){has_controller(CONTROLLER_MEMORY), 64 << 20};
	locate(f, "stats");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	check(cgroup_apply(&f->location, &f->plan.resources, false));
	int told;
	start_eater(f, 8 << 20, &told);
	char byte;
	assert_int_equal(read(told, &byte, 1), 1);
	(void)close(told);
	autofini(text_fini) struct text json = {};
	check(cgroup_stats_write(&f->location, &json));
	struct json_object *root = json_tokener_parse(text_get(&json));
	assert_non_null(root);
	assert_true(number_at(root, "cpu", "usage", "total") > 0);
	if (f->plan.resources.pids_limit.given) {
		assert_int_equal(number_at(root, "pids", "current", NULL), 1);
		assert_int_equal(number_at(root, "pids", "limit", NULL), 9);
	}
	if (f->plan.resources.memory_limit.given) {
		assert_int_equal(number_at(root, "memory", "usage", "limit"), 64 << 20);
		assert_in_range(number_at(root, "memory", "usage", "usage"), 8 << 20, 64 << 20);
		(void)number_at(root, "memory", "raw", "pgfault");
	}
	(void)number_at(root, "blkio", NULL, NULL);
	(void)number_at(root, "hugetlb", NULL, NULL);
	(void)json_object_put(root);

	struct cgroup_location gone = f->location;
	gone.places = arena_new(&f->arena, struct cgroup_place, gone.place_count);
	for (size_t i = 0; i < gone.place_count; i++) {
		gone.places[i] = f->location.places[i];
		gone.places[i].path = "/rung-test-nowhere";
	}
	autofini(text_fini) struct text nothing = {};
	assert_int_equal(cgroup_stats_write(&gone, &nothing), -ENOENT);
	assert_int_equal(nothing.length, 0);
}

/* What locate says to user 65534, who owns no cgroup: 0 and no places, or how it refused. */
static int locate_as_nobody(struct fixture *f, const char *path)
{
	f->plan.cgroups_path = path;
	pid_t pid = fork();
	if (pid == 0) {
		struct cgroup_location location;
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(100);
		int r = cgroup_locate(&f->plan, "nobody", CGROUP_CGROUPFS, &f->arena, &location);
		if (r == 0)
			_exit(location.manager == CGROUP_DISABLED && !location.place_count ? 0
											   : 101);
		bool told = strstr(error_text(), "limit") && error_hint()[0];
		_exit(told ? -r : 102);
	}
	check(pid);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void ordinary_user(void **state)
{
	needs_tree();
	struct fixture *f = *state;
	struct plan_device_rule rule = deny_all;
	assert_int_equal(locate_as_nobody(f, NULL), 0);
	assert_int_equal(locate_as_nobody(f, "/rung-test-nobody"), 0);
	f->plan.resources.device_rules = &rule; /* cannot make devices anyway */
	f->plan.resources.device_rule_count = 1;
	assert_int_equal(locate_as_nobody(f, NULL), 0);
	f->plan.resources.pids_limit = (struct optional_i64){true, -1}; /* no limit */
	assert_int_equal(locate_as_nobody(f, NULL), 0);
	f->plan.resources.pids_limit.value = 5;
	assert_int_equal(locate_as_nobody(f, NULL), EACCES);
	assert_int_equal(locate_as_nobody(f, "/rung-test-nobody"), EACCES);
}

static void links_are_not_followed(void **state)
{
	needs_tree();
	/* Not a cgroup tree: openat2() must not go over the link out of it. */
	char directory[] = "/tmp/rung-cgroup-XXXXXX";
	assert_non_null(mkdtemp(directory));
	char link[64];
	snprintf(link, sizeof(link), "%s/out", directory);
	assert_int_equal(symlink("/sys", link), 0);
	struct cgroup_place place = {"", directory, "/out"};
	struct cgroup_directory opened;
	int r = cgroup_directory_open(&place, &opened);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(r, -ELOOP);
	struct cgroup_place mount = {"", "/sys", "/fs/cgroup"};
	assert_int_equal(cgroup_directory_open(&mount, &opened), -EXDEV);
}

static void oom_is_noticed(void **state)
{
	needs_tree();
	if (!has_controller(CONTROLLER_MEMORY)) {
		print_message("skipped: no memory controller\n");
		skip();
	}
	struct fixture *f = *state;
	f->plan.resources.memory_limit = (struct optional_i64){true, 4 << 20};
	f->plan.resources.memory_swap = (struct optional_i64){true, 4 << 20};
	locate(f, "oom");
	check(cgroup_create(&f->location, &f->plan, &f->arena));
	check(cgroup_apply(&f->location, &f->plan.resources, false));
	autoclose int watch = cgroup_oom_watch(&f->location);
	check(watch);
	uint64_t count = 99;
	check(cgroup_oom_count(&f->location, &count));
	assert_int_equal(count, 0);
	int told;
	pid_t pid = start_eater(f, 64 << 20, &told);
	(void)close(told);
	/* v2 also wakes for other counters of the same file: a wake-up is no kill. */
	while (count == 0) {
		struct pollfd poll_for = {watch, POLLIN, 0};
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		check(cgroup_oom_news(&f->location, watch, 0, &count));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f->child = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(life),
		test(memory_up_and_down),
		test(limit_below_usage),
		test(cpu_limits),
		test(unknown_cpu),
		test(device_rules),
		test(somebody_lives_here),
		test(failure_leaves_nothing),
		test(cgroups_below),
		test(destroy_kills),
		test(extended_by_update),
		test(statistics),
		test(ordinary_user),
		test(links_are_not_followed),
		test(oom_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
