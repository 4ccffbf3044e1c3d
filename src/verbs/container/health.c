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

static const char *text_of(const struct json *object, const char *key)
{
	struct json at;
	return json_find(object, key, &at) && at.value->type == JSON_STRING ? at.value->text : "";
}

static int64_t number_of(const struct json *object, const char *key)
{
	struct json at;
	int64_t value = 0;
	if (json_find(object, key, &at) && json_signed(&at, INT64_MIN, INT64_MAX, &value) < 0)
		error_clear();
	return value;
}

const char *container_health(const struct instance *instance, struct arena *arena)
{
	if (instance->health_interval_ms == 0)
		return "";
	autofini(json_document_fini) struct json_document document = {};
	if (open_health(instance, arena, &document) < 0)
		return "starting";
	const char *status = text_of(&document.top, "Status");
	return status[0] ? status : "starting";
}

void container_health_write(
	const struct instance *instance, struct arena *arena, struct json_writer *writer)
{
	autofini(json_document_fini) struct json_document document = {};
	bool known = open_health(instance, arena, &document) == 0;
	json_write_string(writer, "Status", container_health(instance, arena));
	json_write_signed(
		writer, "FailingStreak", known ? number_of(&document.top, "FailingStreak") : 0);
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
		json_write_string(writer, "Start", text_of(&at, "Start"));
		json_write_string(writer, "End", text_of(&at, "End"));
		json_write_signed(writer, "ExitCode", number_of(&at, "ExitCode"));
		json_write_string(writer, "Output", text_of(&at, "Output"));
		json_close(writer);
	}
	json_close(writer);
}
