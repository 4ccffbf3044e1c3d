// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The TOML that registries.conf(5) is written in, which is less than TOML 1.0: tables, arrays of
 * tables, bare and quoted keys, strings on one line, integers, booleans, arrays of strings. Dates,
 * floats, inline tables, dotted keys and strings over several lines are refused by name; Debian has
 * no reader of TOML that links with musl.
 */

#include "base/arena.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum toml_type {
	TOML_TABLE,   /* a header: [table] */
	TOML_ELEMENT, /* a header: [[table]] */
	TOML_STRING,
	TOML_BOOLEAN,
	TOML_INTEGER,
	TOML_STRINGS,
};

/** A header, or a key with its value. Strings live in the arena. */
struct toml_item {
	enum toml_type type;
	const char *file;
	unsigned line;
	const char *table; /* the header above, "registry.mirror"; "" at the top */
	const char *key;   /* NULL for headers */
	const char *text;
	bool truth;
	int64_t number;
	struct strings strings;
};

/** Sees each item in order; negative ends the reading with the story it told. */
typedef int toml_visitor(const struct toml_item *item, void *context);

/** Reads a whole file. -EINVAL with a story that names file and line. */
[[nodiscard]] int toml_read(const char *text, const char *file, struct arena *arena,
	toml_visitor *visit, void *context);

/** "file:line: key: <text>". Returns -EINVAL. */
[[gnu::format(printf, 2, 3)]] int toml_refuse(
	const struct toml_item *item, const char *format, ...);
