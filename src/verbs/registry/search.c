// SPDX-License-Identifier: Apache-2.0

/* `rung search`: what registries offer, filtered and cut for a table. */

#include "base/error.h"
#include "cli/output.h"
#include "engine/registry/login.h"
#include "engine/registry/registries.h"
#include "plan/json_write.h"
#include "verbs/registry/common.h"
#include "verbs/verbs.h"

#define DESCRIPTION_BYTES 44
#define LIMIT_MAX 1000

struct search_options {
	uint32_t limit;
	struct option_list filters;
	const char *format;
	bool no_trunc, list_tags, compatible;
	struct remote_options remote;
};

static const struct option search_options[] = {
	{"--limit=N", "show so many of each registry at most", integer_in(search_options, limit)},
	{"-f, --filter=WORD", "stars=N, is-official[=false], is-automated[=false]",
		list_in(search_options, filters)},
	{"--format=TEMPLATE", "how to print", text_in(search_options, format)},
	{"--no-trunc", "show descriptions whole", flag_in(search_options, no_trunc)},
	{"--list-tags", "show the tags of the repository TERM", flag_in(search_options, list_tags)},
	{"--compatible", "", flag_in(search_options, compatible), .hidden = true},
	{},
};

struct filter {
	uint64_t stars;
	int official, automated; /* -1: any */
};

static int read_truth(const char *value, int *ret)
{
	*ret = !value || text_equal(value, "true") || text_equal(value, "1");
	return *ret || text_equal(value, "false") || text_equal(value, "0") ? 0 : -EINVAL;
}

static int read_filters(
	const struct search_options *options, struct arena *arena, struct filter *ret)
{
	struct filter filter = {.official = -1, .automated = -1};
	for (size_t i = 0; i < options->filters.count; i++) {
		const char *word = options->filters.words[i];
		char *key = arena_strdup(arena, word);
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		int r = -EINVAL;
		if (text_equal(key, "stars") && value)
			r = parse_uint64(value, UINT32_MAX, &filter.stars);
		else if (text_equal(key, "is-official"))
			r = read_truth(value, &filter.official);
		else if (text_equal(key, "is-automated"))
			r = read_truth(value, &filter.automated);
		if (r < 0)
			return refuse(-EINVAL,
				"invalid filter \"%s\": stars=N, is-official=true, "
				"is-automated=true",
				word);
	}
	*ret = filter;
	return 0;
}

static bool passes(const struct filter *filter, const struct registry_found *found)
{
	return found->stars >= filter->stars &&
	       (filter->official < 0 || found->official == filter->official) &&
	       (filter->automated < 0 || found->automated == filter->automated);
}

static const char *shown_description(const char *text, bool whole, struct arena *arena)
{
	char *copy = arena_strdup(arena, text);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (whole || strlen(copy) <= DESCRIPTION_BYTES)
		return copy;
	size_t length = 0;
	for (;;) {
		size_t next = text_utf8_length(copy + length);
		if (next == 0 || length + next > DESCRIPTION_BYTES)
			break;
		length += next;
	}
	copy[length] = '\0';
	return arena_format(arena, "%s...", copy);
}

static void write_row(const struct invocation *invocation, const char *registry,
	const struct registry_found *found, struct json_writer *writer)
{
	const struct search_options *options = options_of(invocation, search_options);
	struct arena *arena = invocation->arena;
	bool hub = text_equal(registry, REFERENCE_DOCKER_HUB);
	const char *name = hub ? arena_format(arena, "%s%s",
					 strchr(found->name, '/') ? "" : "library/", found->name)
			       : found->name;
	if (hub && remote_as_docker(invocation))
		name = found->name;
	else
		name = arena_format(arena, "%s/%s", registry, name);
	json_open(writer, NULL, '{');
	json_write_string(writer, "Index", registry);
	json_write_string(writer, "Name", name);
	json_write_string(writer, "Description",
		shown_description(found->description, options->no_trunc, arena));
	json_write_unsigned(writer, "StarCount", found->stars);
	json_write_unsigned(writer, "Stars", found->stars);
	json_write_string(writer, "IsOfficial", found->official ? "[OK]" : "");
	json_write_string(writer, "Official", found->official ? "[OK]" : "");
	json_write_string(writer, "IsAutomated", found->automated ? "[OK]" : "");
	json_write_string(writer, "Automated", found->automated ? "[OK]" : "");
	json_close(writer);
}

