// SPDX-License-Identifier: Apache-2.0

/*
 * What a hostile program in a container does, one word each:
 *
 *	fds                  prints its open descriptors but this listing's own
 *	terminal             tries to get at a controlling terminal and to type into it (TIOCSTI)
 *	touch-process PID    tries to trace it and to open its exe, memory, root, descriptors
 *	hunt SECONDS         waits for other processes to appear and opens their exe; says what it
 *got, and whether it can be written to, now or after the process has gone (CVE-2019-5736) swap A B
 *COUNT       exchanges two names that often, 0: until killed environment          prints it
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int list_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name);
		char path[64], target[4096] = "";
		if (entry->d_name[0] == '.' || fd == dirfd(directory))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) < 0)
			continue;
		printf("%d %s\n", fd, target);
	}
	return directory ? 0 : 1;
}

static int try_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR);
	printf("controlling terminal: %s\n", fd < 0 ? strerror(errno) : "open");
	for (fd = 0; fd <= 2; fd++)
		printf("typing into %d: %s\n", fd,
			ioctl(fd, TIOCSTI, "x") < 0 ? strerror(errno) : "done");
	return 0;
}

static void try_open(const char *pid, const char *name, int flags)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	int fd = open(path, flags);
	printf("%s: %s\n", name, fd < 0 ? strerror(errno) : "open");
	if (fd >= 0)
		close(fd);
}

static int touch_process(const char *pid)
{
	try_open(pid, "exe", O_RDONLY);
	try_open(pid, "mem", O_RDWR);
	try_open(pid, "root", O_RDONLY);
	try_open(pid, "fd/0", O_RDONLY);
	try_open(pid, "environ", O_RDONLY);
	printf("ptrace: %s\n",
		ptrace(PTRACE_SEIZE, atoi(pid), 0, 0) < 0 ? strerror(errno) : "done");
	return 0;
}

/* Holds on to what it got until the process is gone, when "text file busy" protects it no longer.
 */
static void try_to_write(int fd, const char *target)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const char *how = "cannot be written";
	for (int tries = 0; tries < 200; tries++) {
		int writable = open(path, O_WRONLY);
		if (writable >= 0) {
			how = pwrite(writable, "", 0, 0) == 0 &&
					      ftruncate(writable, lseek(writable, 0, SEEK_END)) == 0
				      ? "CAN BE WRITTEN"
				      : "cannot be changed";
			close(writable);
			break;
		}
		if (errno != ETXTBSY)
			break;
		usleep(5000);
	}
	printf("got %s: %s\n", target, how);
}

static int hunt(int seconds)
{
	enum { PIDS = 4096 };
	static char seen[PIDS];
	time_t end = time(NULL) + seconds;
	char path[64], own[4096] = "", target[4096];
	(void)!readlink("/proc/self/exe", own, sizeof(own) - 1);
	printf("hunting\n");
	fflush(stdout);
	while (time(NULL) < end && access("/stop", F_OK) < 0) {
		for (int pid = 1; pid < PIDS; pid++) {
			snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			int fd = pid == getpid() || seen[pid] ? -1
							      : open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0) {
				if (errno == ENOENT && pid > 64)
					break;
				continue;
			}
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			ssize_t n = readlink(path, target, sizeof(target) - 1);
			target[n < 0 ? 0 : n] = '\0';
			struct stat about;
			/* The container's own programs are no prey. */
			if (strcmp(target, own) != 0 && strncmp(target, "/bin/", 5) != 0 &&
				fstat(fd, &about) == 0) {
				seen[pid] = 1;
				try_to_write(fd, target);
				fflush(stdout);
			}
			close(fd);
		}
	}
	printf("done\n");
	return 0;
}

static int swap(const char *a, const char *b, long count)
{
	for (long i = 0; count == 0 || i < count; i++)
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			return 1;
	return 0;
}

int main(int count, char **words)
{
	const char *what = count > 1 ? words[1] : "";
	if (strcmp(what, "fds") == 0)
		return list_descriptors();
	if (strcmp(what, "terminal") == 0)
		return try_terminal();
	if (strcmp(what, "touch-process") == 0 && count > 2)
		return touch_process(words[2]);
	if (strcmp(what, "hunt") == 0 && count > 2)
		return hunt(atoi(words[2]));
	if (strcmp(what, "swap") == 0 && count > 4)
		return swap(words[2], words[3], atol(words[4]));
	if (strcmp(what, "environment") == 0) {
		for (char **variable = environ; *variable; variable++)
			puts(*variable);
		return 0;
	}
	fprintf(stderr, "attacker: what?\n");
	return 2;
}
