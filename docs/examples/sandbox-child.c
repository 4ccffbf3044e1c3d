// SPDX-License-Identifier: Apache-2.0

/*
 * Counts the words of a file behind walls: whatever is wrong with wc(1), or with the file, it can
 * read that file and reach nothing else.
 *
 *	cc sandbox-child.c -lrung-sandbox -o count && ./count /etc/services
 */

#include <limits.h>
#include <rung-sandbox.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char path[PATH_MAX], grant[PATH_MAX + 8];
	if (argc != 2 || !realpath(argv[1], path))
		return 125;
	(void)snprintf(grant, sizeof(grant), "read=%s", path);

	rung_sandbox *box = rung_sandbox_new();
	if (!box || rung_sandbox_allow(box, grant) < 0 ||
		rung_sandbox_option(box, "time", "10s") < 0)
		return 125;
	pid_t pid = rung_sandbox_spawn(box, (const char *const[]){"wc", "-w", path, NULL});
	if (pid < 0)
		(void)fprintf(stderr, "%s\n", rung_sandbox_error(box));
	int status = pid < 0 ? 125 : rung_sandbox_wait(pid);
	rung_sandbox_free(box);
	return status < 0 ? 125 : status;
}
