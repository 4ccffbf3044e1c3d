// SPDX-License-Identifier: Apache-2.0

/*
 * Words that configurations and records bring to the cgroup wall. The first byte
 * says which: p path, s slice, u cgroupsPath of the systemd driver, a annotation
 * "NAME=VALUE", c CPU list, k key of "unified", h huge page size, l a recorded location.
 * A refusal tells a story; what is taken keeps the promises made about it.
 */

#include "base/error.h"
#include "plan/json.h"
#include "walls/cgroup/bus_wire.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void path(const char *text)
{
	if (cgroup_path_check(text) < 0)
		return;
	demand(!strstr(text, "//") && !text_equal(text, "/") && !strchr(text, '\n'));
	demand(!text_ends(text, "/..") && !strstr(text, "/../") && !text_starts(text, "../"));
}

static void units(const char *text, struct arena *arena)
{
	const char *slice, *unit, *below;
	if (systemd_unit_names(text, "id", false, arena, &slice, &unit) == 0)
		demand(!strchr(unit, '/') && unit[0] && strlen(unit) <= 255);
	else
		return;
	if (systemd_slice_path(slice, arena, &below) == 0 && below[0])
		demand(cgroup_path_check(below) == 0);
}

static void annotation(char *text)
{
	char *value = strchr(text, '=');
	if (!value)
		return;
	*value++ = '\0';
	autofini(text_fini) struct text out = {};
	if (systemd_property_annotation(&out, text, value) < 0)
		return;
	struct bus_reader reader = {(const uint8_t *)out.bytes, out.length, 0, false};
	(void)bus_get_string(&reader);
	const char *type = bus_get_signature(&reader);
	bus_skip(&reader, &type);
	demand(!reader.bad && reader.at == reader.length && type[0] == '\0');
}

static int read_location(
	const char *text, size_t length, struct arena *arena, struct cgroup_location *ret_location)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, "record", arena, &document);
	return r < 0 ? r : cgroup_location_read(&document.top, arena, ret_location);
}

static void location(const char *text, size_t length, struct arena *arena)
{
	struct cgroup_location once, twice;
	if (read_location(text, length, arena, &once) < 0)
		return;
	for (size_t i = 0; i < once.place_count; i++)
		demand(cgroup_path_check(once.places[i].path) == 0);
	autofini(text_fini) struct text first = {}, second = {};
	cgroup_location_write(&once, &first);
	demand(read_location(text_get(&first), first.length, arena, &twice) == 0);
	cgroup_location_write(&twice, &second);
	demand(text_equal(text_get(&first), text_get(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	autofini(arena_fini) struct arena arena = {};
	char *text = arena_strndup(&arena, (const char *)data + 1, size - 1);
	const char *result;
	uint8_t *bytes;
	size_t length;
	unsigned mask;
	struct plan_key_value pair = {text, "1"};
	struct plan_resources resources = {.unified = &pair, .unified_count = 1};
	error_clear();
	switch (data[0]) {
	case 'p':
		path(text);
		break;
	case 's':
		if (systemd_slice_path(text, &arena, &result) == 0 && result[0])
			demand(cgroup_path_check(result) == 0);
		break;
	case 'u':
		units(text, &arena);
		break;
	case 'a':
		annotation(text);
		break;
	case 'c':
		if (systemd_cpu_mask(text, &arena, &bytes, &length) == 0)
			demand(length <= 1024);
		break;
	case 'k':
		if (cgroup_unified_controllers(&resources, &mask) == 0)
			demand(!strchr(text, '/') && strchr(text, '.'));
		break;
	case 'h':
		if (cgroup_check_page_size(text) == 0)
			demand(!strchr(text, '/') && !strchr(text, '.'));
		break;
	case 'l':
		location(text, size - 1, &arena);
		break;
	default:
		break;
	}
	return 0;
}
