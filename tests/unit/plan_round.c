// SPDX-License-Identifier: Apache-2.0

/*
 * Plans to JSON and back. tests/fuzz/corpus/plan/full.json uses every member there is
 * and is kept in the very form that plan_write() gives it: what the tables would lose
 * on the way shows as a difference.
 */

#include "unit.h"

#include "base/error.h"
#include "base/log.h"
#include "corpus.h"
#include "plan/chapters.h"
#include "plan/defaults.h"
#include "plan/oci.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

static void read_file(const char *name, const char *bundle, struct plan *ret_plan)
{
	autofree char *text = NULL;
	size_t length;
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", PLAN_CORPUS, name);
	assert_int_equal(fs_read(AT_FDCWD, path, 1 << 20, &text, &length), 0);
	int r = plan_read(text, length, name, bundle, ret_plan);
	if (r < 0)
		print_error("%s\n", error_text());
	assert_int_equal(r, 0);
}

/* Written, read and written again, the text must not change. */
static void assert_stable(const struct plan *plan)
{
	autofini(text_fini) struct text first = {};
	autofini(text_fini) struct text second = {};
	autofini(plan_fini) struct plan again = {};
	plan_write(plan, &first);
	int r = plan_read(text_get(&first), first.length, "written", NULL, &again);
	if (r < 0)
		print_error("%s\n%s\n", error_text(), text_get(&first));
	assert_int_equal(r, 0);
	plan_write(&again, &second);
	assert_string_equal(text_get(&first), text_get(&second));
}

static void the_full_file_loses_nothing(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(plan_fini) struct plan plan = {};
	autofini(text_fini) struct text written = {};
	static struct corpus_file files[CORPUS_MAX];
	size_t count = corpus_read(PLAN_CORPUS, &arena, files);
	read_file("full.json", NULL, &plan);
	plan_write(&plan, &written);
	for (size_t i = 0; i < count; i++) {
		if (text_equal(files[i].name, "full.json")) {
			assert_string_equal(text_get(&written), files[i].text);
			return;
		}
	}
	assert_true(false);
}

/* So that the test above keeps its promise when a member is added. */
static void look_for_members(const char *text, const struct json_shape *shape)
{
	for (unsigned i = 0; i < shape->field_count; i++) {
		const struct json_field *field = &shape->fields[i];
		char name[64];
		(void)snprintf(name, sizeof(name), "\"%s\":", field->name);
		if (!(field->flags & READ_ONLY) && !strstr(text, name)) {
			print_error("full.json has no %s\n", name);
			assert_true(false);
		}
		if (field->shape)
			look_for_members(text, field->shape);
	}
}

static void the_full_file_is_full(void **state)
{
	autofini(plan_fini) struct plan plan = {};
	autofini(text_fini) struct text written = {};
	read_file("full.json", NULL, &plan);
	plan_write(&plan, &written);
	look_for_members(text_get(&written), &plan_shape);
}

static void every_file_is_stable(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	static struct corpus_file files[CORPUS_MAX];
	size_t count = corpus_read(PLAN_CORPUS, &arena, files), read = 0;
	for (size_t i = 0; i < count; i++) {
		autofini(plan_fini) struct plan plan = {};
		if (plan_read(files[i].text, files[i].length, "file", "/bundle", &plan) < 0)
			continue;
		read++;
		assert_stable(&plan);
	}
	assert_true(read >= 3);
}

static void the_defaults_are_stable(void **state)
{
	for (int rootless = 0; rootless < 2; rootless++) {
		autofini(plan_fini) struct plan plan = {};
		plan_default(&plan, rootless);
		assert_stable(&plan);
		assert_true(plan.root_readonly);
		assert_true(plan.process.no_new_privileges);
		assert_int_equal(plan.mount_count, 7);
		assert_true(plan.masked_paths.count > 5);
		assert_int_equal(plan_new_namespace(&plan, PLAN_NS_NETWORK), !rootless);
		assert_int_equal(plan_new_namespace(&plan, PLAN_NS_USER), rootless);
		assert_int_equal(plan.uid_maps.count, rootless);
	}
}

/* ---- what the words mean ------------------------------------------------- */

