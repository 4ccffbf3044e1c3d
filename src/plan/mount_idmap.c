// SPDX-License-Identifier: Apache-2.0

/*
 * "idmap=uids=0-1000-10#10-5000-1;gids=0-1000-10": id mappings as a mount option, the way
 * Podman's --mount and --volume hand them to crun. Each triplet is the first id in the
 * file system, the id it becomes, and how many. With "@" in front of a triplet the
 * second is an id of the container and is translated by the container's own mappings.
 */

#include "base/error.h"
#include "base/text.h"
#include "plan/chapters.h"
#include "plan/mount_options.h"

static bool take_number(const char **text, uint32_t *ret_number)
{
	size_t digits = strspn(*text, "0123456789");
	char copy[12] = "";
	uint64_t number;
	if (digits == 0 || digits >= sizeof(copy))
		return false;
	memcpy(copy, *text, digits);
	if (parse_uint64(copy, UINT32_MAX, &number) < 0)
		return false;
	*text += digits;
	*ret_number = (uint32_t)number;
	return true;
}

static bool take_character(const char **text, char wanted)
{
	bool there = **text == wanted;
	*text += there;
	return there;
}

/* What one mount's option says; relative is the same for all of its triplets. */
struct idmap_option {
	struct plan_id_maps uids, gids;
	bool relative;
};

static bool take_triplets(const char **text, struct arena *arena, struct idmap_option *option,
	struct plan_id_maps *maps)
{
	size_t room = 1;
	for (const char *c = *text; *c && *c != ';'; c++)
		room += *c == '#';
	maps->items = arena_new(arena, struct plan_id_map, room);
	do {
		struct plan_id_map *map = &maps->items[maps->count++];
		bool relative = take_character(text, '@');
		if (relative != option->relative && (option->uids.count + option->gids.count) > 1)
			return false;
		option->relative = relative;
		bool complete = take_number(text, &map->container_id) &&
				take_character(text, '-') && take_number(text, &map->host_id) &&
				take_character(text, '-') && take_number(text, &map->size);
		if (!complete)
			return false;
	} while (take_character(text, '#'));
	return true;
}

bool mount_idmap_parse(struct plan_mount *mount, const char *option, struct arena *arena)
{
	struct idmap_option parsed = {};
	bool recursive = option[0] == 'r';
	const char *text = option + (recursive ? strlen("ridmap=") : strlen("idmap="));
	do {
		bool uids = text_starts(text, "uids="), gids = text_starts(text, "gids=");
		struct plan_id_maps *maps = uids ? &parsed.uids : &parsed.gids;
		if ((!uids && !gids) || maps->count)
			return false;
		text += strlen("uids=");
		if (!take_triplets(&text, arena, &parsed, maps))
			return false;
	} while (take_character(&text, ';') && *text);
	if (*text || !parsed.uids.count || !parsed.gids.count)
		return false;
	mount->idmap = true;
	mount->idmap_recursive = recursive;
	mount->idmap_relative = parsed.relative;
	mount->uid_maps = parsed.uids;
	mount->gid_maps = parsed.gids;
	return true;
}

static bool translate(struct plan_id_maps *maps, const struct plan_id_maps *container)
{
	for (size_t i = 0; i < maps->count; i++) {
		struct plan_id_map *map = &maps->items[i];
		bool found = false;
		for (size_t k = 0; k < container->count && !found; k++) {
			const struct plan_id_map *outer = &container->items[k];
			found = map->host_id >= outer->container_id &&
				(uint64_t)map->host_id + map->size <=
					(uint64_t)outer->container_id + outer->size;
			if (found)
				map->host_id += outer->host_id - outer->container_id;
		}
		if (!found)
			return false;
	}
	return true;
}

int mount_idmap_resolve(const struct json *at, const struct plan *plan, struct plan_mount *mount)
{
	if (!mount->idmap_relative)
		return 0;
	if (!translate(&mount->uid_maps, &plan->uid_maps) ||
		!translate(&mount->gid_maps, &plan->gid_maps))
		return json_refuse(at, "idmap: the container has no such ids in one mapping");
	mount->idmap_relative = false;
	return 0;
}
