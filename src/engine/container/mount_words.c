// SPDX-License-Identifier: Apache-2.0

/*
 * Words of mounts. Docker and Podman spell the same thing in several ways, and some of their words
 * mean nothing on Linux; those are taken and left out. A word that nobody knows is refused, since a
 * misspelt "ro" is a hole.
 */

#include "engine/container/mount_words.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <ctype.h>

/* ---- small tools ------------------------------------------------------------------------ */

struct run_mount *run_mounts_add(struct run_mounts *mounts, struct arena *arena)
{
	if (mounts->count == mounts->room) {
		mounts->room = 2 * mounts->room + 8;
		struct run_mount *more = arena_new(arena, struct run_mount, mounts->room);
		if (mounts->count)
			memcpy(more, mounts->items, mounts->count * sizeof(*more));
		mounts->items = more;
	}
	return &mounts->items[mounts->count++];
}

/* Lists of a dozen words; each addition copies them. */
void run_strings_add(struct strings *strings, const char *word, struct arena *arena)
{
	const char **more = arena_new(arena, const char *, strings->count + 2);
	if (strings->count)
		memcpy(more, strings->items, strings->count * sizeof(*more));
	more[strings->count++] = word;
	strings->items = more;
}

bool run_strings_have(const struct strings *strings, const char *word)
{
	for (size_t i = 0; i < strings->count; i++)
		if (text_equal(strings->items[i], word))
			return true;
	return false;
}

bool run_is_volume_name(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) > 255)
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	return true;
}

const char *run_clean_path(const char *path, struct arena *arena)
{
	if (path[0] != '/')
		return NULL;
	char *clean = arena_strdup(arena, path), *end = clean;
	for (const char *c = path; *c;) {
		c += strspn(c, "/");
		size_t length = strcspn(c, "/");
		if (length == 2 && c[0] == '.' && c[1] == '.') {
			while (end > clean && *--end != '/')
				;
		} else if (length > 0 && !(length == 1 && c[0] == '.')) {
			*end++ = '/';
			memmove(end, c, length);
			end += length;
		}
		c += length;
	}
	*end = '\0';
	return end == clean ? NULL : clean;
}

static int set_destination(const char *option, const char *word, const char *destination,
	struct arena *arena, struct run_mount *mount)
{
	const char *clean = destination ? run_clean_path(destination, arena) : NULL;
	if (clean) {
		mount->destination = clean;
		return 0;
	}
	if (destination && destination[0] == '/')
		return refuse(-EINVAL, "%s %s: nothing can be mounted on /", option, word);
	return refuse(-EINVAL, "%s %s: \"%s\" is not an absolute path", option, word,
		destination ? destination : "");
}

/* ---- options that mean the same everywhere --------------------------------------------------- */

/* Understood, and nothing to do on Linux, or done anyway. */
static bool means_nothing(const char *option)
{
	static const char *const words[] = {"cached", "consistent", "default", "defaults",
		"delegated", "bind-nonrecursive=false"};
	for (size_t i = 0; i < array_length(words); i++)
		if (text_equal(option, words[i]))
			return true;
	return false;
}

/* What mount_setattr(2) can be asked for, and propagation. */
static bool is_attribute(const char *option)
{
	static const char *const words[] = {"ro", "rw", "rro", "suid", "nosuid", "dev", "nodev",
		"exec", "noexec", "atime", "noatime", "relatime", "norelatime", "strictatime",
		"nostrictatime", "diratime", "nodiratime", "nosymfollow", "symfollow", "bind",
		"rbind", "private", "rprivate", "slave", "rslave", "shared", "rshared",
		"unbindable", "runbindable", "idmap", "ridmap"};
	for (size_t i = 0; i < array_length(words); i++)
		if (text_equal(option, words[i]))
			return true;
	return text_starts(option, "idmap=") || text_starts(option, "ridmap=");
}

