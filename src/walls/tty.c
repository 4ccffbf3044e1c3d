// SPDX-License-Identifier: Apache-2.0

/*
 * In: a root with a devpts, a socket of whoever wants the terminal. Out: a master with them, a
 * slave as the process's standard streams.
 */

#include "walls/tty.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/rights.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <termios.h>

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

void tty_fini(struct tty *tty)
{
	close_now(tty->master);
	close_now(tty->slave);
}

int tty_open(int root_fd, uint16_t width, uint16_t height, uid_t uid, struct tty *ret_tty)
{
	autofini(tty_fini) struct tty tty = {-1, -1, ""};
	tty.master = fs_open_in(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	if (tty.master < 0) {
		hint("a terminal needs a devpts mounted at /dev/pts");
		return wrap(tty.master, "allocate a terminal");
	}
	struct statfs about;
	if (fstatfs(tty.master, &about) < 0 || about.f_type != DEVPTS_SUPER_MAGIC)
		return refuse(-EINVAL, "allocate a terminal: /dev/pts/ptmx is not on a devpts");

	int unlocked = 0;
	unsigned number;
	if (ioctl(tty.master, TIOCSPTLCK, &unlocked) < 0 ||
		ioctl(tty.master, TIOCGPTN, &number) < 0)
		return fail(-errno, "allocate a terminal");
	tty.slave = ioctl(tty.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty.slave < 0)
		return fail(-errno, "open the terminal");
	snprintf(tty.name, sizeof(tty.name), "/dev/pts/%u", number);
	if (width && height) {
		struct winsize size = {.ws_col = width, .ws_row = height};
		if (ioctl(tty.slave, TIOCSWINSZ, &size) < 0)
			return fail(-errno, "set the terminal's size");
	}
	/* Programs of that user open their terminal by name; devpts made it ours. */
	if (uid != 0 && fchown(tty.slave, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return fail(-errno, "give the terminal to user %u", uid);
	*ret_tty = tty;
	tty = (struct tty){-1, -1, ""};
	return 0;
}

int tty_mount_console(int root_fd, const struct tty *tty)
{
	autoclose int dev = fs_open_beneath(root_fd, "dev", O_PATH | O_DIRECTORY, 0);
	if (dev < 0)
		return dev;
	autoclose int made = openat(dev, "console",
		O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	autoclose int target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return fail(-errno, "create /dev/console");
	autoclose int tree = kernel_open_tree(
		tty->slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return fail(tree, "mount the terminal on /dev/console");
	int r = kernel_move_mount(
		tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? fail(r, "mount the terminal on /dev/console") : 0;
}

int tty_adopt(const struct tty *tty)
{
	if (ioctl(tty->slave, TIOCSCTTY, 0) < 0)
		return fail(-errno, "take the terminal as controlling terminal");
	for (int stream = 0; stream <= 2; stream++)
		if (dup2(tty->slave, stream) < 0)
			return fail(-errno, "take the terminal as standard streams");
	return 0;
}

/* ---- handing over ------------------------------------------------------------ */

int unix_connect(const char *path)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, "connect to %s", path);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	/* A longer path is reached through a descriptor of the socket itself. */
	autoclose int handle = -1;
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
	} else {
		handle = open(path, O_PATH | O_CLOEXEC);
		if (handle < 0)
			return fail(-errno, "connect to %s", path);
		struct fd_path short_path = fd_path(handle);
		memcpy(address.sun_path, short_path.text, sizeof(short_path.text));
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(-errno, "connect to %s", path);
	return take_fd(fd);
}

int console_socket_connect(const char *path)
{
	int fd = unix_connect(path);
	return fd < 0 ? wrap(fd, "console socket") : fd;
}

int console_socket_send(int socket_fd, const struct tty *tty)
{
	int r = send_descriptor(socket_fd, tty->master, tty->name);
	return r < 0 ? fail(r, "send the terminal over the console socket") : 0;
}
