// SPDX-License-Identifier: Apache-2.0

/*
 * Members that are not known are left alone: rung and rung-door of one release belong together, and
 * either may be the newer one for the moment of an upgrade.
 */

#include "handoff.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"
#include "plan/json.h"

#include <fcntl.h>

enum { HANDOFF_MAX = 4 * 1024 * 1024 };

/* ---- members --------------------------------------------------------------------------------- */

static int read_fd_value(const struct json *at, int *ret)
{
	uint64_t fd;
	int r = json_unsigned(at, 0, 1 << 20, &fd);
	if (r == 0)
		*ret = (int)fd;
	return r;
}

static int read_fd(const struct json *object, const char *key, int *ret)
{
	struct json at;
	return json_find(object, key, &at) ? read_fd_value(&at, ret) : 0;
}

static int read_string(const struct json *object, const char *key, const char **ret)
{
	struct json at;
	return json_find(object, key, &at) ? json_string(&at, ret) : 0;
}

static int read_flag(const struct json *object, const char *key, bool *ret)
{
	struct json at;
	return json_find(object, key, &at) ? json_boolean(&at, ret) : 0;
}

static int read_fds(
	const struct json *object, const char *key, struct arena *arena, struct handoff_fds *ret)
{
	struct json array;
	if (!json_find(object, key, &array))
		return 0;
	int r = json_expect(&array, JSON_ARRAY);
	if (r < 0)
		return r;
	struct handoff_fds fds = {arena_new(arena, int, array.value->length + 1), 0};
	for (const struct json_value *value = array.value->first; value; value = value->next) {
		struct json at = json_child(&array, value, fds.count);
		r = read_fd_value(&at, &fds.items[fds.count++]);
		if (r < 0)
			return r;
	}
	*ret = fds;
	return 0;
}

/* ---- permissions
 * --------------------------------------------------------------------------------- */

static int read_permission(
	const struct json *at, struct arena *arena, struct permissions *permissions)
{
	static const struct permission_place nowhere = {};
	const char *words;
	int r = json_string(at, &words);
	for (int answer = 0; r == 0 && answer <= PERMISSION_ASK; answer++) {
		const char *name = permission_answer_names[answer];
		size_t length = strlen(name);
		struct permission permission;
		if (!text_starts(words, name) || words[length] != ' ')
			continue;
		r = permission_parse(words + length + 1, (enum permission_answer)answer, &nowhere,
			arena, &permission);
		if (r == 0)
			permissions_add(permissions, &permission, arena);
		return r;
	}
	return r < 0 ? r : json_refuse(at, "%s is no permission", json_quote(words).text);
}

static int read_permissions(const struct json *top, const char *key, struct arena *arena,
	struct permissions *permissions)
{
	struct json array;
	if (!json_find(top, key, &array))
		return 0;
	int r = json_expect(&array, JSON_ARRAY);
	if (r < 0)
		return r;
	size_t index = 0;
	for (const struct json_value *value = array.value->first; r == 0 && value;
		value = value->next) {
		struct json at = json_child(&array, value, index++);
		r = read_permission(&at, arena, permissions);
	}
	return r;
}

static int read_default(const struct json *top, enum policy_otherwise *ret)
{
	static const char *const words[] = {"ask", "deny", "allow-and-record"};
	struct json at;
	const char *word;
	if (!json_find(top, "default", &at))
		return 0;
	int r = json_string(&at, &word);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_length(words); i++)
		if (text_equal(word, words[i])) {
			*ret = (enum policy_otherwise)i;
			return 0;
		}
	return json_refuse(&at, "ask, deny or allow-and-record");
}

/* ---- doors
 * ------------------------------------------------------------------------------------------ */

static int read_place(const struct json *at, struct file_door_place *ret)
{
	struct file_door_place place = {NULL, -1, -1};
	int r = json_expect(at, JSON_OBJECT);
	if (r == 0)
		r = read_string(at, "path", &place.path);
	if (r == 0)
		r = read_fd(at, "fd", &place.fuse_fd);
	if (r == 0)
		r = read_fd(at, "mount", &place.mount_fd);
	if (r < 0)
		return r;
	if (!place.path || place.path[0] != '/' || place.fuse_fd < 0 || place.mount_fd < 0)
		return json_refuse(at, "a door has an absolute \"path\", \"fd\" and \"mount\"");
	*ret = place;
	return 0;
}

