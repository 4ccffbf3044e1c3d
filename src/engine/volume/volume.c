// SPDX-License-Identifier: Apache-2.0

/*
 * Volumes on disk; see volume.h for the places. Two commands that make the same volume at once both
 * prepare one and rename(2) decides, since a directory is never renamed over another that holds
 * something: the second finds the first one's.
 *
 * What is being made or removed has a name with a dot in front and is locked (flock) by whoever is
 * at it; one that nobody locks is what a killed command left, and goes when the next one comes.
 */

#include "engine/volume/volume.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/store/layer.h"
#include "plan/shape.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>

#define CONFIG_MAX (1u << 20)
#define NEW_PREFIX ".new-"
#define OLD_PREFIX ".old-"
#define YOUNG_S 2

static const struct json_field volume_fields[] = {
	STRING("name", struct volume, name, .flags = REQUIRED),
	STRING("driver", struct volume, driver),
	STRING("created", struct volume, created),
	PAIRS("labels", struct volume, labels, label_count),
	PAIRS("options", struct volume, options, option_count),
	BOOL("anonymous", struct volume, anonymous),
	UNSIGNED("uid", struct volume, uid, .presence = GIVEN(struct volume, has_owner)),
	UNSIGNED("gid", struct volume, gid, .flags = ALWAYS),
};
static const struct json_shape volume_shape = SHAPE(struct volume, volume_fields);

static bool name_is_valid(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) > 255)
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	return true;
}

static const char *volumes_directory(const char *data_root, struct arena *arena)
{
	return arena_format(arena, "%s/volumes", data_root);
}

static void set_places(const char *data_root, struct arena *arena, struct volume *volume)
{
	volume->directory =
		arena_format(arena, "%s/%s", volumes_directory(data_root, arena), volume->name);
	volume->mountpoint = arena_format(arena, "%s/data", volume->directory);
	if (!volume->driver)
		volume->driver = "local";
	if (!volume->created)
		volume->created = "";
}

static const char *random_name(struct arena *arena)
{
	unsigned char random[32] = {};
	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	char *name = arena_alloc(arena, 2 * sizeof(random) + 1);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", random[i]);
	return name;
}

/* ---- reading --------------------------------------------------------------------------- */

/* -ENOENT without a story where there is none. */
static int load(
	const char *data_root, const char *name, struct arena *arena, struct volume *ret_volume)
{
	const char *path =
		arena_format(arena, "%s/%s/config.json", volumes_directory(data_root, arena), name);
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, CONFIG_MAX, &bytes, &length);
	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return fail(r, "volume %s: read %s", name, path);
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, arena_format(arena, "volume %s", name), arena, &document);
	struct volume volume = {};
	if (r == 0)
		r = json_shape_read(&document.top, &volume_shape, arena, &volume);
	if (r < 0)
		return r;
	volume.name = arena_strdup(arena, name);
	set_places(data_root, arena, &volume);
	*ret_volume = volume;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_names(const char *data_root, struct arena *arena, struct strings *ret_names)
{
	const char *path = volumes_directory(data_root, arena);
	DIR *directory = opendir(path);
	*ret_names = (struct strings){};
	if (!directory)
		return errno == ENOENT ? 0 : fail(-errno, "volumes in %s", path);
	size_t room = 0;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (!name_is_valid(entry->d_name))
			continue;
		if (ret_names->count + 1 >= room) {
			const char **more = arena_new(arena, const char *, room = 2 * room + 32);
			if (ret_names->count)
				memcpy(more, ret_names->items, ret_names->count * sizeof(*more));
			ret_names->items = more;
		}
		ret_names->items[ret_names->count++] = arena_strdup(arena, entry->d_name);
	}
	closedir(directory);
	if (ret_names->count)
		qsort(ret_names->items, ret_names->count, sizeof(char *), compare_names);
	return 0;
}

static int no_such(const char *name)
{
	return refuse(-ENOENT, "no such volume: %s", name);
}

