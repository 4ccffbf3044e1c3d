// SPDX-License-Identifier: Apache-2.0

/*
 * What the two words of `rung cp` mean. Paths are looked at by openat2(2) inside the tree they
 * belong to, so ".." and links of a container stay in it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "verbs/container/cp.h"
#include "verbs/container/several.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LINKS_MAX 40

/* ---- words ---------------------------------------------------------------------------- */

/* A colon behind a slash, or a dot in front, belongs to a file of the host: "./a:b". */
static const char *container_end(const char *word)
{
	const char *colon = strchr(word, ':'), *slash = strchr(word, '/');
	if (word[0] == '.' || word[0] == '/' || !colon || colon == word)
		return NULL;
	return slash && slash < colon ? NULL : colon;
}

static const char *absolute(const char *path, struct arena *arena)
{
	char here[4096];
	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return path;
	return arena_format(arena, "%s/%s", here, path);
}

int cp_place_read(const char *word, struct arena *arena, struct cp_place *ret_place)
{
	struct cp_place place = CP_PLACE_NONE;
	const char *colon = container_end(word);
	if (text_equal(word, "-")) {
		place.is_stream = true;
		place.path = "";
	} else if (colon) {
		place.container = arena_strndup(arena, word, (size_t)(colon - word));
		place.path = colon[1] == '/' ? colon + 1 : arena_format(arena, "/%s", colon + 1);
		if (colon[1] == '\0')
			return refuse(-EINVAL, "%s: a path must stand behind the colon", word);
	} else {
		place.path = absolute(word, arena);
	}
	if (word[0] == '\0')
		return refuse(-EINVAL, "a path must not be empty");
	place.contents = text_ends(place.path, "/.") || text_equal(place.path, ".");
	place.ends_in_slash = place.contents || text_ends(place.path, "/");
	*ret_place = place;
	return 0;
}

/* ---- open ------------------------------------------------------------------------------- */

int cp_place_open(struct cp_place *place, struct arena *arena)
{
	if (place->root_fd >= 0)
		return 0;
	if (!place->container) {
		place->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		place->owns_root = true;
		return place->root_fd < 0 ? fail(-errno, "open /") : 0;
	}
	int r = instance_find(place->container, arena, &place->instance);
	if (r == 0)
		r = instance_tree_open(&place->instance, arena, &place->tree);
	if (r == 0)
		place->root_fd = place->tree.root_fd;
	return r;
}

void cp_place_fini(struct cp_place *place)
{
	if (place->is_shared)
		return;
	if (place->owns_root)
		close_now(place->root_fd);
	instance_tree_fini(&place->tree);
}

/* ---- look -------------------------------------------------------------------------------- */

/* "" for the root itself; blanks at the end ("/", "/.") do not count. */
static char *trimmed(const char *path, struct arena *arena)
{
	char *copy = arena_strdup(arena, path);
	size_t length = strlen(copy);
	for (;;) {
		if (length > 0 && copy[length - 1] == '/')
			length--;
		else if (length > 1 && copy[length - 1] == '.' && copy[length - 2] == '/')
			length -= 2;
		else
			break;
	}
	copy[length] = '\0';
	return copy;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Without a story: it may well not be there. */
static int look(const struct cp_place *place, const char *path, bool follow, struct stat *ret_about)
{
	autoclose int fd = fs_open_in(
		place->root_fd, path[0] ? path : "/", O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	error_clear();
	if (fd < 0)
		return fd;
	return fstat(fd, ret_about) < 0 ? -errno : 0;
}

static const char *shown(const struct cp_place *place, struct arena *arena)
{
	return place->container ? arena_format(arena, "%s:%s", place->container, place->path)
				: place->path;
}

int cp_look_at_source(const struct cp_place *place, bool follow, struct arena *arena,
	struct cp_source *ret_source)
{
	struct stat about;
	const char *path = trimmed(place->path, arena);
	int r = look(place, path, follow || place->ends_in_slash, &about);
	if (r < 0)
		return fail(r, "copy %s", shown(place, arena));
	if (place->ends_in_slash && !S_ISDIR(about.st_mode))
		return refuse(-ENOTDIR, "copy %s: not a directory", shown(place, arena));
	const char *name = last_component(path);
	if (text_equal(name, "..") || text_equal(name, "."))
		name = "";
	*ret_source = (struct cp_source){.is_directory = S_ISDIR(about.st_mode),
		.contents = place->contents || name[0] == '\0',
		.name = name[0] ? name : "root"};
	return 0;
}

/* Follows a link in the last component as far as it goes, also to what is not there yet. */
static const char *resolve_last(const struct cp_place *place, const char *path, struct arena *arena)
{
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		char target[4096];
		autoclose int fd =
			fs_open_in(place->root_fd, path[0] ? path : "/", O_PATH | O_NOFOLLOW, 0);
		error_clear();
		ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);
		if (length <= 0)
			return path;
		target[length] = '\0';
		size_t above = (size_t)(last_component(path) - path);
		path = trimmed(target[0] == '/'
				       ? target
				       : arena_format(arena, "%.*s%s", (int)above, path, target),
			arena);
	}
	return path;
}

