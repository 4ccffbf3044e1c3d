// SPDX-License-Identifier: Apache-2.0

/*
 * escape start [group=PID] [udp=PORT] [terminal] [events] top=TOP -- COMMAND...
 *
 * A careless starter: everything that a program can inherit lies about when COMMAND begins.
 * Descriptors without close-on-exec (a directory, a mount namespace, a program, a file, a connected
 * socket; see escape.h), a working directory in the world, keys with the secret, the bystander's
 * process group, a controlling terminal. Waits for COMMAND and ends as it did.
 */

#include "escape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *option(char **words, const char *name)
{
	size_t length = strlen(name);
	for (; *words && strcmp(*words, "--") != 0; words++)
		if (strncmp(*words, name, length) == 0 &&
			((*words)[length] == '=' || !(*words)[length]))
			return *words + length + ((*words)[length] == '=');
	return NULL;
}

static void leave_open(int fd, int number)
{
	if (fd < 0 || dup2(fd, number) < 0) {
		perror("escape: start");
		exit(2);
	}
	close(fd);
}

static void leave_descriptors(const char *top, const char *port)
{
	leave_open(open(top, O_RDONLY | O_DIRECTORY), LEFT_DIRECTORY);
	leave_open(open("/proc/self/ns/mnt", O_RDONLY), LEFT_NAMESPACE);
	leave_open(open(text("%s/tool", top), O_PATH), LEFT_PROGRAM);
	leave_open(open(text("%s/secret", top), O_RDONLY), LEFT_SECRET);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port ? port : "9"))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (void *)&address, sizeof(address)) < 0)
		perror("escape: start: connect");
	leave_open(fd, LEFT_NETWORK);
}

/* Kernels without keys leave nothing; the attempts then say that it is impossible. */
static long leave_keys(const char *user_key)
{
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	/* As a login does it (pam_keyinit): who has the session has the user's keys too. */
	syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
	syscall(SYS_add_key, "user", "rung-escape-session", SECRET, strlen(SECRET),
		KEY_SPEC_SESSION_KEYRING);
	return syscall(
		SYS_add_key, "user", user_key, SECRET, strlen(SECRET), KEY_SPEC_USER_KEYRING);
}

/* Tells whoever listens that /dev/null has changed, which it has not. */
static void change_device(void)
{
	int fd = open("/sys/class/mem/null/uevent", O_WRONLY | O_CLOEXEC);
	(void)!write(fd, "change", 6);
	close(fd);
	usleep(10000);
}

int run_starter(char **words)
{
	const char *top = option(words, "top"), *group = option(words, "group");
	char **command = words;
	while (*command && strcmp(*command, "--") != 0)
		command++;
	if (!top || !*command || !command[1] || chdir(top) < 0) {
		fprintf(stderr, "escape: start: top=TOP -- COMMAND\n");
		return 2;
	}
	if (option(words, "terminal"))
		(void)!(setsid() < 0 || ioctl(0, TIOCSCTTY, 0) < 0);
	else if (group && setpgid(0, atoi(group)) < 0)
		perror("escape: start: setpgid");
	leave_descriptors(top, option(words, "udp"));
	long key = leave_keys(text("rung-escape-%s", group ? group : "0"));
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		execvp(command[1], command + 1);
		perror(command[1]);
		_exit(127);
	}
	int status = 0;
	if (option(words, "events"))
		while (waitpid(child, &status, WNOHANG) == 0)
			change_device();
	else
		waitpid(child, &status, 0);
	if (key >= 0)
		syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
