// SPDX-License-Identifier: Apache-2.0

/*
 * registries.conf, from files to answers. A later file replaces the search list and an entry of the
 * same prefix, and adds the rest, as containers/image does. Unknown keys are passed over: they
 * belong to newer Podmans, and none of them makes anything less safe. A value of a wrong kind is an
 * error: "insecure = 'false'" must not be taken for anything.
 */

#include "engine/registry/registries.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/registry/toml.h"

#include <dirent.h>
#include <fcntl.h>

#define FILE_MAX ((size_t)1 << 20)

/* ---- reading ------------------------------------------------------------------ */

struct reading {
	struct registries *registries;
	struct arena *arena;
	struct registries_entry *entry; /* the [[registry]] we are in */
	size_t first_entry;             /* of this file */
};

/* One more element of an array that grows by doubling; counts 0, 1, 2, 4, … are its steps. */
static void *grow(struct arena *arena, void *array, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	void *longer = arena_calloc(arena, count ? count * 2 : 1, size);
	if (count > 0)
		memcpy(longer, array, count * size);
	return longer;
}

static int want(const struct toml_item *item, enum toml_type type, const char *what)
{
	return item->type == type ? 0 : toml_refuse(item, "must be %s", what);
}

static int read_text(const struct toml_item *item, const char **ret)
{
	int r = want(item, TOML_STRING, "a string");
	if (r >= 0)
		*ret = item->text;
	return r;
}

static int read_truth(const struct toml_item *item, bool *ret)
{
	int r = want(item, TOML_BOOLEAN, "true or false");
	if (r >= 0)
		*ret = item->truth;
	return r;
}

/* A place is a registry and the beginning of a path; "https://" in front is a usual mistake. */
static int read_place(const struct toml_item *item, struct arena *arena, const char **ret)
{
	const char *text;
	int r = read_text(item, &text);
	if (r < 0)
		return r;
	size_t length = strlen(text);
	while (length > 0 && text[length - 1] == '/')
		length--;
	if (length == 0 || strstr(text, "://") || strpbrk(text, " \t@"))
		return toml_refuse(
			item, "\"%s\" is not a registry's name (write host[:port][/path])", text);
	*ret = arena_strndup(arena, text, length);
	return 0;
}

static int read_mirror(const struct toml_item *item, struct reading *reading)
{
	struct registries_entry *entry = reading->entry;
	struct registries_mirror *mirror = &entry->mirrors[entry->mirror_count - 1];
	const char *pull;
	if (text_equal(item->key, "location"))
		return read_place(item, reading->arena, &mirror->location);
	if (text_equal(item->key, "insecure"))
		return read_truth(item, &mirror->insecure);
	if (!text_equal(item->key, "pull-from-mirror"))
		return 0;
	int r = read_text(item, &pull);
	if (r < 0)
		return r;
	if (text_equal(pull, "all"))
		mirror->pull = MIRROR_ALL;
	else if (text_equal(pull, "digest-only"))
		mirror->pull = MIRROR_DIGEST_ONLY;
	else if (text_equal(pull, "tag-only"))
		mirror->pull = MIRROR_TAG_ONLY;
	else
		return toml_refuse(item, "must be all, digest-only or tag-only");
	return 0;
}

static int read_entry(const struct toml_item *item, struct reading *reading)
{
	struct registries_entry *entry = reading->entry;
	if (text_equal(item->key, "prefix"))
		return read_place(item, reading->arena, &entry->prefix);
	if (text_equal(item->key, "location"))
		return read_place(item, reading->arena, &entry->location);
	if (text_equal(item->key, "insecure"))
		return read_truth(item, &entry->insecure);
	if (text_equal(item->key, "blocked"))
		return read_truth(item, &entry->blocked);
	if (text_equal(item->key, "mirror-by-digest-only"))
		return read_truth(item, &entry->mirror_by_digest_only);
	return 0;
}

static struct registries_entry *add_entry(struct reading *reading)
{
	struct registries *registries = reading->registries;
	registries->entries = grow(reading->arena, registries->entries, registries->entry_count,
		sizeof(*registries->entries));
	struct registries_entry *entry = &registries->entries[registries->entry_count++];
	*entry = (struct registries_entry){};
	return entry;
}

static int read_header(const struct toml_item *item, struct reading *reading)
{
	if (text_equal(item->table, "registry")) {
		if (item->type != TOML_ELEMENT)
			return toml_refuse(item, "write [[registry]], with two brackets");
		reading->entry = add_entry(reading);
	} else if (text_equal(item->table, "registry.mirror")) {
		struct registries_entry *entry = reading->entry;
		if (item->type != TOML_ELEMENT || !entry)
			return toml_refuse(item, "[[registry.mirror]] stands below a [[registry]]");
		entry->mirrors = grow(reading->arena, entry->mirrors, entry->mirror_count,
			sizeof(*entry->mirrors));
		entry->mirrors[entry->mirror_count++] = (struct registries_mirror){};
	}
	return 0;
}