static int read_places(const struct json *top, struct arena *arena, struct handoff *handoff)
{
	struct json array;
	if (!json_find(top, "fuse", &array))
		return 0;
	int r = json_expect(&array, JSON_ARRAY);
	if (r < 0)
		return r;
	handoff->places = arena_new(arena, struct file_door_place, array.value->length + 1);
	for (const struct json_value *value = array.value->first; r == 0 && value;
		value = value->next) {
		struct json at = json_child(&array, value, handoff->place_count);
		r = read_place(&at, &handoff->places[handoff->place_count]);
		handoff->place_count++;
	}
	return r;
}

/* ---- all of it
 * ----------------------------------------------------------------------------------------- */

static int read_words(const struct json *top, struct handoff *handoff)
{
	struct policy_settings *policy = &handoff->policy;
	struct ask_settings *ask = &handoff->ask;
	int r = read_string(top, "name", &ask->name);
	if (r == 0)
		r = read_string(top, "program", &policy->program);
	if (r == 0)
		r = read_string(top, "home", &policy->home);
	if (r == 0)
		r = read_string(top, "memory", &policy->memory);
	if (r == 0)
		r = read_string(top, "socket", &ask->socket);
	if (r == 0)
		r = read_string(top, "learn", &handoff->learn);
	if (r == 0)
		r = read_flag(top, "audit", &handoff->audit);
	if (r == 0)
		r = read_flag(top, "no_terminal", &ask->no_terminal);
	if (r == 0)
		r = read_flag(top, "no_desktop", &ask->no_desktop);
	return r == 0 ? read_default(top, &policy->otherwise) : r;
}

static int read_numbers(const struct json *top, struct arena *arena, struct handoff *handoff)
{
	int r = read_fd(top, "host_mounts", &handoff->host_mounts);
	if (r == 0)
		r = read_fd(top, "sandbox_mounts", &handoff->sandbox_mounts);
	if (r == 0)
		r = read_fd(top, "control", &handoff->control);
	if (r == 0)
		r = read_fd(top, "terminal", &handoff->ask.terminal_fd);
	if (r == 0)
		r = read_fds(top, "net", arena, &handoff->net);
	return r == 0 ? read_places(top, arena, handoff) : r;
}

int handoff_parse(const char *text, size_t length, struct arena *arena, struct handoff *ret)
{
	autofini(json_document_fini) struct json_document document = {};
	struct handoff handoff = {
		.ask = {.terminal_fd = -1}, .host_mounts = -1, .sandbox_mounts = -1, .control = -1};
	int r = json_parse(text, length, "handoff", arena, &document);
	if (r == 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r == 0)
		r = read_words(&document.top, &handoff);
	if (r == 0)
		r = read_permissions(
			&document.top, "permissions", arena, &handoff.policy.permissions);
	if (r == 0)
		r = read_permissions(&document.top, "granted", arena, &handoff.policy.granted);
	if (r == 0)
		r = read_numbers(&document.top, arena, &handoff);
	if (r == 0)
		*ret = handoff;
	return r;
}

static void guard(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int handoff_read(int fd, struct arena *arena, struct handoff *ret)
{
	autofree char *text = NULL;
	size_t length = 0;
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fs_read_fd(fd, HANDOFF_MAX, &text, &length);
	if (r < 0)
		return fail(r, "read what rung handed over");
	r = handoff_parse(text, length, arena, ret);
	if (r < 0)
		return r;
	guard(ret->host_mounts);
	guard(ret->sandbox_mounts);
	guard(ret->control);
	guard(ret->ask.terminal_fd);
	for (size_t i = 0; i < ret->net.count; i++)
		guard(ret->net.items[i]);
	for (size_t i = 0; i < ret->place_count; i++) {
		guard(ret->places[i].fuse_fd);
		guard(ret->places[i].mount_fd);
	}
	return 0;
}
