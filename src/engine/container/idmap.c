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

#define RANGES_MAX 16

static void add_range(struct plan_id_maps *maps, uint32_t first, uint32_t size)
{
	const struct plan_id_map *last = &maps->items[maps->count - 1];
	maps->items[maps->count++] = (struct plan_id_map){
		.container_id = last->container_id + last->size, .host_id = first, .size = size};
}

static void add_ranges(const char *file, const char *name, struct plan_id_maps *maps)
{
	autofree char *content = NULL;
	if (fs_read(AT_FDCWD, file, 1 << 20, &content, NULL) < 0)
		return;
	char own_id[16];
	(void)snprintf(own_id, sizeof(own_id), "%u", (unsigned)getuid());
	char *rest = content, *line;
	while ((line = strsep(&rest, "\n"))) {
		const char *who = strsep(&line, ":"), *first = line ? strsep(&line, ":") : NULL;
		uint64_t start, size;
		bool his = (name && text_equal(who, name)) || text_equal(who, own_id);
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
	add_ranges("/etc/subuid", name, &uids);
	add_ranges("/etc/subgid", name, &gids);
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
