// SPDX-License-Identifier: Apache-2.0

/*
 * `rung bwrap`, or rung under the name bwrap: bubblewrap's command line, so that what starts
 * bubblewrap (Flatpak, Steam, image loaders, build tools) runs on rung unchanged.
 *
 * Messages begin with "bwrap: " under whatever name, failures end with status 1, and nothing is
 * hinted at: programs read what is written here.
 */

#include "verbs/sandbox/bwrap.h"
#include "base/error.h"
#include "cli/verb.h"
#include "verbs/verbs.h"

#include <stdio.h>

static void print_help(FILE *to, const char *program)
{
	(void)fprintf(to, "usage: %s [OPTIONS...] [--] COMMAND [ARGS...]\n\n", program);
	for (const struct bwrap_option *option = bwrap_options; option->name[0]; option++) {
		char left[sizeof(option->name) + sizeof(option->operands)];
		(void)snprintf(left, sizeof(left), "%s %s", option->name, option->operands);
		(void)fprintf(to, "    %-28s %s\n", left, option->help);
	}
}

static int tell(const struct bwrap_wishes *wishes)
{
	(void)fprintf(stderr, "%sbwrap: %s\n", wishes->level_prefix ? "<3>" : "", error_text());
	error_clear();
	return 1;
}

/*
 * A bwrap inside that cannot be found by its path any more is started as /proc/self/exe, which says
 * nothing of the name that makes rung bwrap: then the name is handed on.
 */
static const char *name_for(const struct bwrap_wishes *wishes, const char *command, const char *own)
{
	if (wishes->argv0)
		return wishes->argv0;
	return text_equal(command, "/proc/self/exe") ? own : command;
}

static int start(struct bwrap_wishes *wishes, const char **words, const char *own_name)
{
	struct sandbox_script *script = &wishes->script;
	int status = 0, r = bwrap_check(wishes);
	if (r < 0)
		return r;
	script->program = words[0];
	words[0] = name_for(wishes, words[0], own_name);
	script->arguments = (char *const *)words;
	script->terminal = isatty(STDOUT_FILENO) ? ttyname(STDOUT_FILENO) : NULL;
	r = sandbox_script_run(script, &status);
	return r < 0 ? r : status;
}

static int run(struct invocation *invocation)
{
	const char **words = invocation->arguments;
	size_t count = invocation->argument_count;
	struct bwrap_wishes wishes = {.arena = invocation->arena, .perms = -1};
	sandbox_script_init(&wishes.script);
	int r = bwrap_parse(&wishes, &words, &count);
	if (r < 0)
		return tell(&wishes);
	if (wishes.version) {
		(void)printf("bubblewrap " BWRAP_VERSION " (rung " RUNG_VERSION ")\n");
		return 0;
	}
	if (wishes.help || count == 0) {
		print_help(wishes.help ? stdout : stderr, invocation->words);
		return wishes.help ? 0 : 1;
	}
	r = start(&wishes, words, invocation->words);
	return r < 0 ? tell(&wishes) : r;
}

const struct verb verb_bwrap = {
	.name = "bwrap",
	.programs = "bwrap",
	.summary = "be bubblewrap: for Flatpak and others that start it",
	.arguments = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.own_words = true,
	.failure_status = 1,
	.description =
		"Bubblewrap's command line. It starts with an empty root and nothing walled off; "
		"options say, one after the other, which namespaces to leave and what to show "
		"inside; without any word they are listed. Started under the name bwrap, rung is "
		"this command.\n\n"
		"People are better served by rung sandbox, which is safe by default.",
	.examples = "A shell that sees the system read-only and has no network\n"
		    "$ rung bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all sh\n",
	.run = run,
};
