// SPDX-License-Identifier: Apache-2.0

#include "verbs/image/filter.h"

#include "cli/moment.h"
#include "engine/image/document.h"
#include "engine/registry/reference.h"

#include <fnmatch.h>
#include <stdio.h>
#include <time.h>

void image_shown_time(const char *created, char out[static FILTER_TIME_MAX])
{
	time_t seconds = image_time(created);
	struct tm moment;
	(void)gmtime_r(&seconds, &moment);
	(void)strftime(out, FILTER_TIME_MAX, "%Y-%m-%d %H:%M:%S +0000 UTC", &moment);
}

/* Absent where there are none would be null in Go; an empty array reads as well. */
static void write_names(struct json_writer *writer, const char *key, const struct strings *names)
{
	json_write_strings(writer, key, names);
}

void image_podman_members(struct json_writer *writer, const struct image *image,
	unsigned containers, struct arena *arena)
{
	char moment[40];
	time_t seconds = image_time(image->created);
	struct tm utc;
	(void)gmtime_r(&seconds, &utc);
	(void)strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", &utc);
	struct strings digests;
	image_digest_names(image, arena, &digests);
	json_write_string(writer, "Id", digest_hex(image->id));
	json_write_string(writer, "ParentId", "");
	write_names(writer, "RepoTags", &image->names);
	write_names(writer, "RepoDigests", &digests);
	json_write_unsigned(writer, "Size", image->size);
	json_write_unsigned(writer, "SharedSize", 0);
	json_write_unsigned(writer, "VirtualSize", image->size);
	json_write_unsigned(writer, "Containers", containers);
	write_names(writer, "Names", &image->names);
	json_write_string(writer, "Digest", image->manifest_digest);
	write_names(writer, "History", &image->names);
	json_write_signed(writer, "Created", image_time(image->created));
	json_write_string(writer, "CreatedAt", moment);
}

/* ---- names ---------------------------------------------------------------------- */

static bool fits(const char *pattern, const char *text)
{
	return text_equal(pattern, text) || fnmatch(pattern, text, FNM_PATHNAME) == 0;
}

static bool one_name_fits(const char *name, const char *pattern, struct arena *arena)
{
	const char *repository, *tag, *slash = strrchr(name, '/');
	if (fits(pattern, name) || (slash && fits(pattern, slash + 1)))
		return true;
	image_split_name(name, arena, &repository, &tag);
	slash = strrchr(repository, '/');
	return fits(pattern, repository) || (slash && fits(pattern, slash + 1));
}

bool image_name_fits(const struct image *image, const char *pattern, struct arena *arena)
{
	const struct strings *lists[] = {&image->names, &image->references};
	for (size_t l = 0; l < array_length(lists); l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			const char *name = lists[l]->items[i];
			if (one_name_fits(name, pattern, arena) ||
				one_name_fits(reference_familiar_name(name, arena), pattern, arena))
				return true;
		}
	}
	return false;
}

/* ---- one filter -------------------------------------------------------------------- */

struct filtering {
	struct store *store;
	struct arena *arena;
	const struct image_users *users;
	const struct image *images; /* all, for before= and since= */
	size_t count;
};

struct filter {
	const char *key, *value;
	bool negated;
	int64_t bound; /* of times, seconds */
};

static int parse_truth(const struct filter *filter, bool *ret)
{
	static const char *const words[] = {"true", "1", "t", "false", "0", "f"};
	for (size_t i = 0; i < array_length(words); i++) {
		if (strcasecmp(filter->value, words[i]) == 0) {
			*ret = i < 3;
			return 0;
		}
	}
	return refuse(-EINVAL, "--filter %s=%s: wants true or false", filter->key, filter->value);
}

static bool is_used(const struct filtering *filtering, const struct image *image)
{
	for (size_t i = 0; i < filtering->users->count; i++) {
		if (text_equal(filtering->users->users[i].image_id, image->id))
			return true;
	}
	return false;
}

static bool has_label(const struct image *image, const char *wanted)
{
	size_t length = strcspn(wanted, "=");
	for (size_t i = 0; i < image->config.label_count; i++) {
		const struct plan_key_value *label = &image->config.labels[i];
		if (strlen(label->key) == length && strncmp(label->key, wanted, length) == 0)
			return wanted[length] == '\0' ||
			       text_equal(label->value, wanted + length + 1);
	}
	return false;
}