static bool selinux_is_on(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

/* 1: it was one of those that the engine carries out; 0: not. */
static int take_switch(const char *option, struct run_mount *mount)
{
	bool bind = mount->kind == RUN_MOUNT_BIND, volume = mount->kind == RUN_MOUNT_VOLUME;
	if (text_equal(option, "U") && (bind || volume))
		return mount->chown = true;
	if (text_equal(option, "O") && (bind || volume))
		return mount->overlay = true;
	if (text_equal(option, "copy") && volume)
		return mount->copy = true;
	if (text_equal(option, "nocopy") && volume) {
		mount->copy = false;
		return 1;
	}
	if ((text_equal(option, "z") || text_equal(option, "Z")) && (bind || volume)) {
		if (selinux_is_on())
			warn("volume %s: SELinux labels are not changed yet (:%s)",
				mount->destination, option);
		return 1;
	}
	return means_nothing(option);
}

static int take_options(const char *option_name, const char *word, const char *text,
	struct arena *arena, struct run_mount *mount)
{
	char *rest = arena_strdup(arena, text), *option;
	while ((option = strsep(&rest, ","))) {
		if (!*option || take_switch(option, mount))
			continue;
		bool data = mount->kind == RUN_MOUNT_TMPFS;
		bool layer = mount->overlay &&
			     (text_starts(option, "upperdir=") || text_starts(option, "workdir="));
		if (!data && !layer && !is_attribute(option)) {
			int r = refuse(
				-EINVAL, "%s %s: unknown option \"%s\"", option_name, word, option);
			hint("known: ro, rw, U, O, z, Z, copy, nocopy, idmap, noexec, nosuid, "
			     "nodev, and private, slave, shared with or without an r in front");
			return r;
		}
		run_strings_add(&mount->options, option, arena);
	}
	return 0;
}

/* ---- --volume -------------------------------------------------------------------------------- */

int run_volume_word(const char *word, struct arena *arena, struct run_mount *ret_mount)
{
	struct run_mount mount = {.kind = RUN_MOUNT_VOLUME, .copy = true};
	char *rest = arena_strdup(arena, word), *first = strsep(&rest, ":");
	const char *destination = first;
	/* One word alone is a destination; so is the first of "/data:ro". */
	const char *second = rest ? strsep(&rest, ":") : NULL;
	const char *options = rest;
	if (second && (second[0] == '/' || !first[0] || first[0] != '/' || options)) {
		destination = second;
		mount.source = first;
	} else {
		options = second;
	}
	if (mount.source && !*mount.source) {
		int r = refuse(-EINVAL, "volume \"%s\" is not SOURCE:DESTINATION[:OPTIONS]", word);
		hint("write --volume /on/the/host:/in/the/container[:ro]");
		return r;
	}
	if (mount.source && (mount.source[0] == '/' || mount.source[0] == '.')) {
		mount.kind = RUN_MOUNT_BIND;
		mount.copy = false;
	} else if (mount.source && !run_is_volume_name(mount.source)) {
		int r = refuse(
			-EINVAL, "volume %s: \"%s\" cannot be a volume's name", word, mount.source);
		hint("a directory of the host begins with / or ./ ; names are made of letters, "
		     "digits and _.-");
		return r;
	} else {
		mount.name = mount.source;
		mount.source = NULL;
		mount.anonymous = !mount.name;
	}
	int r = set_destination("volume", word, destination, arena, &mount);
	if (r == 0 && options)
		r = take_options("volume", word, options, arena, &mount);
	if (r == 0)
		*ret_mount = mount;
	return r;
}

/* ---- --tmpfs ----------------------------------------------------------------------------------
 */

int run_tmpfs_word(const char *word, struct arena *arena, struct run_mount *ret_mount)
{
	struct run_mount mount = {.kind = RUN_MOUNT_TMPFS};
	char *options = arena_strdup(arena, word), *destination = strsep(&options, ":");
	int r = set_destination("--tmpfs", word, destination, arena, &mount);
	if (r == 0 && options)
		r = take_options("--tmpfs", word, options, arena, &mount);
	if (r == 0)
		*ret_mount = mount;
	return r;
}

/* ---- --mount ----------------------------------------------------------------------------------
 */

/* The next field of a line of CSV (RFC 4180); NULL at its end or, with *ret_bad, if it is none. */
static const char *next_field(const char **rest, struct arena *arena, bool *ret_bad)
{
	const char *c = *rest;
	if (!c)
		return NULL;
	char *field = arena_strdup(arena, c), *end = field;
	bool quoted = *c == '"';
	c += quoted;
	for (; *c && (quoted || *c != ','); c++) {
		if (quoted && *c == '"') {
			if (c[1] != '"') {
				quoted = false;
				continue;
			}
			c++;
		}
		*end++ = *c;
	}
	*end = '\0';
	*ret_bad = quoted;
	*rest = *c == ',' ? c + 1 : NULL;
	return quoted ? NULL : field;
}

static int truth(const char *value)
{
	static const char *const yes[] = {"", "1", "t", "true", "yes"};
	static const char *const no[] = {"0", "f", "false", "no"};
	for (size_t i = 0; i < array_length(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return 1;
	for (size_t i = 0; i < array_length(no); i++)
		if (strcasecmp(value, no[i]) == 0)
			return 0;
	return -1;
}

struct mount_words {
	const char *word;
	struct arena *arena;
	struct run_mount mount;
	bool glob, typed;
};

static int bad_value(const struct mount_words *words, const char *key, const char *value)
{
	return refuse(
		-EINVAL, "--mount %s: %s: \"%s\" is not a value for it", words->word, key, value);
}

static int take_type(struct mount_words *words, const char *value)
{
	static const struct {
		char name[8];
		enum run_mount_kind kind;
	} kinds[] = {{"bind", RUN_MOUNT_BIND}, {"glob", RUN_MOUNT_BIND},
		{"volume", RUN_MOUNT_VOLUME}, {"tmpfs", RUN_MOUNT_TMPFS},
		{"ramfs", RUN_MOUNT_TMPFS}, {"image", RUN_MOUNT_IMAGE},
		{"devpts", RUN_MOUNT_DEVPTS}};
	for (size_t i = 0; i < array_length(kinds); i++)
		if (text_equal(value, kinds[i].name)) {
			words->mount.kind = kinds[i].kind;
			words->glob = text_equal(value, "glob");
			words->mount.copy = words->mount.kind == RUN_MOUNT_VOLUME;
			return 0;
		}
	int r = refuse(-EINVAL, "--mount %s: unknown type \"%s\"", words->word, value);
	hint("known: bind, volume, tmpfs, image, devpts, glob");
	return r;
}

/* readonly=false is rw, rw=false is ro. */
static int take_readonly(struct mount_words *words, const char *key, const char *value)
{
	int yes = truth(value);
	if (yes < 0)
		return bad_value(words, key, value);
	bool writable = text_equal(key, "rw") || text_equal(key, "readwrite");
	run_strings_add(&words->mount.options, (yes == 1) == writable ? "rw" : "ro", words->arena);
	return 0;
}

/* Keys that are a switch of ours; 1: taken, 0: another key. */
static int take_boolean(struct mount_words *words, const char *key, const char *value)
{
	static const struct {
		char key[20];
		size_t offset;
		bool inverted;
	} switches[] = {
		{"U", offsetof(struct run_mount, chown), false},
		{"chown", offsetof(struct run_mount, chown), false},
		{"O", offsetof(struct run_mount, overlay), false},
		{"volume-nocopy", offsetof(struct run_mount, copy), true},
		{"nocopy", offsetof(struct run_mount, copy), true},
		{"copy", offsetof(struct run_mount, copy), false},
	};
	for (size_t i = 0; i < array_length(switches); i++) {
		if (!text_equal(key, switches[i].key))
			continue;
		int yes = truth(value);
		if (yes < 0)
			return bad_value(words, key, value);
		*(bool *)((char *)&words->mount + switches[i].offset) =
			(yes == 1) != switches[i].inverted;
		return 1;
	}
	return 0;
}

static int take_bind_key(struct mount_words *words, const char *key, const char *value)
{
	struct strings *options = &words->mount.options;
	if (text_equal(key, "bind-propagation")) {
		if (!is_attribute(value) || !strpbrk(value, "pvhu"))
			return bad_value(words, key, value);
		run_strings_add(options, value, words->arena);
	} else if (text_equal(key, "bind-nonrecursive")) {
		int yes = truth(value);
		if (yes < 0)
			return bad_value(words, key, value);
		run_strings_add(options, yes ? "bind" : "rbind", words->arena);
	} else if (text_equal(key, "bind-recursive")) {
		if (text_equal(value, "disabled"))
			run_strings_add(options, "bind", words->arena);
		else if (text_equal(value, "readonly"))
			run_strings_add(options, "rro", words->arena);
		else if (!text_equal(value, "enabled") && !text_equal(value, "writable"))
			return bad_value(words, key, value);
	} else if (text_equal(key, "relabel")) {
		(void)take_switch(text_equal(value, "private") ? "Z" : "z", &words->mount);
	} else {
		return 0;
	}
	return 1;
}

/* "tmpfs-size=64m" is the file system's "size=64m". */
static int take_data_key(struct mount_words *words, const char *key, const char *value)
{
	static const char *const keys[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks",
		"huge", "mpol", "max", "ptmxmode"};
	const char *plain = text_starts(key, "tmpfs-") ? key + 6 : key;
	if (words->mount.kind != RUN_MOUNT_TMPFS && words->mount.kind != RUN_MOUNT_DEVPTS)
		return 0;
	for (size_t i = 0; i < array_length(keys); i++)
		if (text_equal(plain, keys[i])) {
			run_strings_add(&words->mount.options,
				arena_format(words->arena, "%s=%s", plain, value), words->arena);
			return 1;
		}
	if (text_equal(key, "tmpcopyup"))
		run_strings_add(&words->mount.options, "tmpcopyup", words->arena);
	return text_equal(key, "tmpcopyup") || text_equal(key, "notmpcopyup");
}

static bool is_one_of(const char *key, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(key, names[i]))
			return true;
	return false;
}

static int take_key(struct mount_words *words, const char *key, const char *value)
{
	static const char *const sources[] = {"source", "src"};
	static const char *const targets[] = {"target", "destination", "dst"};
	static const char *const access[] = {"readonly", "ro", "rw", "readwrite"};
	static const char *const parts[] = {"subpath", "volume-subpath", "image-subpath"};
	static const char *const nothing[] = {"consistency", "bind-nosource"};
	static const char *const making[] = {"volume-driver", "volume-label", "volume-opt"};
	struct run_mount *mount = &words->mount;
	if (is_one_of(key, sources, array_length(sources)))
		mount->source = value;
	else if (is_one_of(key, targets, array_length(targets)))
		mount->destination = value;
	else if (is_one_of(key, parts, array_length(parts)))
		mount->subpath = value;
	else if (is_one_of(key, access, array_length(access)))
		return take_readonly(words, key, value);
	else if (is_one_of(key, nothing, array_length(nothing)) ||
		 (text_equal(key, "volume-driver") && text_equal(value, "local")))
		return 0;
	else if (is_one_of(key, making, array_length(making))) {
		int r = refuse(-EINVAL, "--mount %s: %s cannot be said here", words->word, key);
		hint("make the volume first: rung volume create --opt … --label … NAME");
		return r;
	} else {
		int r = take_boolean(words, key, value);
		if (r == 0)
			r = take_bind_key(words, key, value);
		if (r == 0)
			r = take_data_key(words, key, value);
		if (r != 0)
			return r < 0 ? r : 0;
		const char *option = *value ? arena_format(words->arena, "%s=%s", key, value) : key;
		if (take_switch(option, mount))
			return 0;
		if (!is_attribute(option))
			return refuse(
				-EINVAL, "--mount %s: unknown option \"%s\"", words->word, option);
		run_strings_add(&mount->options, option, words->arena);
	}
	return 0;
}

/* The type decides what the other words mean, wherever it stands. */
static int take_fields(struct mount_words *words, bool type)
{
	const char *rest = words->word, *field;
	bool bad = false;
	while ((field = next_field(&rest, words->arena, &bad))) {
		size_t length = strcspn(field, "=");
		const char *key = arena_strndup(words->arena, field, length);
		const char *value = field[length] ? field + length + 1 : "";
		int r = 0;
		if (text_equal(key, "type"))
			r = type ? take_type(words, value) : 0;
		else if (!type && *key)
			r = take_key(words, key, value);
		if (r < 0)
			return r;
	}
	return bad ? refuse(-EINVAL, "--mount %s: a quote is not closed", words->word) : 0;
}

int run_mount_word(
	const char *word, struct arena *arena, struct run_mount *ret_mount, bool *ret_glob)
{
	struct mount_words words = {
		.word = word, .arena = arena, .mount = {.kind = RUN_MOUNT_VOLUME, .copy = true}};
	int r = take_fields(&words, true);
	if (r == 0)
		r = take_fields(&words, false);
	if (r < 0)
		return r;
	struct run_mount *mount = &words.mount;
	if (!mount->destination && words.glob && mount->source)
		mount->destination = "";
	else if (!mount->destination)
		return refuse(-EINVAL, "--mount %s: where to mount it is missing (target=)", word);
	if (*mount->destination) {
		r = set_destination("--mount", word, mount->destination, arena, mount);
		if (r < 0)
			return r;
	}
	bool wants_source = mount->kind == RUN_MOUNT_BIND || mount->kind == RUN_MOUNT_IMAGE;
	if (wants_source && text_empty(mount->source))
		return refuse(-EINVAL, "--mount %s: what to mount is missing (source=)", word);
	if (mount->kind == RUN_MOUNT_VOLUME) {
		mount->name = text_empty(mount->source) ? NULL : mount->source;
		mount->source = NULL;
		mount->anonymous = !mount->name;
		if (mount->name && !run_is_volume_name(mount->name))
			return refuse(-EINVAL, "--mount %s: \"%s\" cannot be a volume's name", word,
				mount->name);
	} else if (mount->kind == RUN_MOUNT_IMAGE) {
		mount->name = mount->source;
		mount->source = NULL;
	} else if (!wants_source && mount->source) {
		mount->source = NULL;
	}
	*ret_mount = *mount;
	*ret_glob = words.glob;
	return 0;
}
