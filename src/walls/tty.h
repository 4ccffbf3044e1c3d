// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Pseudo-terminals: the container's console and the relay of `rung run -t`. */

#include "base/rights.h" /* send_descriptor(), receive_descriptor() */

#include <stdint.h>
#include <sys/types.h>

struct tty {
	int master, slave;
	char name[32]; /* "/dev/pts/0" as the container sees it */
};

void tty_fini(struct tty *tty);

/**
 * A new pseudo-terminal from the devpts mounted at root_fd/dev/pts, checked to be a devpts
 * (CVE-2025-52565: the slave comes from the master by TIOCGPTPEER, not from a path).
 * @width, @height in cells, 0 to leave as it is; owned by @uid.
 */
[[nodiscard]] int tty_open(
	int root_fd, uint16_t width, uint16_t height, uid_t uid, struct tty *ret_tty);

/** Mounts the slave on root_fd/dev/console. */
[[nodiscard]] int tty_mount_console(int root_fd, const struct tty *tty);

/** Makes the slave this session's controlling terminal and standard streams. */
[[nodiscard]] int tty_adopt(const struct tty *tty);

/** Connects to a --console-socket (a UNIX stream socket of the caller's). Returns a descriptor. */
[[nodiscard]] int console_socket_connect(const char *path);

/** Sends the master over it, with the terminal's name as payload (runc's convention). */
[[nodiscard]] int console_socket_send(int socket_fd, const struct tty *tty);

/** Connects to any UNIX stream socket whose path may be longer than sockaddr_un allows. */
[[nodiscard]] int unix_connect(const char *path);