static void the_process_is_understood(void **state)
{
	autofini(plan_fini) struct plan plan = {};
	read_file("full.json", NULL, &plan);
	const struct plan_process *process = &plan.process;
	assert_true(plan.has_process && process->terminal);
	assert_int_equal(process->console_width, 80);
	assert_int_equal(process->uid, 1000);
	assert_int_equal(process->additional_gids[1], 44);
	assert_true(process->has_umask && process->umask == 022);
	assert_int_equal(process->arguments.count, 3);
	assert_null(process->arguments.items[3]);
	assert_string_equal(process->arguments.items[2], "echo \"$GREETING\"\n\té…😀");
	assert_true(process->capabilities.given);
	assert_true(process->capabilities.bounding ==
		    (1ULL << CAP_CHOWN | 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_CHECKPOINT_RESTORE));
	assert_true(process->capabilities.ambient == 1ULL << CAP_SYSLOG);
	assert_int_equal(process->rlimits[1].resource, RLIMIT_CORE);
	assert_true(process->rlimits[1].hard == RLIM_INFINITY);
	assert_true(process->oom_score_adj.given && process->oom_score_adj.value == -17);
	assert_int_equal(process->scheduler.policy, SCHED_DEADLINE);
	assert_int_equal(process->scheduler.nice, -5);
	assert_int_equal(process->scheduler.flags, 5);
	assert_int_equal(process->scheduler.period_ns, 30000000);
	assert_true(process->has_io_priority);
	assert_int_equal(process->io_priority_class, IOPRIO_CLASS_BE);
	assert_string_equal(process->affinity_final, "0,2-3");
}

static void the_rest_is_understood(void **state)
{
	autofini(plan_fini) struct plan plan = {};
	read_file("full.json", "/b", &plan);
	assert_string_equal(plan.root_path, "/b/rootfs");
	assert_string_equal(plan.mounts[3].source, "/b/vol/data");
	assert_int_equal(plan.root_propagation, MS_SLAVE | MS_REC);
	assert_true(plan_new_namespace(&plan, PLAN_NS_TIME));
	assert_false(plan_new_namespace(&plan, PLAN_NS_NETWORK));
	assert_string_equal(plan.namespaces[PLAN_NS_NETWORK].path, "/run/netns/lan");
	assert_int_equal(plan.monotonic_offset.seconds, -604800);
	assert_int_equal(plan.devices[1].mode, 0666);
	assert_true(plan.devices[2].has_mode && plan.devices[2].mode == 0);
	assert_int_equal(plan.memory_policy.mode, MPOL_INTERLEAVE);
	assert_int_equal(plan.memory_policy.flags, MPOL_F_STATIC_NODES);
	assert_int_equal(plan.personality, PER_LINUX32);
	assert_int_equal(plan.hooks.count[PLAN_HOOK_POSTSTOP], 2);
	assert_int_equal(plan.hooks.items[PLAN_HOOK_PRESTART][0].timeout_s, 5);
	assert_string_equal(plan_annotation(&plan, "empty"), "");
	assert_null(plan_annotation(&plan, "none"));

	const struct plan_device_rule *rules = plan.resources.device_rules;
	assert_true(rules[0].type == 'a' && rules[0].major == -1 && rules[0].mknod);
	assert_true(rules[1].minor == 229 && rules[1].write && !rules[1].mknod);
	assert_true(plan.resources.memory_swap.given && plan.resources.memory_swap.value == -1);
	assert_true(plan.resources.has_disable_oom_killer && !plan.resources.disable_oom_killer);

	assert_true(plan.landlock.given && plan.landlock.best_effort);
	assert_int_equal(plan.landlock.ports[0].port, 443);
	assert_true(plan.landlock.paths[0].access ==
		    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			    LANDLOCK_ACCESS_FS_EXECUTE));
	assert_true(plan.landlock.handled_fs == 0xffff && plan.landlock.scoped == 3);
}

static void absent_and_null_are_the_same(void **state)
{
	autofini(plan_fini) struct plan plan = {};
	read_file("loose.json", "/b", &plan);
	assert_null(plan.hostname);
	assert_null(plan.process.apparmor_profile);
	assert_false(plan.process.capabilities.given);
	assert_false(plan.process.oom_score_adj.given);
	assert_false(plan.has_seccomp);
	assert_true(plan_new_namespace(&plan, PLAN_NS_PID));
	assert_string_equal(plan.root_path, "/srv/root");
	assert_string_equal(plan.mounts[0].type, "bind");
	assert_true(plan.mounts[0].recursive);
	assert_true(plan.mounts[1].bind);
	assert_string_equal(plan.mounts[1].source, "/b/b");
	assert_string_equal(plan.mounts[2].data, "async,size=1m");
	assert_int_equal(plan.resources.pids_limit.value, -1);
	assert_int_equal(plan.devices[0].type, 'c');
	assert_int_equal(plan.devices[0].mode, 0666);
	assert_true(plan.intel_rdt.given && plan.intel_rdt.enable_monitoring);
	assert_true(plan.resources.device_rules[0].read);
}

