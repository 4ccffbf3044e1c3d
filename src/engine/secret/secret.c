// SPDX-License-Identifier: Apache-2.0

/*
 * Secrets on disk; see secret.h. They are not encrypted: whoever can read the file is the user
 * himself or root, who could as well read the key.
 */

#include "engine/secret/secret.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "plan/shape.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#define FILE_MAX (1u << 20)
#define ID_LENGTH 25

static const struct json_field secret_fields[] = {
	STRING("id", struct secret, id, .flags = REQUIRED),
	STRING("name", struct secret, name, .flags = REQUIRED),
	STRING("driver", struct secret, driver),
	STRING("created", struct secret, created),
	STRING("updated", struct secret, updated),
	PAIRS("labels", struct secret, labels, label_count),
	PAIRS("options", struct secret, options, option_count),
	STRING("data", struct secret, base64),
};
static const struct json_shape secret_shape = SHAPE(struct secret, secret_fields);

/* ---- base64 (RFC 4648) --------------------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *encode(const unsigned char *bytes, size_t size, struct arena *arena)
{
	char *out = arena_alloc(arena, (size + 2) / 3 * 4 + 1), *end = out;
	for (size_t i = 0; i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;
		group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= i + 2 < size ? bytes[i + 2] : 0;
		*end++ = digits[group >> 18];
		*end++ = digits[group >> 12 & 63];
		*end++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
		*end++ = i + 2 < size ? digits[group & 63] : '=';
	}
	return out;
}

int secret_bytes(
	const struct secret *secret, struct arena *arena, const char **ret_bytes, size_t *ret_size)
{
	const char *text = secret->base64 ? secret->base64 : "";
	char *out = arena_alloc(arena, strlen(text) / 4 * 3 + 4);
	size_t size = 0;
	uint32_t group = 0, bits = 0;
	for (; *text && *text != '='; text++) {
		const char *digit = strchr(digits, *text);
		if (!digit)
			return refuse(-EINVAL, "secret %s is damaged", secret->name);
		group = group << 6 | (uint32_t)(digit - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[size++] = (char)(group >> bits & 255);
		}
	}
	*ret_bytes = out;
	*ret_size = size;
	return 0;
}

/* ---- places ------------------------------------------------------------------------------------
 */

static bool name_is_valid(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) > 253)
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	return true;
}

static const char *directory_of(const char *data_root, struct arena *arena)
{
	return arena_format(arena, "%s/secrets", data_root);
}

static const char *name_path(const char *data_root, const char *name, struct arena *arena)
{
	return arena_format(arena, "%s/secrets/names/%s", data_root, name);
}

static const char *id_path(const char *data_root, const char *id, struct arena *arena)
{
	return arena_format(arena, "%s/secrets/%s.json", data_root, id);
}

static int no_such(const char *name)
{
	return refuse(-ENOENT, "no such secret: %s", name);
}

/* -ENOENT without a story. */
static int load(const char *path, struct arena *arena, struct secret *ret_secret)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &bytes, &length);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return fail(r, "secret %s", path);
	autofini(json_document_fini) struct json_document document = {};
	struct secret secret = {};
	r = json_parse(bytes, length, arena_strdup(arena, path), arena, &document);
	if (r == 0)
		r = json_shape_read(&document.top, &secret_shape, arena, &secret);
	if (r == 0)
		*ret_secret = secret;
	return r;
}

/* ---- looking
 * ------------------------------------------------------------------------------------- */

static int compare_by_name(const void *a, const void *b)
{
	return strcmp(((const struct secret *)a)->name, ((const struct secret *)b)->name);
}

int secret_list(
	const char *data_root, struct arena *arena, struct secret **ret_secrets, size_t *ret_count)
{
	const char *path = directory_of(data_root, arena);
	DIR *directory = opendir(path);
	struct secret *secrets = NULL;
	size_t count = 0, room = 0;
	if (!directory && errno != ENOENT)
		return fail(-errno, "secrets in %s", path);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		if (length != ID_LENGTH + 5 || !text_equal(entry->d_name + ID_LENGTH, ".json"))
			continue;
		if (count == room) {
			struct secret *more = arena_new(arena, struct secret, room = 2 * room + 16);
			if (count)
				memcpy(more, secrets, count * sizeof(*more));
			secrets = more;
		}
		int r = load(
			arena_format(arena, "%s/%s", path, entry->d_name), arena, &secrets[count]);
		if (r == 0)
			count++;
		else if (r != -ENOENT)
			warn("%s", error_text());
		error_clear();
	}
	if (directory)
		closedir(directory);
	if (count)
		qsort(secrets, count, sizeof(*secrets), compare_by_name);
	*ret_secrets = secrets;
	*ret_count = count;
	return 0;
}