int volume_find(
	const char *data_root, const char *name, struct arena *arena, struct volume *ret_volume)
{
	if (!name_is_valid(name))
		return no_such(name);
	int r = load(data_root, name, arena, ret_volume);
	if (r != -ENOENT)
		return r;
	struct strings names;
	r = list_names(data_root, arena, &names);
	if (r < 0)
		return r;
	const char *found = NULL;
	for (size_t i = 0; i < names.count; i++) {
		if (!text_starts(names.items[i], name))
			continue;
		if (found)
			return refuse(
				-EINVAL, "volume %s: more than one name begins with it", name);
		found = names.items[i];
	}
	r = found ? load(data_root, found, arena, ret_volume) : -ENOENT;
	return r == -ENOENT ? no_such(name) : r;
}

int volume_list(
	const char *data_root, struct arena *arena, struct volume **ret_volumes, size_t *ret_count)
{
	struct strings names;
	int r = list_names(data_root, arena, &names);
	if (r < 0)
		return r;
	struct volume *volumes = arena_new(arena, struct volume, names.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < names.count; i++) {
		r = load(data_root, names.items[i], arena, &volumes[count]);
		if (r == 0)
			count++;
		else if (r != -ENOENT)
			warn("%s", error_text());
		error_clear();
	}
	*ret_volumes = volumes;
	*ret_count = count;
	return 0;
}

/* ---- what killed commands left --------------------------------------------------------- */

/* An old one is locked before it gets this name, a new one just after: so that one may be young. */
static bool is_ownerless(int volumes_fd, const char *name, int *ret_lock)
{
	struct stat about;
	autoclose int fd =
		openat(volumes_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &about) < 0)
		return false;
	if (text_starts(name, NEW_PREFIX) && time(NULL) - about.st_ctime < YOUNG_S)
		return false;
	*ret_lock = take_fd(fd);
	return true;
}

static void sweep(const char *volumes)
{
	DIR *directory = opendir(volumes);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		autoclose int lock = -1;
		if (!text_starts(entry->d_name, NEW_PREFIX) &&
			!text_starts(entry->d_name, OLD_PREFIX))
			continue;
		if (is_ownerless(dirfd(directory), entry->d_name, &lock) &&
			layer_remove_tree(dirfd(directory), entry->d_name) < 0)
			warn("remains of a volume: %s", error_text());
		error_clear();
	}
	if (directory)
		closedir(directory);
}

/* ---- making ------------------------------------------------------------------------------- */

static int check_options(const struct volume *wanted)
{
	static const char *const known[] = {"type", "device", "o", "copy", "nocopy", "size"};
	for (size_t i = 0; i < wanted->option_count; i++) {
		const char *key = wanted->options[i].key;
		bool found = false;
		for (size_t k = 0; k < array_length(known); k++)
			found = found || text_equal(key, known[k]);
		if (found)
			continue;
		int r = refuse(-EINVAL, "volume option \"%s\" is not known", key);
		hint("known: type=, device=, o=, nocopy");
		return r;
	}
	if (volume_option(wanted, "type") && !volume_option(wanted, "device") &&
		!text_equal(volume_option(wanted, "type"), "tmpfs"))
		return refuse(-EINVAL,
			"volume option type=%s needs a device=", volume_option(wanted, "type"));
	if (wanted->driver && !text_equal(wanted->driver, "local")) {
		int r = refuse(-EINVAL, "there is no volume driver \"%s\"", wanted->driver);
		hint("local is the only one; other file systems are options of it: --opt type=nfs "
		     "--opt device=:/path --opt o=addr=HOST");
		return r;
	}
	return 0;
}

static int write_config(int directory_fd, const struct volume *volume)
{
	autofini(text_fini) struct text json = {};
	struct json_writer writer = {.out = &json};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &volume_shape, volume);
	json_close(&writer);
	text_add(&json, "\n");
	return fs_replace(directory_fd, "config.json", text_get(&json), json.length, 0600);
}

static int fill(int directory_fd, const struct volume *volume)
{
	int r = write_config(directory_fd, volume);
	if (r < 0)
		return r;
	if (mkdirat(directory_fd, "data", 0755) < 0 || fchmodat(directory_fd, "data", 0755, 0) < 0)
		return fail(-errno, "create its data directory");
	if (volume->has_owner && fchownat(directory_fd, "data", volume->uid, volume->gid, 0) < 0)
		return fail(-errno, "give it to %u:%u", volume->uid, volume->gid);
	return 0;
}

