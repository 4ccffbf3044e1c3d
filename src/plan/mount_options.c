// SPDX-License-Identifier: Apache-2.0

/*
 * Mount options: the words of config.md "Linux mount options" and of mount(8) to the
 * masks that mount_setattr(2) takes, and back.
 *
 * Each attribute is wanted on, wanted off, or left as it is; the last word wins. The
 * access times are one field of several bits: whoever sets one of its values must
 * clear the whole field (MOUNT_ATTR__ATIME), otherwise the kernel answers EINVAL.
 * "atime" and "nostrictatime" only take something back and mean the kernel's default,
 * relatime. "norelatime" asks for nothing: there has been no older default to return
 * to since Linux 2.6.30.
 *
 * What stays for the file system goes to data. The words for a superblock as a whole
 * (sync, dirsync, lazytime, mand and their opposites) are among it: fsconfig(2) knows
 * them by these names. Without any effect today and therefore taken out: defaults and
 * loud (nothing asked), silent (kernel log only), iversion and noiversion (file
 * systems decide by themselves).
 */

#include "plan/mount_options.h"
#include "base/kernel.h"
#include "base/text.h"

enum word_kind {
	SET,
	CLEAR,
	ATIME,
	RECURSIVE_SET,
	RECURSIVE_CLEAR,
	RECURSIVE_ATIME,
	PROPAGATION,
	SWITCH, /* value: enum switches */
	NOTHING,
};

enum switches { BIND, RBIND, REMOUNT, TMPCOPYUP, IDMAP, RIDMAP, SOURCE_LINK, DESTINATION_LINK };

struct mount_word {
	const char *name;
	enum word_kind kind;
	uint64_t value;
};

