// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The messages of the ask socket, as docs/ask-socket.md describes them: one JSON object each.
 */

#include "ask.h"

enum { ASK_MESSAGE_MAX = 16384 };

struct ask_reply_message {
	uint64_t id;
	enum ask_reply reply;
	const char *value; /* NULL: the question's own */
};

/** Reads an answer of a front end. -EINVAL with a story. */
[[nodiscard]] int ask_message_read(
	const char *text, size_t length, struct arena *arena, struct ask_reply_message *ret);

void ask_message_question(const struct ask_item *item, const char *sandbox, struct text *out);
void ask_message_withdrawn(const struct ask_item *item, struct text *out);
void ask_message_error(const char *message, struct text *out);
