// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * JSON out. A writer keeps track of commas and indentation; objects and arrays opened
 * lazily appear only when something is written into them.
 *
 *	struct json_writer writer = {.out = &text, .compact = true};
 *	json_open(&writer, NULL, '{');
 *	json_write_string(&writer, "id", id);
 *	json_write_unsigned(&writer, "pid", pid);
 *	json_close(&writer);
 *
 * @key is NULL inside arrays and at the top.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct strings;

struct json_writer {
	struct text *out;
	bool compact; /* one line; otherwise indented by tabs */
	unsigned depth;
	struct {
		const char *key;
		char bracket;
		bool written, has_children;
	} open[16];
};

/** @bracket is '{' or '['. */
void json_open(struct json_writer *writer, const char *key, char bracket);
void json_open_lazily(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer);

void json_write_string(struct json_writer *writer, const char *key, const char *value);
void json_write_null(struct json_writer *writer, const char *key);
void json_write_bool(struct json_writer *writer, const char *key, bool value);
void json_write_unsigned(struct json_writer *writer, const char *key, uint64_t value);
void json_write_signed(struct json_writer *writer, const char *key, int64_t value);
void json_write_strings(struct json_writer *writer, const char *key, const struct strings *value);
