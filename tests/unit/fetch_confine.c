// SPDX-License-Identifier: Apache-2.0

/* An attacker who has taken rung-fetch over: what is left to try after confine(). */

#include "confine.h"

#include "base/kernel.h"
#include "unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static char tree[] = "/tmp/rung-test-confine-XXXXXX";
static char secret[64], bus[64];
static int bus_fd = -1;

static int make_tree(void **state)
{
	if (!mkdtemp(tree) || chmod(tree, 0755) < 0)
		return -1;
	snprintf(secret, sizeof(secret), "%s/secret", tree);
	snprintf(bus, sizeof(bus), "%s/bus", tree);
	close(open(secret, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, bus);
	bus_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(bus_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return chmod(bus, 0777) < 0 || listen(bus_fd, 1) < 0 ? -1 : 0;
}

static int remove_tree(void **state)
{
	close(bus_fd);
	unlink(bus);
	unlink(secret);
	return rmdir(tree);
}

/* The exit status of the attack, made in a confined child; 0 is what is hoped for. */
static int confined(int (*attack)(void))
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		confine();
		_exit(attack());
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether it failed for want of a right. */
static bool refused(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES);
}

static int open_files(void)
{
	char other[80];
	snprintf(other, sizeof(other), "%s/new", tree);
	if (!refused(open(secret, O_RDONLY | O_CLOEXEC)))
		return 1;
	if (!refused(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)))
		return 2;
	if (!refused(open("/proc/self/mem", O_RDWR | O_CLOEXEC)))
		return 3;
	if (!refused(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
		return 4;
	if (!refused(open("/etc/resolv.conf", O_WRONLY | O_CLOEXEC)))
		return 5;
	return refused(mkdir(other, 0755)) && refused(unlink(secret)) ? 0 : 6;
}

static int read_what_it_needs(void)
{
	int fd = open("/etc/nsswitch.conf", O_RDONLY | O_CLOEXEC);
	return fd >= 0 || errno == ENOENT ? 0 : 1;
}

static int start_others(void)
{
	char name[] = "true", *const words[] = {name, NULL};
	if (!refused(execve("/bin/true", words, words)))
		return 1;
	if (!refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
		return 2;
	long r = syscall(SYS_clone3, NULL, 0);
	if (r >= 0 || errno != ENOSYS)
		return 3;
	return refused(unshare(CLONE_NEWUSER)) ? 0 : 4;
}

static int touch_others(void)
{
	if (!refused(kill(getppid(), 0)))
		return 1;
	if (!refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)))
		return 2;
	return refused(syscall(SYS_pidfd_open, getppid(), 0)) ? 0 : 3;
}

static int call_services(void)
{
	if (!refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)))
		return 1;
	if (!refused(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)))
		return 2;
	return refused(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) ? 0 : 3;
}

static int type_into_terminal(void)
{
	char letter = 'x';
	return refused(ioctl(STDIN_FILENO, TIOCSTI, &letter)) ? 0 : 1;
}

static int speak_with_the_world(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return 1;
	/* Nobody listens; but it may ask. */
	int r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	return r < 0 && refused(r) ? 2 : 0;
}

static void *nothing(void *context)
{
	return context;
}

static int start_threads(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}

static int have_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
	if (syscall(SYS_capget, &header, sets) < 0)
		return 1;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (sets[i].effective || sets[i].permitted || sets[i].inheritable)
			return 2;
	return 0;
}

/* Root of a user namespace that has no nobody. */
static int have_rights_in_namespace(void)
{
	int status = 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	pid_t pid = fork();
	if (pid == 0) {
		confine();
		_exit(have_rights());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : 3;
}

static void test_files(void **state)
{
	if (kernel_landlock_create_ruleset(NULL, 0, 1 /* version */) < 1) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(confined(open_files), 0);
	assert_int_equal(confined(read_what_it_needs), 0);
}

static void test_processes(void **state)
{
	assert_int_equal(confined(start_others), 0);
	assert_int_equal(confined(touch_others), 0);
	assert_int_equal(confined(start_threads), 0);
}

static void test_sockets(void **state)
{
	assert_int_equal(confined(call_services), 0);
	assert_int_equal(confined(type_into_terminal), 0);
	assert_int_equal(confined(speak_with_the_world), 0);
}

static void test_capabilities(void **state)
{
	int status = 0;
	assert_int_equal(confined(have_rights), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(have_rights_in_namespace());
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_capabilities),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