/* 1 passes, 0 does not. */
static int passes(struct filtering *filtering, const struct filter *filter, struct image *image)
{
	const char *key = filter->key, *value = filter->value;
	bool truth;
	if (text_equal(key, "label")) {
		int r = image_load(filtering->store, image, filtering->arena);
		return r < 0 ? r : has_label(image, value) != filter->negated;
	}
	if (text_equal(key, "reference"))
		return image_name_fits(image, value, filtering->arena) != filter->negated;
	if (text_equal(key, "before") || text_equal(key, "until"))
		return image_time(image->created) < filter->bound;
	if (text_equal(key, "since") || text_equal(key, "after"))
		return image_time(image->created) > filter->bound;
	if (text_equal(key, "id"))
		return text_starts(digest_hex(image->id),
			text_starts(value, "sha256:") ? digest_hex(value) : value);
	if (text_equal(key, "digest"))
		return text_starts(image->manifest_digest, value);
	int r = parse_truth(filter, &truth);
	if (r < 0)
		return r;
	if (text_equal(key, "dangling"))
		return (image->names.count == 0) == truth;
	if (text_equal(key, "containers"))
		return is_used(filtering, image) == truth;
	return !truth; /* readonly, intermediate: none is */
}

static const char *const known[] = {"label", "reference", "before", "until", "since", "after", "id",
	"digest", "dangling", "containers", "readonly", "intermediate"};

static int parse_filter(
	struct filtering *filtering, const char *word, struct filter *ret, struct arena *arena)
{
	const char *equals = strchr(word, '=');
	if (!equals)
		return refuse(-EINVAL, "--filter %s: wants KEY=VALUE", word);
	bool negated = equals > word && equals[-1] == '!';
	struct filter filter = {.value = equals + 1, .negated = negated};
	filter.key = arena_strndup(arena, word, (size_t)(equals - word) - negated);
	bool found = false;
	for (size_t i = 0; i < array_length(known); i++)
		found |= text_equal(filter.key, known[i]);
	if (!found) {
		int r = refuse(-EINVAL, "--filter %s: no such filter", filter.key);
		hint("label reference before until since id digest dangling containers");
		return r;
	}
	struct image bound;
	int64_t moment;
	if (text_equal(filter.key, "until")) {
		if (moment_parse(filter.value, moment_now(), &moment) < 0)
			return refuse(-EINVAL, "--filter until=%s: wants a time", filter.value);
		filter.bound = moment / 1000000000;
	} else if (text_equal(filter.key, "before") || text_equal(filter.key, "since") ||
		   text_equal(filter.key, "after")) {
		int r = image_find(filtering->store, filter.value, arena, &bound);
		if (r < 0)
			return wrap(r, "--filter %s", filter.key);
		filter.bound = image_time(bound.created);
	}
	*ret = filter;
	return 0;
}

/*
 * Filters of one kind are alternatives, but labels must all fit; an image passes when every kind
 * lets it pass.
 */
static int passes_all(struct filtering *filtering, const struct filter *filters, size_t count,
	struct image *image)
{
	for (size_t i = 0; i < count; i++) {
		bool alternatives = !text_equal(filters[i].key, "label") && !filters[i].negated;
		int passed = passes(filtering, &filters[i], image);
		for (size_t j = 0; passed == 0 && alternatives && j < count; j++) {
			if (j != i && text_equal(filters[j].key, filters[i].key))
				passed = passes(filtering, &filters[j], image);
		}
		if (passed <= 0)
			return passed;
	}
	return 1;
}

int image_filter(struct store *store, const struct option_list *filters, const char *word,
	const struct image_users *users, struct arena *arena, struct image *images, size_t *count)
{
	struct filtering filtering = {store, arena, users, images, *count};
	struct filter *parsed = arena_new(arena, struct filter, filters->count + 1);
	size_t parsed_count = 0, kept = 0;
	for (size_t i = 0; i < filters->count; i++) {
		int r = parse_filter(&filtering, filters->words[i], &parsed[parsed_count++], arena);
		if (r < 0)
			return r;
	}
	struct image named = {};
	if (word && image_find(store, word, arena, &named) < 0)
		error_clear();
	for (size_t i = 0; i < *count; i++) {
		if (word && !image_name_fits(&images[i], word, arena) &&
			!(named.id && text_equal(named.id, images[i].id)))
			continue;
		int passed = passes_all(&filtering, parsed, parsed_count, &images[i]);
		if (passed < 0)
			return passed;
		if (passed)
			images[kept++] = images[i];
	}
	*count = kept;
	return 0;
}
