// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/announce.h"

#include "base/error.h"
#include "base/fs.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <stdio.h>

int write_pid_file(const char *path, pid_t pid)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (text_empty(name))
		return refuse(-EISDIR, "pid file %s is a directory", path);
	autofree char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!parent)
		return fail(-ENOMEM, "pid file %s", path);
	autoclose int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fail(-errno, "pid file %s", path);
	char number[16];
	int length = snprintf(number, sizeof(number), "%d", (int)pid);
	int r = fs_replace(directory, name, number, (size_t)length, 0644);
	return r < 0 ? wrap(r, "pid file") : 0;
}

int send_pidfd(const char *socket_path, int pidfd)
{
	autoclose int socket_fd = unix_connect(socket_path);
	if (socket_fd < 0)
		return wrap(socket_fd, "pidfd socket");
	int r = send_descriptor(socket_fd, pidfd, "pidfd");
	return r < 0 ? fail(r, "send the pidfd to %s", socket_path) : 0;
}