/* Sorted by name: searched by halves. */
static const struct mount_word mount_words[] = {
	{"atime", ATIME, MOUNT_ATTR_RELATIME},
	{"bind", SWITCH, BIND},
	{"defaults", NOTHING, 0},
	{"dest-nofollow", SWITCH, DESTINATION_LINK},
	{"dev", CLEAR, MOUNT_ATTR_NODEV},
	{"diratime", CLEAR, MOUNT_ATTR_NODIRATIME},
	{"exec", CLEAR, MOUNT_ATTR_NOEXEC},
	{"idmap", SWITCH, IDMAP},
	{"iversion", NOTHING, 0},
	{"loud", NOTHING, 0},
	{"noatime", ATIME, MOUNT_ATTR_NOATIME},
	{"nodev", SET, MOUNT_ATTR_NODEV},
	{"nodiratime", SET, MOUNT_ATTR_NODIRATIME},
	{"noexec", SET, MOUNT_ATTR_NOEXEC},
	{"noiversion", NOTHING, 0},
	{"norelatime", NOTHING, 0},
	{"nostrictatime", ATIME, MOUNT_ATTR_RELATIME},
	{"nosuid", SET, MOUNT_ATTR_NOSUID},
	{"nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"private", PROPAGATION, MS_PRIVATE},
	{"ratime", RECURSIVE_ATIME, MOUNT_ATTR_RELATIME},
	{"rbind", SWITCH, RBIND},
	{"rdev", RECURSIVE_CLEAR, MOUNT_ATTR_NODEV},
	{"rdiratime", RECURSIVE_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"relatime", ATIME, MOUNT_ATTR_RELATIME},
	{"remount", SWITCH, REMOUNT},
	{"rexec", RECURSIVE_CLEAR, MOUNT_ATTR_NOEXEC},
	{"ridmap", SWITCH, RIDMAP},
	{"rnoatime", RECURSIVE_ATIME, MOUNT_ATTR_NOATIME},
	{"rnodev", RECURSIVE_SET, MOUNT_ATTR_NODEV},
	{"rnodiratime", RECURSIVE_SET, MOUNT_ATTR_NODIRATIME},
	{"rnoexec", RECURSIVE_SET, MOUNT_ATTR_NOEXEC},
	{"rnorelatime", NOTHING, 0},
	{"rnostrictatime", RECURSIVE_ATIME, MOUNT_ATTR_RELATIME},
	{"rnosuid", RECURSIVE_SET, MOUNT_ATTR_NOSUID},
	{"rnosymfollow", RECURSIVE_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", SET, MOUNT_ATTR_RDONLY},
	{"rprivate", PROPAGATION, MS_PRIVATE | MS_REC},
	{"rrelatime", RECURSIVE_ATIME, MOUNT_ATTR_RELATIME},
	{"rro", RECURSIVE_SET, MOUNT_ATTR_RDONLY},
	{"rrw", RECURSIVE_CLEAR, MOUNT_ATTR_RDONLY},
	{"rshared", PROPAGATION, MS_SHARED | MS_REC},
	{"rslave", PROPAGATION, MS_SLAVE | MS_REC},
	{"rstrictatime", RECURSIVE_ATIME, MOUNT_ATTR_STRICTATIME},
	{"rsuid", RECURSIVE_CLEAR, MOUNT_ATTR_NOSUID},
	{"rsymfollow", RECURSIVE_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC},
	{"rw", CLEAR, MOUNT_ATTR_RDONLY},
	{"shared", PROPAGATION, MS_SHARED},
	{"silent", NOTHING, 0},
	{"slave", PROPAGATION, MS_SLAVE},
	{"src-nofollow", SWITCH, SOURCE_LINK},
	{"strictatime", ATIME, MOUNT_ATTR_STRICTATIME},
	{"suid", CLEAR, MOUNT_ATTR_NOSUID},
	{"symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"tmpcopyup", SWITCH, TMPCOPYUP},
	{"unbindable", PROPAGATION, MS_UNBINDABLE},
};

static int compare(const void *name, const void *word)
{
	return strcmp(name, ((const struct mount_word *)word)->name);
}

static const struct mount_word *find_word(const char *name)
{
	return bsearch(
		name, mount_words, array_length(mount_words), sizeof(mount_words[0]), compare);
}

static void move(uint64_t *to, uint64_t *from, uint64_t attribute)
{
	*to |= attribute;
	*from &= ~attribute;
}

static void set_atime(uint64_t *set, uint64_t *clear, uint64_t value)
{
	*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
	*clear |= MOUNT_ATTR__ATIME;
}

static void flip(struct plan_mount *mount, enum switches which)
{
	switch (which) {
	case BIND:
		mount->bind = true;
		return;
	case RBIND:
		mount->bind = mount->recursive = true;
		return;
	case REMOUNT:
		mount->remount = true;
		return;
	case TMPCOPYUP:
		mount->tmpcopyup = true;
		return;
	case IDMAP:
		mount->idmap = true;
		return;
	case RIDMAP:
		mount->idmap = mount->idmap_recursive = true;
		return;
	case SOURCE_LINK:
		mount->source_nofollow = true;
		return;
	case DESTINATION_LINK:
		mount->destination_nofollow = true;
		return;
	}
}

static void apply(struct plan_mount *mount, const struct mount_word *word)
{
	switch (word->kind) {
	case SET:
		move(&mount->attributes_set, &mount->attributes_clear, word->value);
		return;
	case CLEAR:
		move(&mount->attributes_clear, &mount->attributes_set, word->value);
		return;
	case ATIME:
		set_atime(&mount->attributes_set, &mount->attributes_clear, word->value);
		return;
	case RECURSIVE_SET:
		move(&mount->recursive_set, &mount->recursive_clear, word->value);
		return;
	case RECURSIVE_CLEAR:
		move(&mount->recursive_clear, &mount->recursive_set, word->value);
		return;
	case RECURSIVE_ATIME:
		set_atime(&mount->recursive_set, &mount->recursive_clear, word->value);
		return;
	case PROPAGATION:
		mount->propagation = word->value;
		return;
	case SWITCH:
		flip(mount, (enum switches)word->value);
		return;
	case NOTHING:
		return;
	}
}

static bool mount_idmap_option(const char *option)
{
	return text_starts(option, "idmap=") || text_starts(option, "ridmap=");
}

void plan_mount_options(
	struct plan_mount *mount, const struct strings *options, struct arena *arena)
{
	autofini(text_fini) struct text data = {};
	for (size_t i = 0; i < options->count; i++) {
		const char *option = options->items[i];
		const struct mount_word *word = find_word(option);
		if (word) {
			apply(mount, word);
		} else if (mount_idmap_option(option) && mount_idmap_parse(mount, option, arena)) {
			continue;
		} else if (option[0] != '\0') {
			text_add(&data, data.length ? "," : "");
			text_add(&data, option);
		}
	}
	if (data.length)
		mount->data = arena_strdup(arena, data.bytes);
}

/* ---- and back ------------------------------------------------------------ */

/* In the order people are used to; the recursive twin of each has an "r" in front. */
static const struct {
	uint64_t attribute;
	const char *set, *cleared, *recursive_set, *recursive_cleared;
} attribute_words[] = {
	{MOUNT_ATTR_NOSUID, "nosuid", "suid", "rnosuid", "rsuid"},
	{MOUNT_ATTR_NOEXEC, "noexec", "exec", "rnoexec", "rexec"},
	{MOUNT_ATTR_NODEV, "nodev", "dev", "rnodev", "rdev"},
	{MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow", "rnosymfollow", "rsymfollow"},
	{MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime", "rnodiratime", "rdiratime"},
};

/* Room for every word there can be at once. */
#define WORDS_MAX 40

static void add(struct strings *words, const char *word)
{
	if (word)
		words->items[words->count++] = word;
}

static const char *atime_word(uint64_t set, uint64_t clear, bool recursive)
{
	if (!(clear & MOUNT_ATTR__ATIME))
		return NULL;
	const char *word = set & MOUNT_ATTR_NOATIME       ? "rnoatime"
			   : set & MOUNT_ATTR_STRICTATIME ? "rstrictatime"
							  : "rrelatime";
	return recursive ? word : word + 1;
}

static void add_attributes(struct strings *words, const struct plan_mount *mount)
{
	for (size_t i = 0; i < array_length(attribute_words); i++) {
		uint64_t attribute = attribute_words[i].attribute;
		if (mount->attributes_set & attribute)
			add(words, attribute_words[i].set);
		if (mount->attributes_clear & attribute)
			add(words, attribute_words[i].cleared);
		if (mount->recursive_set & attribute)
			add(words, attribute_words[i].recursive_set);
		if (mount->recursive_clear & attribute)
			add(words, attribute_words[i].recursive_cleared);
	}
	add(words, atime_word(mount->attributes_set, mount->attributes_clear, false));
	add(words, atime_word(mount->recursive_set, mount->recursive_clear, true));
	add(words, mount->attributes_set & MOUNT_ATTR_RDONLY     ? "ro"
		   : mount->attributes_clear & MOUNT_ATTR_RDONLY ? "rw"
								 : NULL);
	add(words, mount->recursive_set & MOUNT_ATTR_RDONLY     ? "rro"
		   : mount->recursive_clear & MOUNT_ATTR_RDONLY ? "rrw"
								: NULL);
}

void plan_mount_words(
	const struct plan_mount *mount, struct arena *arena, struct strings *ret_words)
{
	struct strings words = {arena_new(arena, const char *, WORDS_MAX + 1), 0};
	add(&words, mount->bind ? (mount->recursive ? "rbind" : "bind") : NULL);
	add(&words, mount->remount ? "remount" : NULL);
	add_attributes(&words, mount);
	add(&words, words_name(&propagation_words, mount->propagation));
	add(&words, mount->tmpcopyup ? "tmpcopyup" : NULL);
	add(&words, mount->idmap ? (mount->idmap_recursive ? "ridmap" : "idmap") : NULL);
	add(&words, mount->source_nofollow ? "src-nofollow" : NULL);
	add(&words, mount->destination_nofollow ? "dest-nofollow" : NULL);
	*ret_words = words;
}

/* True if plan_mount_options() would not take this for data. */
static bool taken(const char *option)
{
	return option[0] == '\0' || find_word(option);
}

/*
 * Data is split where it was joined, as far as that can be told: an option that came with
 * a comma of its own ("x,ro") stays whole where a part of it would be read as a word.
 */
void plan_mount_data_words(
	const struct plan_mount *mount, struct arena *arena, struct strings *ret_words)
{
	size_t room = 2;
	for (const char *c = mount->data ? mount->data : ""; *c; c++)
		room += *c == ',';
	struct strings words = {arena_new(arena, const char *, room), 0};
	char *rest = arena_strdup(arena, mount->data);
	char *option = strsep(&rest, ",");
	for (char *next; option && (next = strsep(&rest, ",")); option = next) {
		if (taken(option) || taken(next))
			next = arena_format(arena, "%s,%s", option, next);
		else
			words.items[words.count++] = option;
	}
	if (option)
		words.items[words.count++] = option;
	*ret_words = words;
}
