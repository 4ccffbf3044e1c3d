// SPDX-License-Identifier: Apache-2.0

/* `rung wait`: blocks until containers have ended, prints their exit codes. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <stdio.h>

struct wait_options {
	struct several_wishes which;
	struct option_list conditions;
	const char *interval;
};

static const struct option wait_options[] = {
	{"--condition=STATUS", "which status is waited for", list_in(wait_options, conditions),
		.fallback = "stopped"},
	{"--ignore", "a container that does not exist is no mistake",
		flag_in(wait_options, which.ignore)},
	{"-l, --latest", "the one made last", flag_in(wait_options, which.latest)},
	{"-i, --interval=TIME", "taken and not needed: nothing is polled",
		text_in(wait_options, interval), .hidden = true},
	{},
};

static const unsigned when_stopped = 1u << INSTANCE_EXITED | 1u << INSTANCE_DEAD |
				     1u << INSTANCE_REMOVING | 1u << INSTANCE_CREATED;

/* Docker says not-running, next-exit, removed; Podman the names of statuses. */
static int read_condition(const char *word, unsigned *statuses)
{
	if (text_equal(word, "not-running") || text_equal(word, "next-exit") ||
		text_equal(word, "stopped") || text_equal(word, "exited")) {
		*statuses |= when_stopped;
		return 0;
	}
	if (text_equal(word, "removed")) {
		*statuses |= 1u << INSTANCE_REMOVING;
		return 0;
	}
	int status = instance_status_find(word);
	if (status < 0)
		return refuse(-EINVAL, "no such condition: %s", word);
	*statuses |= 1u << (unsigned)status;
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct wait_options *options = options_of(invocation, wait_options);
	unsigned statuses = options->conditions.count ? 0 : when_stopped;
	for (size_t i = 0; i < options->conditions.count; i++) {
		int r = read_condition(options->conditions.words[i], &statuses);
		if (r < 0)
			return r;
	}
	struct several several;
	int r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	if (several.missing && manner_of(invocation) == MANNER_PODMAN)
		return several_status(
			&several, invocation->failure_status); /* Podman looks before it waits */
	several.quiet = true;
	for (size_t i = 0; i < several.count; i++) {
		r = instance_wait(&several.items[i], invocation->arena, statuses);
		if (r >= 0) {
			printf("%d\n", r);
			(void)fflush(stdout);
		} else {
			several_said(&several, &several.items[i], r);
		}
	}
	if (several.missing && options->which.ignore)
		puts("-1");
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_wait = {
	.name = "wait",
	.summary = "wait for the end of containers, print their exit codes",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(wait_options),
	.description = "Waits until each container has ended, or has the status of --condition, "
		       "and prints its exit code.",
	.run = run,
};
