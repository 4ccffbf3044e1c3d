// SPDX-License-Identifier: Apache-2.0
#include "rungs/foreign/wait.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/** The runtime has ended when we look: what it wanted to hand over is there. */
#define CONSOLE_TIMEOUT_MS 2000

int subreap(bool wanted)
{
	return prctl(PR_SET_CHILD_SUBREAPER, wanted, 0, 0, 0) < 0
		       ? fail(-errno, "become a subreaper")
		       : 0;
}

void end_orphans(void)
{
	char list[4096];
	int length = fs_read_small(AT_FDCWD, "/proc/thread-self/children", list, sizeof(list));
	for (char *rest = list, *word; length > 0 && (word = strsep(&rest, " "));) {
		pid_t pid = (pid_t)strtol(word, NULL, 10);
		if (pid > 0 && kill(pid, SIGKILL) == 0)
			(void)waitpid(pid, NULL, 0);
	}
}

int child_from_file(int directory_fd, const char *name, struct process_id *ret_id, int *ret_pidfd)
{
	char text[32];
	int pid = 0;
	int r = fs_read_small(directory_fd, name, text, sizeof(text));
	if (r < 0 || sscanf(text, "%d", &pid) != 1 || pid <= 0)
		return fail(r < 0 ? r : -EBADMSG, "read the runtime's pid file");
	(void)unlinkat(directory_fd, name, 0);
	autoclose int pidfd = kernel_pidfd_open(pid);
	if (pidfd < 0)
		return fail(pidfd, "open the process that the runtime made");
	r = process_identify(pid, ret_id);
	if (r < 0)
		return fail(r, "identify the process that the runtime made");
	*ret_pidfd = take_fd(pidfd);
	return 0;
}

int console_open(int directory_fd, const char *name, struct console *ret_console)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		fd_path(directory_fd).text, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 1) < 0)
		return fail(-errno, "create a console socket");
	*ret_console = (struct console){take_fd(fd), directory_fd, name};
	return 0;
}

void console_fini(struct console *console)
{
	if (console->socket_fd >= 0)
		(void)unlinkat(console->directory_fd, console->name, 0);
	close_now(console->socket_fd);
}

int console_pass_on(const struct console *console, int to_fd, const char *to_socket)
{
	struct pollfd wait = {.fd = console->socket_fd, .events = POLLIN};
	if (poll(&wait, 1, CONSOLE_TIMEOUT_MS) != 1)
		return refuse(-ETIMEDOUT, "the runtime gave us no terminal");
	autoclose int from = accept4(console->socket_fd, NULL, NULL, SOCK_CLOEXEC);
	autoclose int master = from < 0 ? -errno : receive_descriptor(from);
	if (master < 0)
		return fail(master, "receive the terminal");
	autoclose int own = to_fd < 0 && to_socket ? console_socket_connect(to_socket) : -1;
	if (to_fd < 0 && own < 0)
		return to_socket ? own : refuse(-EINVAL, "a terminal needs a console socket");
	int r = send_descriptor(to_fd < 0 ? own : to_fd, master, "terminal");
	return r < 0 ? fail(r, "hand over the terminal") : 0;
}