int secret_find(
	const char *data_root, const char *name, struct arena *arena, struct secret *ret_secret)
{
	if (!name_is_valid(name))
		return no_such(name);
	int r = load(name_path(data_root, name, arena), arena, ret_secret);
	if (r != -ENOENT)
		return r;
	struct secret *secrets;
	size_t count, found = SIZE_MAX;
	r = secret_list(data_root, arena, &secrets, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!text_starts(secrets[i].id, name))
			continue;
		if (found != SIZE_MAX)
			return refuse(-EINVAL, "secret %s: more than one id begins with it", name);
		found = i;
	}
	if (found == SIZE_MAX)
		return no_such(name);
	*ret_secret = secrets[found];
	return 0;
}

/* ---- changing
 * -------------------------------------------------------------------------------------- */

static const char *random_id(struct arena *arena)
{
	unsigned char random[13] = {};
	char text[27];
	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	return arena_strndup(arena, text, ID_LENGTH);
}

static int write_file(const char *data_root, const struct secret *secret, struct arena *arena)
{
	const char *directory = directory_of(data_root, arena);
	int r = fs_make_dirs(arena_format(arena, "%s/names", directory), 0700);
	if (r < 0)
		return r;
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "secrets in %s", directory);
	autofini(text_fini) struct text json = {};
	struct json_writer writer = {.out = &json};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &secret_shape, secret);
	json_close(&writer);
	text_add(&json, "\n");
	return fs_replace(
		fd, arena_format(arena, "%s.json", secret->id), text_get(&json), json.length, 0600);
}

int secret_remove(const char *data_root, const struct secret *secret)
{
	autofini(arena_fini) struct arena arena = {};
	const char *path = id_path(data_root, secret->id, &arena);
	/* The name goes first: a crash in between leaves a file that still has its id. */
	if (unlink(name_path(data_root, secret->name, &arena)) < 0 && errno != ENOENT)
		return fail(-errno, "remove secret %s", secret->name);
	if (unlink(path) < 0)
		return errno == ENOENT ? no_such(secret->name)
				       : fail(-errno, "remove secret %s", secret->name);
	return 0;
}

static int take_name(
	const char *data_root, const struct secret *secret, bool replace, struct arena *arena)
{
	const char *path = id_path(data_root, secret->id, arena);
	const char *name = name_path(data_root, secret->name, arena);
	if (link(path, name) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(-errno, "secret %s: create %s", secret->name, name);
	if (!replace)
		return refuse(-EEXIST, "secret %s exists already", secret->name);
	/* The name is never without a secret: the new one is renamed over it. */
	struct secret old = {};
	int r = load(name, arena, &old);
	if (r < 0 && r != -ENOENT)
		error_clear(); /* a damaged one is replaced all the same */
	const char *beside =
		arena_format(arena, "%s/names/.%s", directory_of(data_root, arena), secret->id);
	if (link(path, beside) < 0 || rename(beside, name) < 0) {
		r = fail(-errno, "secret %s: replace %s", secret->name, name);
		(void)unlink(beside);
		return r;
	}
	if (old.id)
		(void)unlink(id_path(data_root, old.id, arena));
	return 0;
}

int secret_create(const char *data_root, const struct secret *wanted, const void *bytes,
	size_t size, bool replace, struct arena *arena, struct secret *ret_secret)
{
	struct secret secret = *wanted;
	if (text_empty(secret.name) || !name_is_valid(secret.name)) {
		int r = refuse(-EINVAL, "\"%s\" cannot be a secret's name",
			secret.name ? secret.name : "");
		hint("letters, digits and _.- behind a letter or digit, at most 253");
		return r;
	}
	if (secret.driver && !text_equal(secret.driver, "file"))
		return refuse(
			-EINVAL, "there is no secret driver \"%s\", only file", secret.driver);
	if (size == 0 || size > SECRET_SIZE_MAX)
		return refuse(-EINVAL, "secret %s: it must be 1 to %d bytes long, not %zu",
			secret.name, SECRET_SIZE_MAX, size);
	secret.driver = "file";
	secret.id = random_id(arena);
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const struct clock_text created = clock_format(&now);
	secret.created = secret.updated = arena_strdup(arena, created.text);
	secret.base64 = encode(bytes, size, arena);
	int r = write_file(data_root, &secret, arena);
	if (r < 0)
		return wrap(r, "secret %s", secret.name);
	r = take_name(data_root, &secret, replace, arena);
	if (r < 0) {
		(void)unlink(id_path(data_root, secret.id, arena));
		return r;
	}
	*ret_secret = secret;
	return 0;
}
