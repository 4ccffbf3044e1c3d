// SPDX-License-Identifier: Apache-2.0

/*
 * What a rung that was killed leaves behind: a record of its container, a layer. The kernel has
 * ended the program (die_with_starter) and let go of the layer's lock, and that is how the rest is
 * recognised: no lock, no owner. A layer with a name is never removed here.
 *
 * Each run looks at a few entries from a place of its own choosing, at its end, when nobody waits:
 * a handful of dead ones is found at once, hundreds of living ones cost nothing.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/container/internal.h"
#include "rungs/container/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>

enum { LOOKS = 16, YOUNG_S = 10 };

/* A descriptor if nobody has locked the directory; -ENOENT if it is gone. */
static int lock_ownerless(const char *directory)
{
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : take_fd(fd);
}

/* A claim that never became a record; a young one may still become one. */
static int remove_torso(const char *state_root, const char *id, struct arena *arena)
{
	const char *directory = arena_format(arena, "%s/%s", state_root, id);
	autoclose int lock = lock_ownerless(directory);
	struct stat about;
	if (lock < 0 || fstat(lock, &about) < 0 || time(NULL) - about.st_mtime < YOUNG_S)
		return 0;
	return container_record_remove(state_root, id);
}

/* Records of another data directory are found by the root they name. */
static int sweep_record(const char *state_root, const char *id, struct arena *arena)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(state_root, id, &record);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return remove_torso(state_root, id, arena);
	char *layer = arena_strdup(arena, record.root_path), *slash = strrchr(layer, '/');
	if (!slash || !text_equal(slash, "/merged"))
		return 0;
	*slash = '\0';
	autoclose int lock = lock_ownerless(layer);
	if (lock < 0 && lock != -ENOENT)
		return 0;
	step("sweeping container %s", id);
	return container_delete(state_root, id, true);
}

int run_sweep_record(const char *state_root, const char *id)
{
	return container_delete(state_root, id, true);
}

static int sweep_layer(const char *layers, const char *name, struct arena *arena)
{
	const struct run_layer layer = {.id = name + 1,
		.name = name,
		.layers = layers,
		.directory = arena_format(arena, "%s/%s", layers, name)};
	autoclose int lock = lock_ownerless(layer.directory);
	if (lock < 0)
		return 0;
	step("sweeping layer %s", name);
	return run_layer_remove(&layer);
}

/* Names in @directory, nameless layers only if @hidden; those to look at come first. */
static struct strings choose(const char *directory, bool hidden, struct arena *arena)
{
	struct strings names = {};
	size_t room = 0;
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	while (stream && (entry = readdir(stream))) {
		const char *name = entry->d_name;
		if (text_equal(name, ".") || text_equal(name, "..") || (name[0] == '.') != hidden)
			continue;
		if (names.count == room) {
			const char **more = arena_new(arena, const char *, room = 2 * room + 32);
			if (names.count)
				memcpy(more, names.items, names.count * sizeof(*more));
			names.items = more;
		}
		names.items[names.count++] = arena_strdup(arena, name);
	}
	if (stream)
		closedir(stream);
	return names;
}

void run_sweep(const char *data_root, const char *state_root)
{
	autofini(arena_fini) struct arena arena = {};
	const char *layers = arena_format(&arena, "%s/layers", data_root);
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	for (int kind = 0; kind < 2; kind++) {
		struct strings names = choose(kind ? layers : state_root, kind, &arena);
		for (size_t i = 0; i < names.count && i < LOOKS; i++) {
			size_t at = ((size_t)now.tv_nsec + i) % names.count;
			int r = kind ? sweep_layer(layers, names.items[at], &arena)
				     : sweep_record(state_root, names.items[at], &arena);
			if (r < 0)
				warn("remains of an earlier run: %s", error_text());
			error_clear();
		}
	}
}
