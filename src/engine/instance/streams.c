// SPDX-License-Identifier: Apache-2.0

/* The words of a monitor's command line: one table, read from both sides. */

#include "engine/instance/streams.h"

#include "base/error.h"
#include "base/text.h"

#include <limits.h>
#include <stddef.h>

const struct stream_settings stream_settings_none = {
	.input_fd = -1,
	.output_fd = -1,
	.error_fd = -1,
	.terminal_fd = -1,
	.listen_fd = -1,
	.client_fd = -1,
	.log = {.driver = LOGS_NONE, .max_files = 1},
};

enum kind { WORD_FD, WORD_TEXT, WORD_FLAG, WORD_SIZE, WORD_NUMBER, WORD_DRIVER };

static const struct {
	char name[20];
	enum kind kind;
	size_t offset;
} words[] = {
#define WORD(name, kind, member) \
	{ \
		name, kind, offsetof(struct stream_settings, member) \
	}
	WORD("input", WORD_FD, input_fd),
	WORD("output", WORD_FD, output_fd),
	WORD("error", WORD_FD, error_fd),
	WORD("terminal", WORD_FD, terminal_fd),
	WORD("listen", WORD_FD, listen_fd),
	WORD("client", WORD_FD, client_fd),
	WORD("keep-input", WORD_FLAG, keep_input),
	WORD("log-driver", WORD_DRIVER, log.driver),
	WORD("log-path", WORD_TEXT, log.path),
	WORD("log-max-size", WORD_SIZE, log.max_size_bytes),
	WORD("log-max-files", WORD_NUMBER, log.max_files),
	WORD("log-id", WORD_TEXT, log.id),
	WORD("log-name", WORD_TEXT, log.name),
	WORD("log-image", WORD_TEXT, log.image),
	WORD("log-tag", WORD_TEXT, log.tag),
	WORD("run-directory", WORD_TEXT, run_directory),
	WORD("rung", WORD_TEXT, rung),
	WORD("id", WORD_TEXT, id),
	WORD("data", WORD_TEXT, data),
	WORD("state", WORD_TEXT, state),
	WORD("health-interval", WORD_SIZE, health_interval_ms),
#undef WORD
};

static void add(struct strings *all, const char *word, struct arena *arena)
{
	const char **items = arena_new(arena, const char *, all->count + 2);
	if (all->count)
		memcpy(items, all->items, all->count * sizeof(*items));
	items[all->count] = word;
	*all = (struct strings){items, all->count + 1};
}

void stream_settings_write(
	const struct stream_settings *settings, struct arena *arena, struct strings *all)
{
	for (size_t i = 0; i < array_length(words); i++) {
		const void *field = (const char *)settings + words[i].offset;
		const char *name = words[i].name, *word = NULL;
		switch (words[i].kind) {
		case WORD_FD:
			if (*(const int *)field >= 0)
				word = arena_format(arena, "%s=%d", name, *(const int *)field);
			break;
		case WORD_TEXT:
			if (*(const char *const *)field)
				word = arena_format(
					arena, "%s=%s", name, *(const char *const *)field);
			break;
		case WORD_FLAG:
			if (*(const bool *)field)
				word = arena_format(arena, "%s=1", name);
			break;
		case WORD_SIZE:
			if (*(const uint64_t *)field)
				word = arena_format(arena, "%s=%llu", name,
					(unsigned long long)*(const uint64_t *)field);
			break;
		case WORD_NUMBER:
			word = arena_format(arena, "%s=%u", name, *(const uint32_t *)field);
			break;
		case WORD_DRIVER:
			word = arena_format(arena, "%s=%s", name,
				logs_driver_name(*(const enum logs_driver *)field));
			break;
		}
		if (word)
			add(all, word, arena);
	}
}

static int read_driver(const char *value, enum logs_driver *ret_driver)
{
	for (enum logs_driver driver = 0; driver < LOGS_DRIVER_COUNT; driver++)
		if (text_equal(logs_driver_name(driver), value)) {
			*ret_driver = driver;
			return 0;
		}
	return -EINVAL;
}

static int read_value(enum kind kind, const char *value, void *field)
{
	uint64_t number = 0;
	int r = 0;
	switch (kind) {
	case WORD_TEXT:
		*(const char **)field = value;
		return 0;
	case WORD_DRIVER:
		return read_driver(value, field);
	case WORD_FD:
		r = parse_uint64(value, INT_MAX, &number);
		if (r == 0)
			*(int *)field = (int)number;
		return r;
	case WORD_FLAG:
		*(bool *)field = text_equal(value, "1");
		return 0;
	case WORD_NUMBER:
		r = parse_uint64(value, UINT32_MAX, &number);
		if (r == 0)
			*(uint32_t *)field = (uint32_t)number;
		return r;
	case WORD_SIZE:
		return parse_uint64(value, UINT64_MAX, field);
	}
	return -EINVAL;
}

int stream_settings_read(const char *word, struct stream_settings *settings)
{
	const char *value = strchr(word, '=');
	for (size_t i = 0; value && i < array_length(words); i++) {
		size_t length = strlen(words[i].name);
		if (length != (size_t)(value - word) || memcmp(words[i].name, word, length) != 0)
			continue;
		int r = read_value(words[i].kind, value + 1, (char *)settings + words[i].offset);
		return r < 0 ? refuse(-EINVAL, "\"%s\" makes no sense", word) : 1;
	}
	return 0;
}
