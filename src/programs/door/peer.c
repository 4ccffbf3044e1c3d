// SPDX-License-Identifier: Apache-2.0

/*
 * From /proc/PID/status, proc(5), which everybody may read. The links in /proc/PID/ns say the same,
 * but not to us: we live in the sandbox's user namespace, and those of a process outside of it are
 * closed to that (ptrace(2), "Ptrace access mode checking").
 */

#include "peer.h"

#include "base/fs.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>

/* What stands behind a word at the beginning of a line; NULL: no such process. */
static const char *read_status(pid_t pid, const char *word, char *buffer, size_t size)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (pid <= 0 || fs_read_small(AT_FDCWD, path, buffer, size) < 0)
		return NULL;
	const char *at = strstr(buffer, word);
	return at ? at + strlen(word) : NULL;
}

pid_t peer_process(pid_t thread)
{
	char status[4096];
	int process;
	const char *value = read_status(thread, "\nTgid:", status, sizeof(status));
	return value && sscanf(value, "%d", &process) == 1 ? process : thread;
}

/* NSpid: its number in our namespace, and in each one below down to its own. */
bool peer_is_walled_in(pid_t pid)
{
	char status[4096];
	int outer, inner;
	const char *value = read_status(pid, "\nNSpid:", status, sizeof(status));
	if (!value)
		return true;
	size_t length = strcspn(value, "\n");
	status[value - status + (ptrdiff_t)length] = '\0';
	return sscanf(value, "%d %d", &outer, &inner) != 1;
}
