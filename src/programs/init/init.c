// SPDX-License-Identifier: Apache-2.0

/*
 * rung-init: a PID 1 for programs that were not written to be one.
 *
 *	rung-init [--] PROGRAM [ARGUMENT...]
 *
 * It starts the program, passes every signal on to it, buries every orphan, and ends with the
 * program's status. As PID 1 a program has no default reactions to signals (a `sleep` ignores
 * SIGTERM) and inherits orphans that it never waits for; behind rung-init it has a parent like
 * anywhere else.
 *
 * The program gets a process group of its own and, if there is a terminal, the foreground of it,
 * so that Ctrl-C reaches it once and directly.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what, int status)
{
	dprintf(STDERR_FILENO, "rung-init: %s: %s\n", what, strerror(errno));
	return status;
}

/*
 * A directory of PATH that may not be searched makes execvp(3) say "permission denied" of a program
 * that is nowhere.
 */
static bool is_nowhere(const char *name)
{
	const char *path = getenv("PATH");
	if (strchr(name, '/'))
		return false;
	for (const char *end; path; path = *end ? end + 1 : NULL) {
		char file[4096];
		end = strchrnul(path, ':');
		int length = snprintf(file, sizeof(file), "%.*s%s%s", (int)(end - path), path,
			end == path ? "" : "/", name);
		if (length < (int)sizeof(file) && access(file, F_OK) == 0)
			return false;
	}
	return true;
}

static void be_program(char **arguments, const sigset_t *mask)
{
	(void)setpgid(0, 0);
	/* From the background tcsetpgrp() stops its caller unless SIGTTOU is blocked, which it is.
	 */
	(void)tcsetpgrp(STDIN_FILENO, getpid());
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(arguments[0], arguments);
	if (errno == EACCES && is_nowhere(arguments[0]))
		errno = ENOENT;
	_exit(fail(arguments[0], errno == ENOENT ? 127 : 126));
}

/* Buries all that have died; the program's own status is what we end with. -1: it still runs. */
static int reap(pid_t program)
{
	int status, result = -1;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return result;
}

static int attend(pid_t program, const sigset_t *all)
{
	for (;;) {
		int number = sigwaitinfo(all, NULL);
		if (number == SIGCHLD) {
			int result = reap(program);
			if (result >= 0)
				return result;
		} else if (number > 0) {
			(void)kill(program, number);
		}
	}
}

/* Holds the namespaces of a pod: nothing to run, orphans to bury, until somebody says enough. */
static int hold(void)
{
	sigset_t all;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int number = sigwaitinfo(&all, NULL);
		if (number == SIGCHLD)
			(void)reap(-1);
		else if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
			return 0;
	}
}

int main(int count, char **arguments)
{
	char **program = arguments + 1;
	if (count > 1 && strcmp(program[0], "--") == 0)
		program++;
	if (program[0] && strcmp(program[0], "--pause") == 0)
		return hold();
	if (!program[0]) {
		dprintf(STDERR_FILENO, "usage: rung-init [--] PROGRAM [ARGUMENT...]\n");
		return 125;
	}
	/* Elsewhere than as PID 1 it takes orphans all the same. */
	if (getpid() != 1)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

	sigset_t all, before;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = fork();
	if (pid < 0)
		return fail("fork", 125);
	if (pid == 0)
		be_program(program, &before);
	return attend(pid, &all);
}