static void process_and_resources_stand_alone(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	static struct corpus_file files[CORPUS_MAX];
	size_t count = corpus_read(PLAN_CORPUS, &arena, files), seen = 0;
	for (size_t i = 0; i < count; i++) {
		struct plan_process process;
		struct plan_resources resources;
		const struct corpus_file *file = &files[i];
		if (text_equal(file->name, "process.json")) {
			seen++;
			assert_int_equal(plan_read_process(file->text, file->length, file->name,
						 &arena, &process),
				0);
			assert_int_equal(process.uid, 33);
			assert_string_equal(process.arguments.items[1], "-l");
		} else if (text_equal(file->name, "resources.json")) {
			seen++;
			assert_int_equal(plan_read_resources(file->text, file->length, file->name,
						 &arena, &resources),
				0);
			assert_true(resources.memory_limit.given);
			assert_int_equal(resources.cpu_quota.value, -1);
			assert_string_equal(resources.unified[0].value, "max");
		}
	}
	assert_int_equal(seen, 2);
}

static void a_bundle_is_read_where_it_lies(void **state)
{
	char directory[] = "/tmp/rung-unit-plan-XXXXXX";
	assert_non_null(mkdtemp(directory));
	int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *json = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"fs\"}}";
	autofini(plan_fini) struct plan plan = {};

	int absent = plan_read_bundle(directory, NULL, &plan);
	assert_int_equal(fs_replace(dir_fd, "config.json", json, strlen(json), 0600), 0);
	int r = plan_read_bundle(directory, NULL, &plan);
	(void)unlinkat(dir_fd, "config.json", 0);
	(void)rmdir(directory);
	(void)close(dir_fd);

	assert_int_equal(absent, -ENOENT);
	assert_int_equal(r, 0);
	assert_true(text_starts(plan.root_path, directory));
	assert_true(text_ends(plan.root_path, "/fs"));
}

static void capabilities_have_names_and_numbers(void **state)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		assert_int_equal(plan_capability(plan_capability_name(i)), i);
	assert_null(plan_capability_name(-1));
	assert_null(plan_capability_name(CAP_LAST_CAP + 1));
	assert_int_equal(plan_capability("net_admin"), CAP_NET_ADMIN);
	assert_int_equal(plan_capability("cap_Bpf"), CAP_BPF);
	assert_int_equal(plan_capability("CAP_"), -EINVAL);
	assert_int_equal(plan_capability("ALL"), -EINVAL);
}

/* config.md: "MUST be logged as a warning", and the rest of the set still counts. */
static void unknown_capabilities_are_left_out_aloud(void **state)
{
	static const char json[] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		"\"args\":[\"a\"],\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_FLY\"]}}}";
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log_configure(
		&(struct log_settings){.fd = ends[1], .level = LOG_WARNING, .program = "test"});
	autofini(plan_fini) struct plan plan = {};
	int r = plan_read(json, strlen(json), "config.json", NULL, &plan);
	log_configure(&(struct log_settings){.fd = -1, .level = LOG_WARNING, .program = "test"});
	(void)close(ends[1]);
	char said[256] = "";
	ssize_t length = read(ends[0], said, sizeof(said) - 1);
	(void)close(ends[0]);

	assert_int_equal(r, 0);
	assert_true(plan.process.capabilities.bounding == 1ULL << CAP_KILL);
	assert_true(length > 0);
	assert_string_equal(said,
		"test: warning: config.json: process.capabilities.bounding[1]: unknown capability "
		"\"CAP_FLY\" is left out\n");
}

static void kernel_parameters_become_paths(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	assert_string_equal(plan_sysctl_path("net.ipv4.ip_forward", &arena), "net/ipv4/ip_forward");
	assert_string_equal(plan_sysctl_path("net/ipv4/ip_forward", &arena), "net/ipv4/ip_forward");
	assert_string_equal(
		plan_sysctl_path("net.ipv4.conf.eth0/1.mtu", &arena), "net/ipv4/conf/eth0.1/mtu");
	assert_string_equal(
		plan_sysctl_path("net/ipv4/conf/eth0.1/mtu", &arena), "net/ipv4/conf/eth0.1/mtu");
	assert_null(plan_sysctl_path("", &arena));
	assert_null(plan_sysctl_path("net..x", &arena));
	assert_null(plan_sysctl_path("net/../x", &arena));
	assert_null(plan_sysctl_path("net.//.x", &arena));
	assert_null(plan_sysctl_path("/proc", &arena));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_full_file_loses_nothing),
		cmocka_unit_test(the_full_file_is_full),
		cmocka_unit_test(every_file_is_stable),
		cmocka_unit_test(the_defaults_are_stable),
		cmocka_unit_test(the_process_is_understood),
		cmocka_unit_test(the_rest_is_understood),
		cmocka_unit_test(absent_and_null_are_the_same),
		cmocka_unit_test(process_and_resources_stand_alone),
		cmocka_unit_test(a_bundle_is_read_where_it_lies),
		cmocka_unit_test(capabilities_have_names_and_numbers),
		cmocka_unit_test(unknown_capabilities_are_left_out_aloud),
		cmocka_unit_test(kernel_parameters_become_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
