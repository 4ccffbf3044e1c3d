// SPDX-License-Identifier: Apache-2.0
#include "engine/registry/certificates.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"

#include <dirent.h>
#include <fcntl.h>

#define FILE_MAX ((size_t)1 << 20)

static int read_file(const char *directory, const char *name, struct arena *arena, const char **ret)
{
	autofree char *text = NULL;
	const char *path = arena_format(arena, "%s/%s", directory, name);
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &text, NULL);
	if (r < 0)
		return fail(r, "%s", path);
	if (!strstr(text, "-----BEGIN "))
		return refuse(-EINVAL, "%s: there is no PEM in it", path);
	*ret = arena_strdup(arena, text);
	return 0;
}

/* "client.cert" and "client.key" belong together; one without the other is a mistake worth telling.
 */
static int read_client(
	const char *directory, const char *name, struct arena *arena, struct certificates *found)
{
	const char *base = arena_strndup(arena, name, strlen(name) - strlen(".cert"));
	int r = read_file(directory, name, arena, &found->client);
	if (r < 0)
		return r;
	r = read_file(directory, arena_format(arena, "%s.key", base), arena, &found->key);
	return r < 0 ? wrap(r, "missing key %s.key for client certificate %s", base, name) : 0;
}

static int read_directory(
	const char *directory, DIR *stream, struct arena *arena, struct certificates *found)
{
	const struct dirent *entry;
	while ((entry = readdir(stream))) {
		const char *name = entry->d_name, *authority;
		int r = 0;
		if (text_ends(name, ".crt")) {
			r = read_file(directory, name, arena, &authority);
			if (r >= 0)
				found->authorities = arena_format(arena, "%s%s\n",
					found->authorities ? found->authorities : "", authority);
		} else if (text_ends(name, ".cert")) {
			r = read_client(directory, name, arena, found);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int certificates_load(
	const char *cert_dir, const char *registry, struct arena *arena, struct certificates *ret)
{
	const char *home = places_home(), *config = getenv("XDG_CONFIG_HOME");
	if (text_empty(config))
		config = home ? arena_format(arena, "%s/.config", home) : "/etc";
	const char *const usual[] = {
		arena_format(arena, "%s/containers/certs.d/%s", config, registry),
		arena_format(arena, "/etc/containers/certs.d/%s", registry),
		arena_format(arena, "/etc/docker/certs.d/%s", registry),
	};
	struct certificates found = {};
	for (size_t i = 0; i < (cert_dir ? 1 : array_length(usual)); i++) {
		const char *directory = cert_dir ? cert_dir : usual[i];
		DIR *stream = opendir(directory);
		if (!stream && !cert_dir)
			continue;
		if (!stream)
			return fail(-errno, "%s", directory);
		int r = read_directory(directory, stream, arena, &found);
		closedir(stream);
		if (r < 0)
			return r;
		break;
	}
	*ret = found;
	return 0;
}
