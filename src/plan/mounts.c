// SPDX-License-Identifier: Apache-2.0

/* config.md "Mounts", and the id mappings that mounts and user namespaces share. */

#include "plan/chapters.h"
#include "plan/mount_options.h"

/* ---- id mappings --------------------------------------------------------- */

/* UID_GID_MAP_MAX_EXTENTS of user_namespace.h: a longer uid_map is EINVAL. */
#define ID_MAPS_MAX 340

static bool overlap(uint32_t first_a, uint32_t size_a, uint32_t first_b, uint32_t size_b)
{
	return first_a < (uint64_t)first_b + size_b && first_b < (uint64_t)first_a + size_a;
}

int check_id_maps(const struct json *at, const char *key, const struct plan_id_maps *maps)
{
	if (maps->count > ID_MAPS_MAX)
		return json_refuse_member(
			at, key, "has %zu mappings, the kernel takes %d", maps->count, ID_MAPS_MAX);
	struct json list = {.document = at->document, .parent = at, .key = key};
	for (size_t i = 0; i < maps->count; i++) {
		const struct plan_id_map *map = &maps->items[i];
		struct json place = {.document = at->document, .parent = &list, .index = i};
		for (size_t k = 0; k < i; k++) {
			const struct plan_id_map *other = &maps->items[k];
			if (overlap(map->container_id, map->size, other->container_id, other->size))
				return json_refuse(&place, "overlaps [%zu] in the container", k);
			if (overlap(map->host_id, map->size, other->host_id, other->size))
				return json_refuse(&place, "overlaps [%zu] on the host", k);
		}
	}
	return 0;
}

/* 4294967295 is no id, so the last one that a range may hold is one below. */
static int check_id_map(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_id_map *map = target;
	if (map->size == 0)
		return json_refuse_member(at, "size", "maps nothing");
	if ((uint64_t)map->container_id + map->size > UINT32_MAX)
		return json_refuse_member(at, "size", "%u ids from %u on go beyond the last id",
			map->size, map->container_id);
	if ((uint64_t)map->host_id + map->size > UINT32_MAX)
		return json_refuse_member(at, "size", "%u ids from %u on go beyond the last id",
			map->size, map->host_id);
	return 0;
}

static const struct json_field id_map_fields[] = {
	UNSIGNED("containerID", struct plan_id_map, container_id, .flags = REQUIRED),
	UNSIGNED("hostID", struct plan_id_map, host_id, .flags = REQUIRED),
	UNSIGNED("size", struct plan_id_map, size, .flags = REQUIRED),
};
const struct json_shape id_map_shape =
	SHAPE(struct plan_id_map, id_map_fields, .check = check_id_map);

/* ---- mounts -------------------------------------------------------------- */

static int read_options(const struct json *at, struct arena *arena, void *target)
{
	struct strings options;
	int r = json_strings(at, arena, NULL, &options);
	if (r >= 0)
		plan_mount_options(target, &options, arena);
	return r;
}

static void write_options(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan_mount *mount = source;
	autofini(arena_fini) struct arena arena = {};
	struct strings words;
	plan_mount_words(mount, &arena, &words);
	json_open_lazily(writer, name, '[');
	for (size_t i = 0; i < words.count; i++)
		json_write_string(writer, NULL, words.items[i]);
	plan_mount_data_words(mount, &arena, &words);
	for (size_t i = 0; i < words.count; i++)
		json_write_string(writer, NULL, words.items[i]);
	json_close(writer);
}

static int check_maps(const struct json *at, struct plan_mount *mount)
{
	if (mount->uid_maps.count && !mount->gid_maps.count)
		return json_refuse_member(at, "gidMappings", "is missing, uidMappings is there");
	if (mount->gid_maps.count && !mount->uid_maps.count)
		return json_refuse_member(at, "uidMappings", "is missing, gidMappings is there");
	if (mount->uid_maps.count)
		mount->idmap = true;
	int r = check_id_maps(at, "uidMappings", &mount->uid_maps);
	return r < 0 ? r : check_id_maps(at, "gidMappings", &mount->gid_maps);
}

/* A mapping that nobody understood must not become data that a bind mount ignores. */
static int check_data(const struct json *at, const struct plan_mount *mount)
{
	const char *data = mount->data ? mount->data : "";
	const char *option = strstr(data, "idmap=");
	bool whole =
		option && (option == data || option[-1] == ',' ||
				  (option[-1] == 'r' && (option - 1 == data || option[-2] == ',')));
	return whole ? json_refuse_member(at, "options",
			       "%s is not written like idmap=uids=0-1000-10;gids=0-1000-10",
			       json_quote(option).text)
		     : 0;
}

/*
 * A bind mount is one by its options or, as Docker's and Podman's older files have it, by
 * its type. Without a type, only a remount or a change of propagation makes sense.
 */
static int check_mount(const struct json *at, struct arena *arena, void *target)
{
	struct plan_mount *mount = target;
	if (mount->type && text_equal(mount->type, "bind"))
		mount->bind = true;
	if (mount->bind)
		mount->type = "bind";
	if (!mount->type && !mount->remount && !mount->propagation)
		return json_refuse_member(at, "type", "is missing");
	if (mount->bind && !mount->source && !mount->remount)
		return json_refuse_member(at, "source", "is missing in a bind mount");
	int r = check_data(at, mount);
	return r < 0 ? r : check_maps(at, mount);
}

static const struct json_field mount_fields[] = {
	STRING("destination", struct plan_mount, destination, .flags = REQUIRED),
	STRING("type", struct plan_mount, type),
	STRING("source", struct plan_mount, source),
	CUSTOM("options", read_options, write_options),
	ARRAY("uidMappings", struct plan_mount, uid_maps.items, uid_maps.count, &id_map_shape),
	ARRAY("gidMappings", struct plan_mount, gid_maps.items, gid_maps.count, &id_map_shape),
};
const struct json_shape mount_shape = SHAPE(struct plan_mount, mount_fields, .check = check_mount);