static int read_alias(const struct toml_item *item, struct reading *reading)
{
	struct registries *registries = reading->registries;
	const char *value;
	int r = read_text(item, &value);
	if (r < 0)
		return r;
	if (value[0] && !reference_is_qualified(value))
		return toml_refuse(item, "%s names no registry", value);
	registries->aliases = grow(reading->arena, registries->aliases, registries->alias_count,
		sizeof(*registries->aliases));
	registries->aliases[registries->alias_count++] =
		(struct registries_alias){.name = item->key, .value = value};
	return 0;
}

/* Version 1: three lists. */
static int read_first_version(const struct toml_item *item, struct reading *reading)
{
	if (!text_equal(item->key, "registries"))
		return 0;
	int r = want(item, TOML_STRINGS, "a list of strings");
	if (r < 0)
		return r;
	if (text_equal(item->table, "registries.search")) {
		if (item->strings.count > 0)
			reading->registries->search = item->strings;
		return 0;
	}
	for (size_t i = 0; i < item->strings.count; i++) {
		struct registries_entry *entry = add_entry(reading);
		entry->location = item->strings.items[i];
		entry->insecure = text_equal(item->table, "registries.insecure");
		entry->blocked = text_equal(item->table, "registries.block");
	}
	return 0;
}

static int read_top(const struct toml_item *item, struct reading *reading)
{
	bool search = text_equal(item->key, "unqualified-search-registries");
	if (!search && !text_equal(item->key, "credential-helpers"))
		return 0;
	int r = want(item, TOML_STRINGS, "a list of strings");
	if (r < 0)
		return r;
	if (search)
		reading->registries->search = item->strings;
	else
		reading->registries->credential_helpers = item->strings;
	return 0;
}

static int read_item(const struct toml_item *item, void *context)
{
	struct reading *reading = context;
	if (!item->key)
		return read_header(item, reading);
	if (!item->table[0])
		return read_top(item, reading);
	if (text_equal(item->table, "registry"))
		return read_entry(item, reading);
	if (text_equal(item->table, "registry.mirror"))
		return read_mirror(item, reading);
	if (text_equal(item->table, "aliases"))
		return read_alias(item, reading);
	if (text_starts(item->table, "registries."))
		return read_first_version(item, reading);
	return 0;
}

int registries_read(
	const char *text, const char *file, struct arena *arena, struct registries *registries)
{
	struct reading reading = {
		.registries = registries, .arena = arena, .first_entry = registries->entry_count};
	int r = toml_read(text, file, arena, read_item, &reading);
	if (r < 0)
		return r;
	for (size_t i = reading.first_entry; i < registries->entry_count; i++) {
		struct registries_entry *entry = &registries->entries[i];
		if (!entry->prefix && !entry->location)
			return refuse(-EINVAL, "%s: a [[registry]] has neither location nor prefix",
				file);
		if (!entry->prefix)
			entry->prefix = entry->location;
		for (size_t k = 0; k < entry->mirror_count; k++)
			if (!entry->mirrors[k].location)
				return refuse(-EINVAL, "%s: a mirror of %s has no location", file,
					entry->prefix);
	}
	return 0;
}

/* ---- files --------------------------------------------------------------------- */

/* 1 if it was there. */
static int read_file(const char *path, struct arena *arena, struct registries *registries)
{
	autofree char *text = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &text, &length);
	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	if (r < 0)
		return fail(r, "%s", path);
	if (strlen(text) != length)
		return refuse(-EINVAL, "%s: a NUL byte", path);
	r = registries_read(text, arena_strdup(arena, path), arena, registries);
	return r < 0 ? r : 1;
}

static int ends_in_conf(const struct dirent *entry)
{
	return text_ends(entry->d_name, ".conf");
}

static int read_directory(const char *directory, struct arena *arena, struct registries *registries)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, ends_in_conf, alphasort);
	int r = 0;
	for (int i = 0; i < count; i++) {
		if (r >= 0)
			r = read_file(arena_format(arena, "%s/%s", directory, entries[i]->d_name),
				arena, registries);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : 0;
}

static const char *home_config(struct arena *arena)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = places_home();
	if (!text_empty(config))
		return arena_format(arena, "%s/containers", config);
	return home ? arena_format(arena, "%s/.config/containers", home) : NULL;
}

static const char *podman_aliases(struct arena *arena)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = places_home();
	if (places_of_system())
		return "/var/cache/containers/short-name-aliases.conf";
	if (!text_empty(cache))
		return arena_format(arena, "%s/containers/short-name-aliases.conf", cache);
	return home ? arena_format(arena, "%s/.cache/containers/short-name-aliases.conf", home)
		    : "/nowhere";
}

static int load_files(struct arena *arena, struct registries *registries)
{
	const char *only = getenv("CONTAINERS_REGISTRIES_CONF"), *home = home_config(arena);
	if (!text_empty(only)) {
		int r = read_file(only, arena, registries);
		return r == 0 ? fail(-ENOENT, "%s", only) : r;
	}
	int r = home ? read_file(arena_format(arena, "%s/registries.conf", home), arena, registries)
		     : 0;
	if (r == 0)
		r = read_file("/etc/containers/registries.conf", arena, registries);
	if (r >= 0)
		r = read_directory("/etc/containers/registries.conf.d", arena, registries);
	if (r >= 0 && home)
		r = read_directory(
			arena_format(arena, "%s/registries.conf.d", home), arena, registries);
	if (r >= 0)
		r = read_file(podman_aliases(arena), arena, registries);
	return r < 0 ? r : 0;
}

