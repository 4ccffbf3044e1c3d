// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a person sees of a pull or a push: on a terminal a line for each blob, with a bar while it
 * moves; elsewhere a plain line when it begins. Both on standard error, for what a script reads is
 * on standard output.
 */

#include "engine/registry/pull.h"

struct bar {
	char digest[80];
	bool configuration, ended;
	const char *word; /* "skipped: already exists", "done" */
	uint64_t done, total, begin;
	int64_t start_ms;
};

struct bars {
	bool quiet, terminal, push;
	struct bar *items;
	size_t count;
	unsigned drawn; /* lines that are on the screen below the cursor's first */
	unsigned width; /* for which they were made */
	int64_t next_ms;
};

void bars_init(struct bars *bars, bool quiet, bool push);

/** A registry_listener. */
void bars_listen(const struct registry_news *news, void *context);

/** Draws the last state and leaves it on the screen. */
void bars_fini(struct bars *bars);