static int make(const char *volumes, const struct volume *volume, struct arena *arena)
{
	const char *fresh = arena_format(arena, "%s/" NEW_PREFIX "%s", volumes, random_name(arena));
	if (mkdir(fresh, 0711) < 0)
		return fail(-errno, "create %s", fresh);
	autoclose int directory = open(fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = directory < 0 || flock(directory, LOCK_EX) < 0 ? fail(-errno, "open %s", fresh)
							       : fill(directory, volume);
	if (r == 0 && rename(fresh, volume->directory) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST
			    ? -EEXIST
			    : fail(-errno, "create %s", volume->directory);
	if (r < 0) {
		autoclose int all = open(volumes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct text story = {};
		text_add(&story, error_text());
		if (all >= 0)
			(void)fs_remove_tree(all, strrchr(fresh, '/') + 1);
		error_clear();
		if (story.length)
			r = error_adopt(r, text_get(&story), "");
		text_fini(&story);
	}
	return r;
}

int volume_describe(const char *data_root, const char *name)
{
	autofini(arena_fini) struct arena arena = {};
	struct volume volume = {.name = name};
	set_places(data_root, &arena, &volume);
	autoclose int fd = open(volume.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat about;
	if (fd < 0 || fstat(fd, &about) < 0)
		return fail(-errno, "volume %s", name);
	const struct clock_text created = clock_format(&about.st_mtim);
	volume.created = created.text;
	/* Nobody gave a name of that length. */
	volume.anonymous = strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
	return write_config(fd, &volume);
}

int volume_create(const char *data_root, const struct volume *wanted, bool or_existing,
	struct arena *arena, struct volume *ret_volume)
{
	struct volume volume = *wanted;
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const struct clock_text created = clock_format(&now);
	if (!volume.name)
		volume.name = random_name(arena);
	if (!name_is_valid(volume.name)) {
		int r = refuse(-EINVAL, "\"%s\" cannot be a volume's name", volume.name);
		hint("letters, digits and _.- behind a letter or digit");
		return r;
	}
	int r = check_options(&volume);
	if (r < 0)
		return r;
	if (or_existing) {
		r = load(data_root, volume.name, arena, ret_volume);
		if (r != -ENOENT)
			return r;
	}
	volume.created = arena_strdup(arena, created.text);
	set_places(data_root, arena, &volume);
	const char *volumes = volumes_directory(data_root, arena);
	/* Programs of other users reach their volumes' files through here, but list none. */
	r = fs_make_dirs(volumes, 0711);
	if (r == 0)
		sweep(volumes);
	if (r == 0)
		r = make(volumes, &volume, arena);
	if (r == -EEXIST && or_existing)
		return load(data_root, volume.name, arena, ret_volume);
	if (r == -EEXIST)
		return refuse(r, "volume %s exists already", volume.name);
	if (r < 0)
		return wrap(r, "volume %s", volume.name);
	*ret_volume = volume;
	return 0;
}

/* First out of sight, so that half a volume is never found. */
int volume_remove(const char *data_root, const struct volume *volume)
{
	autofini(arena_fini) struct arena arena = {};
	const char *volumes = volumes_directory(data_root, &arena);
	const char *old = arena_format(&arena, OLD_PREFIX "%s", random_name(&arena));
	autoclose int all = open(volumes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (all < 0)
		return fail(-errno, "volumes in %s", volumes);
	autoclose int lock =
		openat(all, volume->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock >= 0)
		(void)flock(lock, LOCK_EX | LOCK_NB);
	if (renameat(all, volume->name, all, old) < 0)
		return errno == ENOENT ? no_such(volume->name)
				       : fail(-errno, "remove volume %s", volume->name);
	int r = layer_remove_tree(all, old);
	close_now(lock);
	sweep(volumes);
	return r < 0 ? wrap(r, "remove volume %s", volume->name) : 0;
}

const char *volume_option(const struct volume *volume, const char *name)
{
	for (size_t i = 0; i < volume->option_count; i++)
		if (text_equal(volume->options[i].key, name))
			return volume->options[i].value;
	return NULL;
}

bool volume_is_plain(const struct volume *volume)
{
	return !volume_option(volume, "type") && !volume_option(volume, "device");
}
