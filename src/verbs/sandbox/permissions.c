// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox permissions`: what programs were answered "always" or "never" when they asked. */

#include "engine/sandbox/memory.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/scope.h"
#include "cli/complete.h"
#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/dialogue.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- which program ------------------------------------------------------------------------- */

static bool is_meant(const struct memory *memory, const char *word)
{
	const char *slash = strrchr(memory->program, '/');
	return text_equal(memory->program, word) ||
	       (!strchr(word, '/') && text_equal(slash + 1, word));
}

/* By its path, or by its name where only one program of that name has answers. */
static int find_memory(const char *word, struct arena *arena, struct memory *ret)
{
	struct memory *all;
	size_t count, found = 0;
	int r = memory_list(arena, &all, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (is_meant(&all[i], word)) {
			*ret = all[i];
			found++;
		}
	if (r < 0)
		return r;
	if (found == 1)
		return 0;
	r = found ? refuse(-EEXIST, "%zu programs are called %s", found, word)
		  : refuse(-ENOENT, "nothing is remembered for %s", word);
	hint("rung sandbox permissions list shows the whole paths of those there are");
	return r;
}

static void complete(const struct invocation *invocation, struct completions *completions)
{
	struct memory *all;
	size_t count;
	if (memory_list(invocation->arena, &all, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, all[i].program, NULL);
	error_clear();
}

static const struct completer completers[] = {{"PROGRAM", complete}, {}};

/* ---- list ------------------------------------------------------------------------------------ */

struct permissions_list_options {
	const char *format;
	bool no_heading;
};

static const struct option permissions_list_options[] = {
	{"--format=FORMAT", "table, json, or a template",
		text_in(permissions_list_options, format)},
	{"-n, --noheading", "no heading", flag_in(permissions_list_options, no_heading)},
	{},
};

static void write_answers(
	const struct memory *memory, struct arena *arena, struct json_writer *writer)
{
	for (size_t i = 0; i < memory->answers.count; i++) {
		const struct permission *answer = &memory->answers.items[i];
		json_open(writer, NULL, '{');
		json_write_string(writer, "Program", memory->program);
		json_write_string(writer, "Answer", permission_answer_names[answer->answer]);
		json_write_string(writer, "Permission", permission_word(answer, arena));
		json_write_string(writer, "File", memory->file);
		json_close(writer);
	}
}

static int print_list(
	const char *wanted, const struct permissions_list_options *options, struct arena *arena)
{
	static const struct output_column columns[] = {
		{"Program"}, {"Answer"}, {"Permission"}, {"File", .hidden = true}, {}};
	struct memory *all;
	size_t count;
	int r = memory_list(arena, &all, &count);
	if (r < 0)
		return r;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++)
		if (!wanted || is_meant(&all[i], wanted))
			write_answers(&all[i], arena, &writer);
	json_close(&writer);
	return output_rows(&(struct output){.columns = columns,
				   .format = options->format,
				   .no_heading = options->no_heading,
				   .no_trunc = true},
		&rows);
}

static int run_list(struct invocation *invocation)
{
	return print_list(invocation->argument_count ? invocation->arguments[0] : NULL,
		options_of(invocation, permissions_list_options), invocation->arena);
}

static int run_bare(struct invocation *invocation)
{
	static const struct permissions_list_options usual = {};
	return print_list(NULL, &usual, invocation->arena);
}

static const struct verb verb_permissions_list = {
	.name = "list",
	.aliases = "ls",
	.summary = "list what is remembered",
	.arguments = "[PROGRAM]",
	verb_options(permissions_list_options),
	.description = "Lists the answers \"always\" and \"never\" that are remembered, for all "
		       "programs or for one.",
	.run = run_list,
};

/* ---- revoke -------------------------------------------------------------------------------------
 */

struct permissions_revoke_options {
	bool all;
};

static const struct option permissions_revoke_options[] = {
	{"-a, --all", "what is remembered for all programs",
		flag_in(permissions_revoke_options, all)},
	{},
};

static int revoke_all(struct invocation *invocation)
{
	struct memory *all;
	size_t count;
	int r = memory_list(invocation->arena, &all, &count), forgotten = 0;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = memory_forget(all[i].file, NULL);
		forgotten += r > 0 ? r : 0;
	}
	if (r >= 0)
		(void)printf("%d\n", forgotten);
	return r < 0 ? r : 0;
}

/* As it stands in the file: "~" and relative paths are those of whoever calls. */
static int read_word(const char *word, struct arena *arena, const char **ret_word)
{
	char here[4096];
	struct permission permission;
	const struct permission_place place = {
		.home = getenv("HOME"), .directory = getcwd(here, sizeof(here)) ? here : NULL};
	int r = permission_parse(word, PERMISSION_ALLOW, &place, arena, &permission);
	if (r == 0)
		*ret_word = permission_word(&permission, arena);
	return r;
}

