// SPDX-License-Identifier: Apache-2.0

/*
 * From a request back to the words that made it. The tables that read options know where each one
 * went, so the same tables say which were given.
 */

#include "verbs/generate/words.h"

#include "base/scope.h"
#include "cli/option.h"
#include "verbs/container/options.h"

#include <stdio.h>

struct words {
	struct arena *arena;
	const char **items;
	size_t count, room;
};

static void add(struct words *words, const char *word)
{
	if (words->count == words->room) {
		words->room = words->room * 2 + 32;
		const char **more = arena_new(words->arena, const char *, words->room);
		if (words->count)
			memcpy(more, words->items, words->count * sizeof(*more));
		words->items = more;
	}
	words->items[words->count++] = word;
}

/* "-m, --memory=SIZE" → "--memory" */
static const char *long_name(const struct option *option, struct arena *arena)
{
	const char *name = strstr(option->spec, "--");
	return name ? arena_strndup(arena, name, strcspn(name, "=[, ")) : NULL;
}

static bool is_left_out(const char *name)
{
	static const char names[][20] = {"--name", "--rm", "--rmi", "--replace", "--restart",
		"--cidfile", "--conmon-pidfile", "--pidfile", "--pod-id-file", "--quiet",
		"--sdnotify", "--attach", "--tty", "--interactive"}; /* a service has neither */
	for (size_t i = 0; i < array_length(names); i++)
		if (text_equal(names[i], name))
			return true;
	return false;
}

static int64_t integer_at(const struct option *option, const void *field)
{
	switch (option->field.width_bytes) {
	case 1:
		return *(const int8_t *)field;
	case 2:
		return *(const int16_t *)field;
	case 4:
		return *(const int32_t *)field;
	default:
		return *(const int64_t *)field;
	}
}

/* "1.5" of 1500000000 */
static const char *decimal(int64_t billionths, struct arena *arena)
{
	char text[48];
	(void)snprintf(text, sizeof(text), "%jd.%09jd", (intmax_t)billionths / 1000000000,
		(intmax_t)billionths % 1000000000);
	size_t length = strlen(text);
	while (text[length - 1] == '0')
		length--;
	length -= text[length - 1] == '.';
	return arena_strndup(arena, text, length);
}

/* The n-th word of "--name=a|b|c". */
static const char *choice(const struct option *option, int64_t n, struct arena *arena)
{
	const char *at = strchr(option->spec, '=');
	for (at = at ? at + 1 : ""; n > 0 && *at; n--) {
		at += strcspn(at, "|");
		at += *at == '|';
	}
	return arena_strndup(arena, at, strcspn(at, "|]"));
}

static void add_list(struct words *words, const char *name, const struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		add(words, arena_format(words->arena, "%s=%s", name, list->items[i]));
}

static void add_option(
	struct words *words, const struct option *option, const void *field, const void *usual)
{
	struct arena *arena = words->arena;
	const char *name = long_name(option, arena);
	if (!name || is_left_out(name) || memcmp(field, usual, option->field.width_bytes) == 0)
		return;
	int64_t number = 0;
	switch ((enum option_kind)option->field.kind) {
	case OPTION_FLAG:
		add(words, *(const bool *)field ? name : arena_format(arena, "%s=false", name));
		return;
	case OPTION_TEXT:
		add(words, arena_format(arena, "%s=%s", name, *(const char *const *)field));
		return;
	case OPTION_LIST:
		add_list(words, name, field);
		return;
	case OPTION_PAIRS:
		return;
	case OPTION_DECIMAL:
		add(words, arena_format(
				   arena, "%s=%s", name, decimal(*(const int64_t *)field, arena)));
		return;
	case OPTION_DURATION:
		number = *(const int64_t *)field;
		add(words, arena_format(arena, "%s=%jdns", name, (intmax_t)number));
		return;
	case OPTION_CHOICE:
		number = integer_at(option, field);
		add(words, arena_format(arena, "%s=%s", name, choice(option, number, arena)));
		return;
	default:
		number = integer_at(option, field);
		add(words, arena_format(arena, "%s=%jd", name, (intmax_t)number));
	}
}

static void add_table(
	struct words *words, const struct option *table, const void *part, const void *usual)
{
	for (const struct option *option = table; option->spec[0]; option++)
		add_option(words, option, (const char *)part + option->field.offset,
			(const char *)usual + option->field.offset);
}

void request_words(
	const struct run_request *request, struct arena *arena, struct strings *ret_words)
{
	static const struct run_request usual = RUN_REQUEST_DEFAULTS;
	struct words words = {.arena = arena};
	add_table(&words, process_wishes, &request->process, &usual.process);
	add_table(&words, file_wishes, &request->files, &usual.files);
	add_table(&words, life_wishes, &request->life, &usual.life);
	add_table(&words, network_wishes, &request->network, &usual.network);
	add_table(&words, namespace_wishes, &request->namespaces, &usual.namespaces);
	add_table(&words, resource_wishes, &request->resources, &usual.resources);
	add_table(&words, security_wishes, &request->security, &usual.security);
	add_table(&words, health_wishes, &request->health, &usual.health);
	if (request->image_name)
		add(&words, request->image_name);
	for (size_t i = 0; i < request->arguments.count; i++)
		add(&words, request->arguments.items[i]);
	*ret_words = (struct strings){words.items, words.count};
}
