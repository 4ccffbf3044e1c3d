// SPDX-License-Identifier: Apache-2.0

/* Reads health.json, whose members are those that Docker's inspect has. */

#include "verbs/container/health.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "plan/json.h"

#include <fcntl.h>

enum { HEALTH_MAX = 1 << 20 };

static int open_health(
	const struct instance *instance, struct arena *arena, struct json_document *document)
{
	autofree char *bytes = NULL;
	size_t length;
	const char *path = arena_format(arena, "%s/health.json", instance->directory);
	int r = fs_read(AT_FDCWD, path, HEALTH_MAX, &bytes, &length);
	if (r == 0)
		r = json_parse(bytes, length, "health.json", arena, document);
	if (r < 0)
		error_clear();
	return r;
}

const char *container_health(const struct instance *instance, struct arena *arena)
{
	if (instance->health_interval_ms == 0)
		return "";
	autofini(json_document_fini) struct json_document document = {};
	if (open_health(instance, arena, &document) < 0)
		return "starting";
	const char *status = json_member_text(&document.top, "Status");
	return status[0] ? status : "starting";
}

void container_health_write(
	const struct instance *instance, struct arena *arena, struct json_writer *writer)
{
	autofini(json_document_fini) struct json_document document = {};
	bool known = open_health(instance, arena, &document) == 0;
	json_write_string(writer, "Status", container_health(instance, arena));
	json_write_signed(writer, "FailingStreak",
		known ? json_member_number(&document.top, "FailingStreak") : 0);
	json_open(writer, "Log", '[');
	struct json log;
	const struct json_value *entry =
		known && json_find(&document.top, "Log", &log) && log.value->type == JSON_ARRAY
			? log.value->first
			: NULL;
	for (size_t i = 0; entry; entry = entry->next, i++) {
		struct json at = json_child(&log, entry, i);
		if (entry->type != JSON_OBJECT)
			continue;
		json_open(writer, NULL, '{');
		json_write_string(writer, "Start", json_member_text(&at, "Start"));
		json_write_string(writer, "End", json_member_text(&at, "End"));
		json_write_signed(writer, "ExitCode", json_member_number(&at, "ExitCode"));
		json_write_string(writer, "Output", json_member_text(&at, "Output"));
		json_close(writer);
	}
	json_close(writer);
}
