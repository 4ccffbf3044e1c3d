// SPDX-License-Identifier: Apache-2.0

/* Mount option words and the masks they become. */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/mount_options.h"
#include "plan/oci.h"

#include <linux/mount.h>

#define RO MOUNT_ATTR_RDONLY
#define ATIME MOUNT_ATTR__ATIME

static void apply(const char *options, struct arena *arena, struct plan_mount *mount)
{
	const char *items[32];
	struct strings words = {items, 0};
	char *rest = arena_strdup(arena, options);
	for (char *word; (word = strsep(&rest, " "));)
		items[words.count++] = word;
	*mount = (struct plan_mount){};
	plan_mount_options(mount, &words, arena);
}

static void attributes_follow_the_last_word(void **state)
{
	static const struct {
		const char *options;
		uint64_t set, clear, recursive_set, recursive_clear;
	} cases[] = {
		{"defaults", 0, 0, 0, 0},
		{"ro", RO, 0, 0, 0},
		{"rw", 0, RO, 0, 0},
		{"ro rw", 0, RO, 0, 0},
		{"rw ro", RO, 0, 0, 0},
		{"nosuid noexec nodev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, 0,
			0, 0},
		{"suid exec dev", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, 0,
			0},
		{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
		{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
		{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0},
		{"diratime", 0, MOUNT_ATTR_NODIRATIME, 0, 0},
		{"noatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"strictatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
		{"relatime", 0, ATIME, 0, 0},
		{"noatime strictatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
		{"noatime relatime", 0, ATIME, 0, 0},
		{"noatime atime", 0, ATIME, 0, 0},
		{"strictatime nostrictatime", 0, ATIME, 0, 0},
		{"noatime norelatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"norelatime", 0, 0, 0, 0},
		{"rro", 0, 0, RO, 0},
		{"rrw", 0, 0, 0, RO},
		{"rro ro rrw", RO, 0, 0, RO},
		{"rnosuid rnoexec rnodev", 0, 0,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, 0},
		{"rsuid rexec rdev", 0, 0, 0,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV},
		{"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME},
		{"rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME},
		{"rnoatime rrelatime", 0, 0, 0, ATIME},
		{"rnoatime ratime", 0, 0, 0, ATIME},
		{"rstrictatime rnostrictatime", 0, 0, 0, ATIME},
		{"rnorelatime", 0, 0, 0, 0},
		{"rnodiratime rnosymfollow", 0, 0, MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW,
			0},
		{"rdiratime rsymfollow", 0, 0, 0, MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_mount mount;
		apply(cases[i].options, &arena, &mount);
		bool equal = mount.attributes_set == cases[i].set &&
			     mount.attributes_clear == cases[i].clear &&
			     mount.recursive_set == cases[i].recursive_set &&
			     mount.recursive_clear == cases[i].recursive_clear;
		if (!equal)
			print_error("%s\n", cases[i].options);
		assert_true(equal);
		assert_null(mount.data);
	}
}

static void propagation_and_switches(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_mount mount;
	apply("rbind rslave", &arena, &mount);
	assert_true(mount.bind && mount.recursive);
	assert_int_equal(mount.propagation, MS_SLAVE | MS_REC);
	apply("bind shared runbindable", &arena, &mount);
	assert_true(mount.bind && !mount.recursive);
	assert_int_equal(mount.propagation, MS_UNBINDABLE | MS_REC);
	apply("remount tmpcopyup src-nofollow dest-nofollow", &arena, &mount);
	assert_true(mount.remount && mount.tmpcopyup);
	assert_true(mount.source_nofollow && mount.destination_nofollow);
	apply("idmap", &arena, &mount);
	assert_true(mount.idmap && !mount.idmap_recursive);
	apply("ridmap", &arena, &mount);
	assert_true(mount.idmap && mount.idmap_recursive);
}

static void the_rest_is_for_the_file_system(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_mount mount;
	apply("nosuid mode=755 silent size=1m sync iversion RO bindx", &arena, &mount);
	assert_string_equal(mount.data, "mode=755,size=1m,sync,RO,bindx");
}

/* config.md "Linux mount options", word for word: none may end up as data of the file system. */
static void the_table_of_the_specification_is_known(void **state)
{
	static const char *const words[] = {"atime", "bind", "defaults", "dev", "diratime", "exec",
		"idmap", "iversion", "loud", "noatime", "nodev", "nodiratime", "noexec",
		"noiversion", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
		"ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap",
		"rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime",
		"rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared",
		"rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared",
		"silent", "slave", "strictatime", "suid", "symfollow", "tmpcopyup", "unbindable"};
	for (size_t i = 0; i < array_length(words); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_mount mount;
		apply(words[i], &arena, &mount);
		if (mount.data)
			print_error("%s is not known\n", words[i]);
		assert_null(mount.data);
	}
	/* These the kernel's fsconfig(2) knows by name. */
	static const char *const superblock[] = {
		"async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"};
	for (size_t i = 0; i < array_length(superblock); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_mount mount;
		apply(superblock[i], &arena, &mount);
		assert_string_equal(mount.data, superblock[i]);
	}
}

/* An option that holds a comma is the file system's and does not turn into words by being written.
 */
static void data_survives_being_written(void **state)
{
	static const char *const options[] = {"size=1m mode=755", "x,ro", "ro,x y", "a,", ",",
		",a b,,c", "context=\"s0:c1,c2\" bind,ro,rbind", "bind,ro x,y"};
	for (size_t i = 0; i < array_length(options); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_mount before, after = {};
		struct strings words;
		apply(options[i], &arena, &before);
		assert_false(before.bind);
		plan_mount_data_words(&before, &arena, &words);
		plan_mount_options(&after, &words, &arena);
		assert_string_equal(before.data, after.data);
		after.data = before.data;
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void idmap_takes_mappings(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_mount mount;
	apply("bind ridmap=gids=0-100-10;uids=0-1-10#10-11-5", &arena, &mount);
	assert_true(mount.idmap && mount.idmap_recursive && !mount.idmap_relative);
	assert_null(mount.data);
	assert_int_equal(mount.uid_maps.count, 2);
	assert_int_equal(mount.uid_maps.items[1].container_id, 10);
	assert_int_equal(mount.uid_maps.items[1].host_id, 11);
	assert_int_equal(mount.uid_maps.items[1].size, 5);
	assert_int_equal(mount.gid_maps.items[0].host_id, 100);

	static const char *const wrong[] = {"idmap=", "idmap=uids=0-1-1", "idmap=uids=;gids=0-0-1",
		"idmap=uids=0-1-1;gids=0-1-1x", "idmap=uids=0-1-1;gids=0-4294967296-1",
		"idmap=uids=0-1-1;uids=0-1-1;gids=0-1-1", "idmap=uids=@0-1-1;gids=0-1-1",
		"idmap=uids=0-1-1#;gids=0-1-1", "idmap=uids=-1-1-1;gids=0-1-1"};
	for (size_t i = 0; i < array_length(wrong); i++) {
		apply(wrong[i], &arena, &mount);
		assert_false(mount.idmap);
		assert_string_equal(mount.data, wrong[i]);
	}
}

static void relative_mappings_are_translated(void **state)
{
	static const char json[] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"mounts\":[{"
		"\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"bind\","
		"\"idmap=uids=@1-3-10;gids=@0-0-1\"]}],\"linux\":{\"namespaces\":[{\"type\":"
		"\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1},"
		"{\"containerID\":1,\"hostID\":2,\"size\":1000}],\"gidMappings\":["
		"{\"containerID\":0,\"hostID\":7,\"size\":1}]}}";
	autofini(plan_fini) struct plan plan = {};
	assert_int_equal(plan_read(json, strlen(json), "config.json", NULL, &plan), 0);
	assert_int_equal(plan.mounts[0].uid_maps.items[0].container_id, 1);
	assert_int_equal(plan.mounts[0].uid_maps.items[0].host_id, 4);
	assert_int_equal(plan.mounts[0].gid_maps.items[0].host_id, 7);
	assert_false(plan.mounts[0].idmap_relative);
}

/* Words to masks to words to masks: the masks stay. */
static void masks_survive_their_words(void **state)
{
	static const char *const options[] = {"rbind rro rnosuid rdev rnoatime rprivate ridmap",
		"bind suid exec dev symfollow diratime strictatime rw src-nofollow",
		"nosuid noexec nodev nosymfollow nodiratime noatime ro remount tmpcopyup",
		"bind rrelatime rrw rsuid rexec rnodev rsymfollow rdiratime dest-nofollow idmap"};
	for (size_t i = 0; i < array_length(options); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_mount before, after = {};
		struct strings words;
		apply(options[i], &arena, &before);
		plan_mount_words(&before, &arena, &words);
		plan_mount_options(&after, &words, &arena);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_follow_the_last_word),
		cmocka_unit_test(propagation_and_switches),
		cmocka_unit_test(the_rest_is_for_the_file_system),
		cmocka_unit_test(the_table_of_the_specification_is_known),
		cmocka_unit_test(data_survives_being_written),
		cmocka_unit_test(idmap_takes_mappings),
		cmocka_unit_test(relative_mappings_are_translated),
		cmocka_unit_test(masks_survive_their_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