static int revoke_word(struct invocation *invocation, const struct memory *memory, const char *word)
{
	const char *written;
	int r = read_word(word, invocation->arena, &written);
	if (r == 0)
		r = memory_forget(memory->file, written);
	if (r == 0)
		return refuse(
			-ENOENT, "%s was answered nothing about %s", memory->program, written);
	return r < 0 ? r : 0;
}

static int run_revoke(struct invocation *invocation)
{
	const struct permissions_revoke_options *options =
		options_of(invocation, permissions_revoke_options);
	struct memory memory;
	if (options->all == (invocation->argument_count > 0))
		return usage_error(invocation, "name a program, or say --all");
	if (options->all)
		return revoke_all(invocation);
	int r = find_memory(invocation->arguments[0], invocation->arena, &memory);
	if (r == 0 && invocation->argument_count == 1)
		r = memory_forget(memory.file, NULL);
	for (size_t i = 1; r >= 0 && i < invocation->argument_count; i++)
		r = revoke_word(invocation, &memory, invocation->arguments[i]);
	return r < 0 ? r : 0;
}

static const struct verb verb_permissions_revoke = {
	.name = "revoke",
	.aliases = "rm",
	.summary = "forget what a program was answered",
	.arguments = "[PROGRAM] [PERMISSION...]",
	verb_options(permissions_revoke_options),
	.description = "Forgets the answers about each PERMISSION, or all of a program, which "
		       "then asks again. A sandbox that runs keeps what it has.",
	.examples = "Let vim ask for that folder again\n"
		    "$ rung sandbox permissions revoke vim read=~/letters\n",
	.run = run_revoke,
};

/* ---- edit
 * ----------------------------------------------------------------------------------------- */

static const char *editor_of_choice(void)
{
	static const char *const variables[] = {"VISUAL", "EDITOR"};
	for (size_t i = 0; i < array_length(variables); i++)
		if (!text_empty(getenv(variables[i])))
			return getenv(variables[i]);
	return "vi";
}

static int edit_copy(const char *copy, struct arena *arena)
{
	/* Through the shell, as the variable may hold options ("code --wait"). */
	const char *command = arena_format(arena, "%s \"$1\"", editor_of_choice());
	const char *const arguments[] = {"/bin/sh", "-c", command, "sh", copy, NULL};
	const struct process_fd fds[] = {{STDIN_FILENO, STDIN_FILENO}};
	const struct process_spawn spawn = {.program = arguments[0],
		.arguments = arguments,
		.fds = fds,
		.fd_count = array_length(fds)};
	int status = 0;
	int r = process_spawn(&spawn, &status);
	if (r < 0)
		return r;
	return status ? refuse(-ECANCELED, "the editor ended with %d, nothing was changed",
				process_exit_code(status))
		      : 0;
}

/* The copy takes the file's place only when it can be read. */
static int run_edit(struct invocation *invocation)
{
	struct arena *arena = invocation->arena;
	struct memory memory, edited;
	autofree char *before = NULL, *after = NULL;
	size_t length;
	int r = find_memory(invocation->arguments[0], arena, &memory);
	if (r < 0)
		return r;
	const char *slash = strrchr(memory.file, '/');
	const char *copy = arena_format(/* hidden: it is no program's */
		arena, "%.*s/.edit-%s", (int)(slash - memory.file), memory.file, slash + 1);
	r = fs_read(AT_FDCWD, memory.file, 1 << 20, &before, &length);
	if (r < 0)
		return fail(r, "read %s", memory.file);
	r = fs_replace(AT_FDCWD, copy, before, length, 0600);
	if (r == 0)
		r = edit_copy(copy, arena);
	if (r == 0 && (r = fs_read(AT_FDCWD, copy, 1 << 20, &after, &length)) < 0)
		r = fail(r, "read %s", copy);
	if (r == 0)
		r = memory_parse(after, "what you wrote", arena, &edited);
	if (r == 0 && (!edited.program || !text_equal(edited.program, memory.program)))
		r = refuse(-EINVAL, "the line \"program %s\" must stay", memory.program);
	if (r == 0)
		r = fs_replace(AT_FDCWD, memory.file, after, length, 0600);
	(void)unlink(copy);
	return r;
}

static const struct verb verb_permissions_edit = {
	.name = "edit",
	.summary = "change what a program was answered",
	.arguments = "PROGRAM",
	.description = "Opens the file of a program's remembered answers in $VISUAL or $EDITOR, "
		       "and keeps the change if it can be read.",
	.run = run_edit,
};

/* ---- all of them
 * ------------------------------------------------------------------------------------ */

static const struct verb_entry entries[] = {
	{.verb = &verb_permissions_list},
	{.verb = &verb_permissions_revoke},
	{.verb = &verb_permissions_edit},
	{},
};

const struct verb verb_sandbox_permissions = {
	.name = "permissions",
	.summary = "what programs were answered when they asked",
	.verbs = entries,
	.completers = completers,
	.failure_status = 125,
	.description =
		"Programs started with --ask ask for what they were not granted. The answers "
		"\"always\" and \"never\" are remembered for each program, in one readable file "
		"below ~/.config/rung/permissions.",
	.run = run_bare,
};
