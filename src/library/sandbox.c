// SPDX-License-Identifier: Apache-2.0

/*
 * In: permissions and words. Out: a child that is `rung sandbox run` with them.
 *
 * Why a program and not the walls themselves: whoever makes namespaces changes his own process, or
 * must fork a copy of it with all its threads, locks and secrets; rung starts from nothing. And the
 * walls can get better without the caller being built again.
 */

#include "rung-sandbox.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct rung_sandbox {
	char **options; /* "--allow=read=/x", ... */
	size_t count, room;
	char *profile, *name, *program;
	int streams[3];
	char error[512];
};

static int refuse(rung_sandbox *box, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(box->error, sizeof(box->error), format, arguments);
	va_end(arguments);
	return -error;
}

rung_sandbox *rung_sandbox_new(void)
{
	rung_sandbox *box = calloc(1, sizeof(*box));
	for (int i = 0; box && i < 3; i++)
		box->streams[i] = -1;
	return box;
}

void rung_sandbox_free(rung_sandbox *box)
{
	if (!box)
		return;
	for (size_t i = 0; i < box->count; i++)
		free(box->options[i]);
	free((void *)box->options);
	free(box->profile);
	free(box->name);
	free(box->program);
	free(box);
}

const char *rung_sandbox_error(const rung_sandbox *box)
{
	return box->error;
}

/* ---- words --------------------------------------------------------------------------- */

static int add(rung_sandbox *box, const char *option, const char *value)
{
	char *word;
	box->error[0] = '\0';
	if (!value || !*value)
		return refuse(box, EINVAL, "--%s: a value is missing", option);
	if (box->count == box->room) {
		size_t room = box->room ? 2 * box->room : 16;
		char **more = reallocarray((void *)box->options, room, sizeof(*more));
		if (!more)
			return refuse(box, ENOMEM, "out of memory");
		box->options = more;
		box->room = room;
	}
	if (asprintf(&word, "--%s=%s", option, value) < 0)
		return refuse(box, ENOMEM, "out of memory");
	box->options[box->count++] = word;
	return 0;
}

static int replace(rung_sandbox *box, char **field, const char *value)
{
	char *copy = value ? strdup(value) : NULL;
	box->error[0] = '\0';
	if (value && !copy)
		return refuse(box, ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

int rung_sandbox_allow(rung_sandbox *box, const char *permission)
{
	return add(box, "allow", permission);
}

int rung_sandbox_deny(rung_sandbox *box, const char *permission)
{
	return add(box, "deny", permission);
}

int rung_sandbox_profile(rung_sandbox *box, const char *name)
{
	return replace(box, &box->profile, name);
}

int rung_sandbox_name(rung_sandbox *box, const char *name)
{
	return replace(box, &box->name, name);
}

int rung_sandbox_program(rung_sandbox *box, const char *path)
{
	return replace(box, &box->program, path);
}

int rung_sandbox_option(rung_sandbox *box, const char *name, const char *value)
{
	if (!name || !*name || strchr(name, '='))
		return refuse(box, EINVAL, "an option has a name without \"=\"");
	return add(box, name, value);
}

int rung_sandbox_variable(rung_sandbox *box, const char *name, const char *value)
{
	char *pair;
	if (!name || !*name || strchr(name, '=') || !value)
		return refuse(box, EINVAL, "a variable has a name without \"=\", and a value");
	if (asprintf(&pair, "%s=%s", name, value) < 0)
		return refuse(box, ENOMEM, "out of memory");
	int r = add(box, "env", pair);
	free(pair);
	return r;
}

int rung_sandbox_streams(rung_sandbox *box, int input, int output, int error)
{
	box->error[0] = '\0';
	box->streams[0] = input;
	box->streams[1] = output;
	box->streams[2] = error;
	return 0;
}

/* ---- starting ------------------------------------------------------------------------- */

static size_t count_of(const char *const *words)
{
	size_t count = 0;
	while (words[count])
		count++;
	return count;
}

/* rung sandbox run [--profile=P] [--name=N] OPTIONS -- ARGUMENTS */
static char **command_of(const rung_sandbox *box, const char *const *arguments, char *named[2])
{
	size_t extra = count_of(arguments), n = 0;
	char **words = calloc(box->count + extra + 8, sizeof(*words));
	if (!words)
		return NULL;
	words[n++] = (char *)"rung";
	words[n++] = (char *)"sandbox";
	words[n++] = (char *)"run";
	for (int i = 0; i < 2; i++)
		if (named[i])
			words[n++] = named[i];
	for (size_t i = 0; i < box->count; i++)
		words[n++] = box->options[i];
	words[n++] = (char *)"--";
	for (size_t i = 0; i < extra; i++)
		words[n++] = (char *)arguments[i];
	return words;
}

static int spawn(rung_sandbox *box, char **words, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);
	if (error)
		return refuse(box, error, "start rung: %s", strerror(error));
	for (int i = 0; i < 3 && !error; i++)
		if (box->streams[i] >= 0)
			error = posix_spawn_file_actions_adddup2(&actions, box->streams[i], i);
	if (!error)
		error = posix_spawnp(ret_pid, box->program ? box->program : "rung", &actions, NULL,
			words, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error ? refuse(box, error, "start %s: %s", box->program ? box->program : "rung",
			       strerror(error))
		     : 0;
}

pid_t rung_sandbox_spawn(rung_sandbox *box, const char *const *arguments)
{
	char *named[2] = {NULL, NULL}, **words = NULL;
	pid_t pid = -1;
	box->error[0] = '\0';
	if (!arguments || !arguments[0])
		return refuse(box, EINVAL, "there is no program to start");
	int r;
	bool named_all =
		(!box->profile || asprintf(&named[0], "--profile=%s", box->profile) >= 0) &&
		(!box->name || asprintf(&named[1], "--name=%s", box->name) >= 0);
	if (named_all)
		words = command_of(box, arguments, named);
	if (words)
		r = spawn(box, words, &pid);
	else
		r = refuse(box, ENOMEM, "out of memory");
	free((void *)words);
	free(named[0]);
	free(named[1]);
	return r < 0 ? r : pid;
}

int rung_sandbox_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
