// SPDX-License-Identifier: Apache-2.0

/* Mount option words and the masks they become. */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/mount_options.h"
#include "plan/oci.h"

#include <sys/mount.h>

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
		cmocka_unit_test(masks_survive_their_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
