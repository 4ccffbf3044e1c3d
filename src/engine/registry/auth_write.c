// SPDX-License-Identifier: Apache-2.0

/*
 * Changing an auth file: everything that others keep in it is written back as it was read. The file
 * is replaced in one step under a lock, so that two logins at once both last; it is its user's
 * alone, and so is a directory that is made for it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/registry/auth.h"
#include "engine/registry/base64.h"
#include "engine/registry/reference.h"
#include "plan/json.h"
#include "plan/json_write.h"

#include <fcntl.h>
#include <sys/file.h>

#define FILE_MAX ((size_t)1 << 20)

struct auth_file {
	int directory_fd; /* locked */
	const char *path, *name;
	struct json_document document;
	bool empty;
};

static void auth_file_fini(struct auth_file *file)
{
	close_now(file->directory_fd);
	json_document_fini(&file->document);
}

static int open_file(const char *path, struct arena *arena, struct auth_file *file)
{
	autofree char *real = realpath(path, NULL); /* a link to it stays a link */
	if (real)
		path = arena_strdup(arena, real);
	const char *slash = strrchr(path, '/');
	const char *directory = slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
	if (slash == path)
		directory = "/";
	file->path = path;
	file->name = slash ? slash + 1 : path;
	int r = fs_make_dirs(directory, 0700);
	if (r < 0)
		return r;
	file->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->directory_fd < 0 || flock(file->directory_fd, LOCK_EX) < 0)
		return fail(-errno, "%s", directory);
	autofree char *text = NULL;
	size_t length = 0;
	r = fs_read(file->directory_fd, file->name, FILE_MAX, &text, &length);
	if (r == -ENOENT || (r >= 0 && length == 0)) {
		file->empty = true;
		return 0;
	}
	if (r < 0)
		return fail(r, "%s", path);
	r = json_parse(text, length, path, arena, &file->document);
	return r < 0 ? r : json_expect(&file->document.top, JSON_OBJECT);
}

/* A value as it was. Numbers are kept digit by digit. */
static int copy_value(struct json_writer *writer, const struct json_value *value, const char *key)
{
	switch (value->type) {
	case JSON_NULL:
		json_write_null(writer, key);
		return 0;
	case JSON_FALSE:
	case JSON_TRUE:
		json_write_bool(writer, key, value->type == JSON_TRUE);
		return 0;
	case JSON_STRING:
		json_write_string(writer, key, value->text);
		return 0;
	case JSON_NUMBER: {
		char digits[32];
		int64_t number;
		if (value->length >= sizeof(digits))
			return refuse(-ENOTSUP, "the auth file holds a huge number");
		memcpy(digits, value->text, value->length);
		digits[value->length] = '\0';
		if (parse_int64(digits, INT64_MIN, INT64_MAX, &number) < 0)
			return refuse(-ENOTSUP, "the auth file holds a fraction");
		json_write_signed(writer, key, number);
		return 0;
	}
	default:
		break;
	}
	if (writer->depth + 2 >= array_length(writer->open))
		return refuse(-ENOTSUP, "the auth file is nested too deeply");
	json_open(writer, key, value->type == JSON_OBJECT ? '{' : '[');
	for (const struct json_value *child = value->first; child; child = child->next) {
		int r = copy_value(writer, child, child->key);
		if (r < 0)
			return r;
	}
	json_close(writer);
	return 0;
}

static void write_entry(
	struct json_writer *writer, const char *key, const struct auth *auth, struct arena *arena)
{
	json_open(writer, key, '{');
	if (auth->identity_token) {
		json_write_string(writer, "identitytoken", auth->identity_token);
	} else {
		const char *pair = arena_format(arena, "%s:%s", auth->username, auth->password);
		json_write_string(writer, "auth", base64_encode(pair, arena));
	}
	json_close(writer);
}

