// SPDX-License-Identifier: Apache-2.0

/* `rung completion bash`: prints what a shell has to read to complete our words. */

#include "cli/complete.h"
#include "verbs/verbs.h"

static int run(struct invocation *invocation)
{
	return completion_script(invocation, invocation->arguments[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.summary = "print the completion script for a shell",
	.description =
		"Prints a script for bash, zsh or fish. The script asks rung itself what fits, "
		"so it never grows stale.",
	.arguments = "bash|zsh|fish",
	.examples = "For this shell:\n"
		    "$ . <(rung completion bash)\n"
		    "For all users:\n"
		    "$ rung completion zsh >/usr/share/zsh/vendor-completions/_rung\n",
	.run = run,
};
