// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/between.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "rungs/container/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

[[gnu::noreturn]] static void be_between(
	between_function *function, void *context, struct channel *channel, int answer_fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	close_now(channel->starter);
	struct newborn newborn = {};
	if (function(context, &newborn) < 0)
		child_give_up(channel->child);
	_exit(fs_write_all(answer_fd, &newborn, sizeof(newborn)) < 0);
}

int between_begin(between_function *function, void *context, struct channel *channel,
	struct between *ret_between)
{
	int answer[2];
	if (pipe2(answer, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	autoclose int answer_fd = answer[0], answer_end = answer[1];
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0)
		be_between(function, context, channel, answer_end);
	if (pid < 0)
		return fail(pid, "fork");
	close_now(channel->child);
	*ret_between = (struct between){pid, take_fd(answer_fd)};
	return 0;
}

int between_end(struct between *between, int before, const struct channel *channel,
	struct newborn *ret_newborn)
{
	struct newborn newborn = {};
	int r = before;
	if (r >= 0 &&
		read(between->answer_fd, &newborn, sizeof(newborn)) != (ssize_t)sizeof(newborn)) {
		r = channel_wait(channel->starter);
		if (r >= 0)
			r = refuse(-ECHILD, "the process that enters namespaces died");
	}
	close_now(between->answer_fd);
	if (r < 0)
		(void)kill(between->pid, SIGKILL);
	(void)waitpid(between->pid, NULL, 0);
	if (r < 0)
		return r;
	*ret_newborn = newborn;
	return 0;
}