static bool same_registry(const char *key, const char *registry, struct arena *arena)
{
	return text_equal(auth_key(key, arena), auth_key(registry, arena));
}

/*
 * Writes the file with the entry of the registry replaced (auth NULL: left out; registry NULL: all
 * left out). Returns how many entries went.
 */
static int write_file(
	struct auth_file *file, const char *registry, const struct auth *auth, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	struct json_writer writer = {.out = &text};
	struct json auths;
	int r = 0, gone = 0;
	json_open(&writer, NULL, '{');
	json_open(&writer, "auths", '{');
	if (!file->empty && json_find(&file->document.top, "auths", &auths)) {
		r = json_expect(&auths, JSON_OBJECT);
		for (const struct json_value *child = r < 0 ? NULL : auths.value->first;
			r >= 0 && child; child = child->next) {
			if (!registry || same_registry(child->key, registry, arena))
				gone++;
			else
				r = copy_value(&writer, child, child->key);
		}
	}
	if (auth && registry)
		write_entry(&writer, registry, auth, arena);
	json_close(&writer);
	for (const struct json_value *child = file->empty ? NULL : file->document.top.value->first;
		r >= 0 && child; child = child->next)
		if (!text_equal(child->key, "auths"))
			r = copy_value(&writer, child, child->key);
	json_close(&writer);
	text_add(&text, "\n");
	if (r >= 0)
		r = fs_replace(file->directory_fd, file->name, text_get(&text), text.length, 0600);
	return r < 0 ? wrap(r, "%s", file->path) : gone;
}

static int helper_of(const struct auth_file *file, const char *registry, const char **ret)
{
	struct json helpers, helper;
	if (file->empty)
		return 0;
	const struct json *top = &file->document.top;
	if (registry && json_find(top, "credHelpers", &helpers)) {
		int r = json_expect(&helpers, JSON_OBJECT);
		if (r < 0)
			return r;
		if (json_find(&helpers, registry, &helper))
			return json_string(&helper, ret);
	}
	return json_find(top, "credsStore", &helper) ? json_string(&helper, ret) : 0;
}

int auth_store(const char *path, const char *registry, const struct auth *auth, struct arena *arena)
{
	autofini(auth_file_fini) struct auth_file file = {.directory_fd = -1};
	const char *helper = NULL;
	int r = open_file(path, arena, &file);
	if (r >= 0)
		r = helper_of(&file, registry, &helper);
	if (r < 0)
		return r;
	if (!text_empty(helper))
		return auth_helper_store(helper, registry, auth, arena);
	r = write_file(&file, registry, auth, arena);
	return r < 0 ? r : 0;
}

/* What each registry's own helper keeps. */
static int erase_with_helpers(const struct auth_file *file, struct arena *arena)
{
	struct json helpers;
	if (file->empty || !json_find(&file->document.top, "credHelpers", &helpers))
		return 0;
	int r = json_expect(&helpers, JSON_OBJECT);
	for (const struct json_value *item = r < 0 ? NULL : helpers.value->first; r >= 0 && item;
		item = item->next) {
		struct json child = json_child(&helpers, item, 0);
		const char *helper;
		r = json_string(&child, &helper);
		if (r >= 0)
			r = auth_helper_erase(helper, item->key, arena);
	}
	return r;
}

int auth_erase(const char *path, const char *registry, struct arena *arena)
{
	autofini(auth_file_fini) struct auth_file file = {.directory_fd = -1};
	const char *helper = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	int r = open_file(path, arena, &file);
	if (r >= 0)
		r = helper_of(&file, registry, &helper);
	if (r < 0)
		return r;
	if (!text_empty(helper)) {
		r = auth_helper_erase(helper, registry, arena);
		if (r < 0 || (r > 0 && registry))
			return r;
	}
	if (!registry)
		r = erase_with_helpers(&file, arena);
	if (r >= 0)
		r = write_file(&file, registry, NULL, arena);
	return r > 0 ? 1 : r;
}
