// SPDX-License-Identifier: Apache-2.0

/*
 * Which ids an ordinary user may use: his own, and the ranges that /etc/subuid and /etc/subgid
 * grant him (subuid(5)), which newuidmap(1) puts into the kernel for him.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"

#include <fcntl.h>
#include <stdio.h>

/* The kernel takes 340 lines (user_namespaces(7)); who has more ranges than this has a file of his
 * own making. */
#define RANGES_MAX 64

static void add_range(struct plan_id_maps *maps, uint32_t first, uint32_t size)
{
	uint32_t next = 0;
	if (maps->count) {
		const struct plan_id_map *last = &maps->items[maps->count - 1];
		next = last->container_id + last->size;
	}
	maps->items[maps->count++] =
		(struct plan_id_map){.container_id = next, .host_id = first, .size = size};
}

/* Lines "name:first:count" of @name or, where @own_id is not NULL, of that number. */
static void add_ranges(
	const char *file, const char *name, const char *own_id, struct plan_id_maps *maps)
{
	autofree char *content = NULL;
	if (fs_read(AT_FDCWD, file, 1 << 20, &content, NULL) < 0)
		return;
	char *rest = content, *line;
	while ((line = strsep(&rest, "\n"))) {
		const char *who = strsep(&line, ":"), *first = line ? strsep(&line, ":") : NULL;
		uint64_t start, size;
		bool his = (name && text_equal(who, name)) || (own_id && text_equal(who, own_id));
		if (!his || !first || !line || parse_uint64(first, UINT32_MAX, &start) < 0 ||
			parse_uint64(line, UINT32_MAX - start, &size) < 0 || size == 0)
			continue;
		if (maps->count < RANGES_MAX)
			add_range(maps, (uint32_t)start, (uint32_t)size);
	}
}

static bool has_helpers(void)
{
	return access("/usr/bin/newuidmap", X_OK) == 0 && access("/usr/bin/newgidmap", X_OK) == 0;
}

static void start_map(struct plan_id_maps *maps, struct arena *arena, uint32_t inside, uint32_t own)
{
	*maps = (struct plan_id_maps){.items = arena_new(arena, struct plan_id_map, RANGES_MAX)};
	maps->items[maps->count++] =
		(struct plan_id_map){.container_id = inside, .host_id = own, .size = 1};
}

void run_map_ids(struct arena *arena, struct plan_id_maps *ret_uids, struct plan_id_maps *ret_gids)
{
	start_map(ret_uids, arena, 0, getuid());
	start_map(ret_gids, arena, 0, getgid());
	if (!has_helpers())
		return;
	const char *name = run_own_name(arena);
	struct plan_id_maps uids = *ret_uids, gids = *ret_gids;
	const char *own_id = arena_format(arena, "%u", (unsigned)getuid());
	add_ranges("/etc/subuid", name, own_id, &uids);
	add_ranges("/etc/subgid", name, own_id, &gids);
	/* Only together: files with an owner but without a group help nobody. */
	if (uids.count == 1 || gids.count == 1)
		return;
	*ret_uids = uids;
	*ret_gids = gids;
}

void run_map_self(struct arena *arena, struct plan_id_maps *ret_uids, struct plan_id_maps *ret_gids)
{
	start_map(ret_uids, arena, getuid(), getuid());
	start_map(ret_gids, arena, getgid(), getgid());
}

void run_map_ranges(
	const char *file, const char *name, struct arena *arena, struct plan_id_maps *ret_maps)
{
	*ret_maps =
		(struct plan_id_maps){.items = arena_new(arena, struct plan_id_map, RANGES_MAX)};
	add_ranges(file, name, NULL, ret_maps);
}
