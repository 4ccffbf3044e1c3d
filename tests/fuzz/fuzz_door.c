// SPDX-License-Identifier: Apache-2.0

/*
 * What rung-door reads: the first byte chooses between answers of front ends, remembered answers (a
 * person edits that file), the handoff, and names that are shown to a person.
 */

#include "ask_message.h"
#include "base/error.h"
#include "base/scope.h"
#include "engine/sandbox/memory.h"
#include "handoff.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const char *text)
{
	autofini(text_fini) struct text plain = {};
	ask_plain(text, &plain);
	for (const char *c = text_get(&plain); *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
}

/* What was read is written and read again as the same. */
static void recall(const char *text, struct arena *arena)
{
	struct memory memory, again;
	autofini(text_fini) struct text out = {};
	if (memory_parse(text, "memory", arena, &memory) < 0)
		return;
	for (size_t i = 0; i < memory.answers.count; i++)
		text_format(&out, "%s %s\n",
			permission_answer_names[memory.answers.items[i].answer],
			permission_word(&memory.answers.items[i], arena));
	if (memory_parse(text_get(&out), "again", arena, &again) < 0 ||
		again.answers.count != memory.answers.count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(arena_fini) struct arena arena = {};
	struct ask_reply_message message;
	struct handoff handoff;
	if (size == 0)
		return 0;
	const char *text = arena_strndup(&arena, (const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'a':
		(void)!ask_message_read(text, size - 1, &arena, &message);
		break;
	case 'm':
		recall(text, &arena);
		break;
	case 'h':
		(void)!handoff_parse(text, size - 1, &arena, &handoff);
		break;
	default:
		show(text);
	}
	error_clear();
	return 0;
}
