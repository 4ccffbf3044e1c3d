// SPDX-License-Identifier: Apache-2.0

/*
 * --secret NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]. The words are read when the
 * container is created; the secret itself is fetched at each start, and a file of it is kept in a
 * directory of the container that only its owner can enter.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/secret/secret.h"

#include <fcntl.h>

static int bad(const char *word, const char *field)
{
	int r = refuse(-EINVAL, "--secret %s: \"%s\" is not known", word, field);
	hint("write NAME,type=mount|env,target=…,uid=…,gid=…,mode=0400");
	return r;
}

static int number(const char *word, const char *field, const char *value, uint32_t *ret_number)
{
	uint64_t read;
	if (parse_uint64(value, UINT32_MAX - 1, &read) < 0)
		return bad(word, field);
	*ret_number = (uint32_t)read;
	return 0;
}

static int read_mode(const char *word, const char *field, const char *value, uint32_t *ret_mode)
{
	uint32_t mode = 0;
	for (const char *c = value; *c; c++) {
		if (*c < '0' || *c > '7' || mode > 0777)
			return bad(word, field);
		mode = mode * 8 + (uint32_t)(*c - '0');
	}
	*ret_mode = mode;
	return *value && mode <= 0777 ? 0 : bad(word, field);
}

static int take_field(const char *word, const char *field, const char *key, const char *value,
	struct run_secret *secret)
{
	if (text_equal(key, "type")) {
		secret->environment = text_equal(value, "env");
		return secret->environment || text_equal(value, "mount") ? 0 : bad(word, field);
	}
	if (text_equal(key, "source") || text_equal(key, "id"))
		secret->name = value;
	else if (text_equal(key, "target") || text_equal(key, "dst"))
		secret->target = value;
	else if (text_equal(key, "uid"))
		return number(word, field, value, &secret->uid);
	else if (text_equal(key, "gid"))
		return number(word, field, value, &secret->gid);
	else if (text_equal(key, "mode"))
		return read_mode(word, field, value, &secret->mode);
	else
		return bad(word, field);
	return 0;
}

int run_secret_word(const char *word, struct arena *arena, struct run_secret *ret_secret)
{
	struct run_secret secret = {.mode = 0444};
	char *rest = arena_strdup(arena, word), *field;
	while ((field = strsep(&rest, ","))) {
		char *value = strchr(field, '=');
		if (!*field)
			continue;
		if (!value && !secret.name) {
			secret.name = field;
			continue;
		}
		if (!value)
			return bad(word, field);
		const char *key = arena_strndup(arena, field, (size_t)(value - field));
		int r = take_field(word, field, key, value + 1, &secret);
		if (r < 0)
			return r;
	}
	if (text_empty(secret.name))
		return refuse(-EINVAL, "--secret %s: the secret's name is missing", word);
	if (!secret.target)
		secret.target = secret.name;
	if (!secret.environment && secret.target[0] != '/')
		secret.target = arena_format(arena, "/run/secrets/%s", secret.target);
	if (secret.environment && (!*secret.target || strchr(secret.target, '=')))
		return refuse(-EINVAL, "--secret %s: \"%s\" cannot be a variable's name", word,
			secret.target);
	*ret_secret = secret;
	return 0;
}

int run_resolve_secrets(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct strings *words = &request->files.secrets;
	resolved->secrets = arena_new(arena, struct run_secret, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		struct run_secret *secret = &resolved->secrets[i];
		struct secret kept = {};
		int r = run_secret_word(words->items[i], arena, secret);
		if (r == 0)
			r = secret_find(request->data_root, secret->name, arena, &kept);
		if (r < 0)
			return r;
		secret->id = kept.id;
		secret->name = kept.name;
		if (!secret->environment) {
			secret->target = run_clean_path(secret->target, arena);
			if (!secret->target)
				return refuse(-EINVAL, "--secret %s: nothing can be put on /",
					words->items[i]);
		}
	}
	resolved->secret_count = words->count;
	return 0;
}

/* A secret that was removed since is missed by its id; a new one of that name serves. */
static int fetch(const struct run_request *request, const struct run_secret *secret,
	struct arena *arena, const char **ret_bytes, size_t *ret_size)
{
	struct secret kept;
	int r = secret_find(request->data_root, secret->name, arena, &kept);
	return r < 0 ? r : secret_bytes(&kept, arena, ret_bytes, ret_size);
}

int run_secret_variables(
	const struct run_request *request, struct arena *arena, struct strings *variables)
{
	for (size_t i = 0; i < request->resolved.secret_count; i++) {
		const struct run_secret *secret = &request->resolved.secrets[i];
		const char *bytes;
		size_t size;
		if (!secret->environment)
			continue;
		int r = fetch(request, secret, arena, &bytes, &size);
		if (r < 0)
			return r;
		if (memchr(bytes, '\0', size))
			return refuse(-EINVAL, "secret %s holds a NUL, which no variable can",
				secret->name);
		run_strings_add(
			variables, arena_format(arena, "%s=%s", secret->target, bytes), arena);
	}
	return 0;
}

/* Host ids for the file, by the container's maps; an id that is not mapped stays as it is. */
static uint32_t outside(const struct plan_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id - maps->items[i].container_id < maps->items[i].size)
			return maps->items[i].host_id + (id - maps->items[i].container_id);
	return id;
}

static int write_secret(const struct run_request *request, const struct run_secret *secret,
	size_t number, const struct plan *plan, struct arena *arena, const char **ret_path)
{
	const char *name = arena_format(arena, "%zu", number);
	const char *directory = arena_format(arena, "%s/secrets", request->layer->directory);
	*ret_path = arena_format(arena, "%s/%s", directory, name);
	if (request->layer->lock_fd < 0)
		return 0;
	const char *bytes;
	size_t size;
	int r = fetch(request, secret, arena, &bytes, &size);
	if (r == 0)
		r = fs_make_dirs(directory, 0700);
	if (r < 0)
		return r;
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "secret %s", secret->name);
	r = fs_replace(fd, name, bytes, size, 0400);
	if (r < 0)
		return r;
	uid_t uid = outside(&plan->uid_maps, secret->uid);
	gid_t gid = outside(&plan->gid_maps, secret->gid);
	if ((uid != geteuid() || gid != getegid()) && fchownat(fd, name, uid, gid, 0) < 0) {
		if (errno != EPERM)
			return fail(-errno, "secret %s", secret->name);
		r = run_give(*ret_path, false, secret->uid, secret->gid, plan);
		if (r < 0)
			return r;
		return run_set_mode(*ret_path, secret->mode, plan);
	}
	return fchmodat(fd, name, secret->mode, 0) < 0 ? fail(-errno, "secret %s", secret->name)
						       : 0;
}

int run_secret_mounts(
	const struct run_request *request, struct plan *plan, struct run_plan_mounts *mounts)
{
	for (size_t i = 0; i < request->resolved.secret_count; i++) {
		const struct run_secret *secret = &request->resolved.secrets[i];
		const char *path;
		if (secret->environment)
			continue;
		int r = write_secret(request, secret, i, plan, &plan->arena, &path);
		if (r < 0)
			return r;
		*run_plan_mounts_add(mounts, &plan->arena) = (struct plan_mount){
			.destination = secret->target,
			.source = path,
			.type = "bind",
			.bind = true,
			.attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	}
	return 0;
}