int cp_find_target(const struct cp_place *place, const struct cp_source *source,
	struct arena *arena, struct cp_target *ret_target)
{
	struct stat about;
	const char *path = resolve_last(place, trimmed(place->path, arena), arena);
	int r = look(place, path, true, &about);
	if (r < 0 && r != -ENOENT)
		return fail(r, "copy to %s", shown(place, arena));
	bool exists = r == 0, directory = exists && S_ISDIR(about.st_mode);
	if (directory) {
		*ret_target = (struct cp_target){
			path[0] ? path : "/", source->contents ? "." : source->name};
		return 0;
	}
	if (source->is_archive)
		return refuse(exists ? -ENOTDIR : -ENOENT, "copy to %s: %s", shown(place, arena),
			exists ? "a tar is unpacked into directories only" : "no such directory");
	if (exists && source->is_directory)
		return refuse(-ENOTDIR, "copy to %s: a directory cannot be copied to a file",
			shown(place, arena));
	if (place->ends_in_slash && !source->is_directory)
		return refuse(-ENOENT, "copy to %s: no such directory", shown(place, arena));
	/* It becomes the copy, in a directory that has to be there. */
	const char *name = last_component(path);
	const char *parent = arena_strndup(arena, path, (size_t)(name - path));
	if (look(place, parent, true, &about) < 0 || !S_ISDIR(about.st_mode))
		return refuse(
			-ENOENT, "copy to %s: no such directory: %s", shown(place, arena), parent);
	*ret_target = (struct cp_target){parent[0] ? parent : "/", name};
	return 0;
}

/* ---- users -------------------------------------------------------------------------------- */

/* "1000", "1000:100"; a name is looked for in the container's own passwd(5). */
void cp_container_user(const struct cp_place *place, uid_t *ret_uid, gid_t *ret_gid)
{
	autofini(arena_fini) struct arena arena = {};
	autofree char *passwd = NULL;
	struct run_request request = {};
	unsigned uid = 0, gid = 0;
	*ret_uid = 0;
	*ret_gid = 0;
	if (instance_load_request(&place->instance, &arena, &request) < 0 ||
		text_empty(request.resolved.user)) {
		error_clear();
		return;
	}
	const char *user = request.resolved.user, *colon = strchr(user, ':');
	size_t length = colon ? (size_t)(colon - user) : strlen(user);
	int found = sscanf(user, "%u:%u", &uid, &gid);
	autoclose int fd = fs_open_in(place->root_fd, "/etc/passwd", O_RDONLY, 0);
	error_clear();
	char *rest = fd >= 0 && fs_read_fd(fd, 1 << 20, &passwd, NULL) == 0 ? passwd : NULL, *line;
	while (rest && found < 2 && (line = strsep(&rest, "\n"))) {
		unsigned line_uid, line_gid;
		char *name_end = strchr(line, ':');
		if (!name_end || sscanf(name_end, ":%*[^:]:%u:%u", &line_uid, &line_gid) != 2)
			continue;
		bool named =
			(size_t)(name_end - line) == length && strncmp(line, user, length) == 0;
		if (found == 1 ? line_uid == uid : named) {
			uid = line_uid;
			gid = line_gid;
			break;
		}
	}
	*ret_uid = uid;
	*ret_gid = gid;
}
