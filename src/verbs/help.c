// SPDX-License-Identifier: Apache-2.0

/* `rung help oci create` is `rung oci create --help`, for those who type it that way. */

#include "cli/help.h"
#include "cli/complete.h"
#include "verbs/verbs.h"

static int run(struct invocation *invocation)
{
	return help_of_words(invocation, invocation->arguments);
}

static const struct completer completers[] = {{"VERB", complete_verbs}, {}};

const struct verb verb_help = {
	.name = "help",
	.summary = "show how a command is used",
	.arguments = "[VERB...]",
	.completers = completers,
	.run = run,
};