int registries_load(struct arena *arena, struct registries *ret)
{
	struct registries registries = {};
	int r = load_files(arena, &registries);
	if (r < 0)
		return r;
	if (registries.search.count == 0) {
		registries.search =
			(struct strings){.items = arena_new(arena, const char *, 2), .count = 1};
		registries.search.items[0] = REFERENCE_DOCKER_HUB;
	}
	*ret = registries;
	return 0;
}

/* ---- questions ------------------------------------------------------------------- */

const char *registries_alias(const struct registries *registries, const char *name)
{
	for (size_t i = registries->alias_count; i-- > 0;)
		if (text_equal(registries->aliases[i].name, name))
			return registries->aliases[i].value[0] ? registries->aliases[i].value
							       : NULL;
	return NULL;
}

/* How many bytes of the name the prefix covers, 0 if it is not meant. "*.example.com" covers hosts.
 */
static size_t covers(const char *prefix, const char *name)
{
	if (text_starts(prefix, "*.")) {
		size_t host = strcspn(name, "/"), tail = strlen(prefix + 1);
		bool meant = host > tail && memcmp(name + host - tail, prefix + 1, tail) == 0;
		return meant ? host : 0;
	}
	size_t length = strlen(prefix);
	if (strncmp(name, prefix, length) != 0)
		return 0;
	return name[length] == '/' || name[length] == '\0' ? length : 0;
}

static const struct registries_entry *entry_of(
	const struct registries *registries, const char *name, size_t *ret_covered)
{
	const struct registries_entry *best = NULL;
	size_t best_length = 0;
	for (size_t i = 0; i < registries->entry_count; i++) {
		const struct registries_entry *entry = &registries->entries[i];
		size_t covered = covers(entry->prefix, name);
		size_t length = covered ? strlen(entry->prefix) : 0;
		if (covered && length >= best_length) { /* the later file wins */
			best = entry;
			best_length = length;
			*ret_covered = covered;
		}
	}
	return best;
}

bool registries_is_loopback(const char *registry)
{
	static const char *const names[] = {"localhost", "[::1]"};
	for (size_t i = 0; i < array_length(names); i++) {
		size_t length = strlen(names[i]);
		if (strncmp(registry, names[i], length) == 0 &&
			(registry[length] == ':' || registry[length] == '\0'))
			return true;
	}
	size_t host = strcspn(registry, ":");
	return text_starts(registry, "127.") && strspn(registry, "0123456789.") == host;
}

/* The name with what is covered replaced by the location, as registry and repository. */
static int rewrite(const char *location, const char *rest, struct arena *arena,
	struct registries_source *source)
{
	const char *name = arena_format(arena, "%s%s", location, rest);
	const char *slash = strchr(name, '/');
	struct reference reference;
	int r = slash ? reference_parse(name, arena, &reference)
		      : refuse(-EINVAL, "%s names no image", name);
	if (r < 0)
		return wrap(r, "registries.conf");
	source->registry = arena_strndup(arena, name, (size_t)(slash - name));
	source->repository = slash + 1;
	return 0;
}

static bool is_allowed(const struct registries_entry *entry, const struct registries_mirror *mirror,
	const struct reference *reference)
{
	bool by_digest = reference->digest;
	if (entry->mirror_by_digest_only || mirror->pull == MIRROR_DIGEST_ONLY)
		return by_digest;
	return mirror->pull != MIRROR_TAG_ONLY || !by_digest;
}

int registries_sources(const struct registries *registries, const struct reference *reference,
	bool push, struct arena *arena, struct registries_source **ret_sources, size_t *ret_count)
{
	const char *name = reference_repository(reference, arena);
	size_t covered = 0, count = 0;
	const struct registries_entry *entry = entry_of(registries, name, &covered);
	struct registries_source *sources =
		arena_new(arena, struct registries_source, 1 + (entry ? entry->mirror_count : 0));
	if (entry && entry->blocked)
		return refuse(-EPERM, "registry %s is blocked in registries.conf", entry->prefix);
	for (size_t i = 0; entry && !push && i < entry->mirror_count; i++) {
		const struct registries_mirror *mirror = &entry->mirrors[i];
		if (!is_allowed(entry, mirror, reference))
			continue;
		struct registries_source *source = &sources[count++];
		int r = rewrite(mirror->location, name + covered, arena, source);
		if (r < 0)
			return r;
		source->insecure = mirror->insecure || registries_is_loopback(source->registry);
		source->mirror = true;
	}
	struct registries_source *source = &sources[count++];
	source->registry = reference->registry;
	source->repository = reference->repository;
	if (entry && entry->location) {
		int r = rewrite(entry->location, name + covered, arena, source);
		if (r < 0)
			return r;
	}
	source->insecure = (entry && entry->insecure) || registries_is_loopback(source->registry);
	*ret_sources = sources;
	*ret_count = count;
	return 0;
}
