// SPDX-License-Identifier: Apache-2.0

#include "verbs/verbs.h"

#include "cli/help.h"

static int run(struct invocation *invocation)
{
	return help_of_words(invocation, invocation->arguments);
}

const struct verb verb_help = {
	.name = "help",
	.summary = "show how a command is used",
	.arguments = "[COMMAND...]",
	.run = run,
};