static int list_tags(const struct invocation *invocation, const struct registry_options *registry,
	struct text *rows)
{
	struct arena *arena = invocation->arena;
	const struct search_options *options = options_of(invocation, search_options);
	struct json_writer writer = {.out = rows, .compact = true};
	const char *repository;
	struct strings tags;
	int r = registry_tags(invocation->arguments[0], registry, arena, &repository, &tags);
	if (r < 0)
		return r;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < tags.count && i < options->limit; i++) {
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "Name", repository);
		json_write_string(&writer, "Tag", tags.items[i]);
		json_close(&writer);
	}
	json_close(&writer);
	return 0;
}

static int search_all(const struct invocation *invocation, const struct registry_options *registry,
	struct text *rows)
{
	const struct search_options *options = options_of(invocation, search_options);
	struct arena *arena = invocation->arena;
	struct json_writer writer = {.out = rows, .compact = true};
	struct registries registries;
	struct filter filter;
	const char *term = invocation->arguments[0];
	int r = read_filters(options, arena, &filter);
	if (r >= 0)
		r = registries_load(arena, &registries);
	if (r < 0)
		return r;
	struct strings places = registries.search;
	const char *one[] = {NULL, NULL};
	if (reference_is_qualified(term)) {
		size_t length = strcspn(term, "/");
		one[0] = arena_strndup(arena, term, length);
		term += length + 1;
		places = (struct strings){.items = one, .count = 1};
	}
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < places.count; i++) {
		struct registry_found *found = NULL;
		size_t count;
		r = registry_search(
			places.items[i], term, options->limit, registry, arena, &found, &count);
		if (r < 0)
			return r;
		for (size_t k = 0; k < count; k++)
			if (passes(&filter, &found[k]))
				write_row(invocation, places.items[i], &found[k], &writer);
	}
	json_close(&writer);
	return 0;
}

static int run(struct invocation *invocation)
{
	static const struct output_column columns[] = {
		{"Name"},
		{"Description", .shrinks = true},
		{"Stars", .right = true},
		{"Official"},
		{"Automated", .hidden = true},
		{"Index", .hidden = true},
		{},
	};
	static const struct output_column tag_columns[] = {{"Name"}, {"Tag"}, {}};
	const struct search_options *options = options_of(invocation, search_options);
	const struct registry_options registry = remote_options_of(invocation, &options->remote);
	autofini(text_fini) struct text rows = {};
	if (options->limit == 0 || options->limit > LIMIT_MAX)
		return usage_error(invocation, "--limit is between 1 and %d", LIMIT_MAX);
	int r = options->list_tags ? list_tags(invocation, &registry, &rows)
				   : search_all(invocation, &registry, &rows);
	if (r < 0)
		return r;
	const struct output output = {.columns = options->list_tags ? tag_columns : columns,
		.format = options->format,
		.no_trunc = options->no_trunc};
	return output_rows(&output, &rows);
}

const struct verb verb_search = {
	.name = "search",
	.summary = "look for images in registries",
	.arguments = "TERM",
	verb_options(
		search_options, shared_options("Registry", remote_options, search_options, remote)),
	.defaults = &(const struct search_options){.limit = 25, .remote.tls_verify = true},
	.run = run,
	.description = "Asks the registries of the search list, or the one that TERM begins with. "
		       "Registries that know no search list their repositories, among which those "
		       "are shown that hold TERM.",
};
