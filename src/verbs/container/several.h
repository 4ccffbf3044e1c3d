// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Verbs that work on several containers: which ones are meant, and what is said of each. A
 * mistake with one does not keep the others from being dealt with; it is told at once, and the
 * status of the whole is then not 0.
 */

#include "cli/verb.h"
#include "engine/instance/instance.h"
#include "verbs/dialogue.h"

/** What the options say about which containers are meant, beside the arguments. */
struct several_wishes {
	bool all, latest, ignore;
	struct option_list filters, cidfiles;
};

struct several {
	const struct invocation *invocation;
	struct instance *items;
	const char **words; /* as each was called; its id where nobody called it */
	size_t count;
	unsigned missing; /* arguments that are no container */
	unsigned failed;
	int last; /* the last error's number */
	bool quiet;
};

/**
 * Finds them. Those that do not exist are told (unless @wishes->ignore) and counted. -EINVAL with a
 * story where none was named, or both names and --all.
 */
[[nodiscard]] int several_find(const struct invocation *invocation,
	const struct several_wishes *wishes, struct several *ret_several);

/** Says how it went with one: prints its word, or the story. */
void several_said(struct several *several, const struct instance *instance, int r);

/** The status of the verb: 0, or @failure where something failed. */
int several_status(const struct several *several, int failure);
