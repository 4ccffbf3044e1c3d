// SPDX-License-Identifier: Apache-2.0

/*
 * startContainer hooks run inside the container, after the start was asked for and before
 * its program: one after the other, the container's state on standard input, the first
 * failure ends the start (config.md "startContainer Hooks").
 */

#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_hook(const struct handoff_hook *hook, int input)
{
	if (dup2(input, 0) < 0)
		_exit(127);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	execve(handed_text(hook->path), handed_strings(hook->arguments),
		handed_strings(hook->environment));
	_exit(errno == ENOENT ? 127 : 126);
}

static int wait_for(pid_t child, uint32_t timeout_s)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int ready;
	do {
		ready = poll(&end, 1, timeout_s ? (int)(timeout_s * 1000) : -1);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		(void)kill(child, SIGKILL);
	(void)close(pidfd);

	int status;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return ready == 0 ? -1 : status;
}

static void run_hook(const struct handoff *handoff, const struct handoff_hook *hook)
{
	const char *path = handed_text(hook->path), *state = handed_text(handoff->hook_state);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		stage_fail(errno, "startContainer hook %s", path);
	pid_t child = fork();
	if (child < 0)
		stage_fail(errno, "startContainer hook %s", path);
	if (child == 0)
		become_hook(hook, ends[0]);
	(void)close(ends[0]);

	/* A hook need not read its input; that must not kill the container. */
	signal(SIGPIPE, SIG_IGN);
	ssize_t ignored = write(ends[1], state, strlen(state));
	(void)ignored;
	(void)close(ends[1]);
	signal(SIGPIPE, SIG_DFL);

	int status = wait_for(child, hook->timeout_s);
	if (status == -1)
		stage_fail(0, "startContainer hook %s: no end after %u s", path, hook->timeout_s);
	if (WIFSIGNALED(status))
		stage_fail(
			0, "startContainer hook %s: killed by signal %d", path, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		stage_fail(0, "startContainer hook %s: exit status %d", path, WEXITSTATUS(status));
}

void stage_run_hooks(const struct handoff *handoff)
{
	const struct handoff_hook *hooks =
		(const struct handoff_hook *)(const void *)((const char *)handoff + handoff->hooks);
	for (uint32_t i = 0; i < handoff->hook_count; i++)
		run_hook(handoff, &hooks[i]);
}
