// SPDX-License-Identifier: Apache-2.0

/* How many bytes a container and its image take, for --size. */

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/image/image.h"
#include "verbs/container/ps.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { DEEPEST = 256 };

/* What cannot be read (another user's) counts nothing. Takes over the descriptor. */
static uint64_t count_below(int fd, unsigned depth)
{
	DIR *stream = fdopendir(fd);
	if (!stream) {
		scope_close(&fd);
		return 0;
	}
	uint64_t bytes = 0;
	const struct dirent *entry;
	while ((entry = readdir(stream))) {
		const char *name = entry->d_name;
		struct stat about;
		if (text_equal(name, ".") || text_equal(name, "..") ||
			fstatat(dirfd(stream), name, &about, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(about.st_mode) || S_ISLNK(about.st_mode))
			bytes += (uint64_t)about.st_size;
		if (!S_ISDIR(about.st_mode) || depth == DEEPEST)
			continue;
		int inner = openat(
			dirfd(stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner >= 0)
			bytes += count_below(inner, depth + 1);
	}
	closedir(stream);
	return bytes;
}

uint64_t container_layer_bytes(const struct instance *instance, struct arena *arena)
{
	const char *path = arena_format(arena, "%s/layer/upper", instance->directory);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : count_below(fd, 0);
}

uint64_t container_image_bytes(const struct instance *instance, struct arena *arena)
{
	if (!instance->image_id[0])
		return 0;
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image;
	bool found = store_open(places_data(arena), &store) == 0 &&
		     image_find(&store, instance->image_id, arena, &image) == 0;
	error_clear();
	return found ? image.size : 0;
}
