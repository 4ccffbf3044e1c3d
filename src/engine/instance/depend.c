// SPDX-License-Identifier: Apache-2.0

/*
 * Who shares whose namespaces. The one that depends knows it (config.json); the one that is
 * depended on has an empty file per dependent, so that its removal need not read every other
 * instance. A file that a killed command left is found out by reading the one it names.
 *
 *	<data>/containers/<id>/dependents/<id of the dependent>
 */

#include "base/error.h"
#include "engine/instance/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *place(const char *id, struct arena *arena)
{
	return arena_format(arena, "%s/%s/dependents", instance_containers(arena), id);
}

int instance_tell_peers(const struct instance *instance, bool depends, struct arena *arena)
{
	for (size_t i = 0; i < instance->depends.count; i++) {
		const char *directory = place(instance->depends.items[i], arena);
		const char *path = arena_format(arena, "%s/%s", directory, instance->id);
		if (!depends) {
			(void)unlink(path);
			continue;
		}
		(void)mkdir(directory, 0700);
		autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return fail(-errno, "write %s", path);
	}
	return 0;
}

static bool holds(const struct strings *ids, const char *id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (text_equal(ids->items[i], id))
			return true;
	return false;
}

int instance_dependents(const struct instance *instance, struct arena *arena,
	struct instance **ret_dependents, size_t *ret_count)
{
	DIR *directory = opendir(place(instance->id, arena));
	struct instance *found = NULL;
	size_t count = 0, room = 0;
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		struct instance other;
		if (!instance_is_id(entry->d_name) ||
			instance_load(entry->d_name, arena, &other) < 0 ||
			!holds(&other.depends, instance->id)) {
			error_clear();
			continue;
		}
		if (count == room) {
			struct instance *more =
				arena_new(arena, struct instance, room = 2 * room + 8);
			if (count)
				memcpy(more, found, count * sizeof(*more));
			found = more;
		}
		found[count++] = other;
	}
	if (directory)
		closedir(directory);
	*ret_dependents = found;
	*ret_count = count;
	return 0;
}
