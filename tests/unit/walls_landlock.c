// SPDX-License-Identifier: Apache-2.0

/* Landlock rulesets in the running kernel, and capabilities as it knows them. */

#include "base/error.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/scope.h"
#include "unit.h"
#include "walls/capabilities.h"
#include "walls/landlock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A tree of our own: open/ is granted, shut/ is not. */
static char tree[64];

static int make_tree(void **state)
{
	strcpy(tree, "/tmp/rung-test-landlock-XXXXXX");
	if (!mkdtemp(tree))
		return -1;
	int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(fd, "open", 0755);
	mkdirat(fd, "shut", 0755);
	close(openat(fd, "open/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(openat(fd, "shut/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(fd);
	return 0;
}

static int remove_tree(void **state)
{
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	return system(command);
}

/* Runs body in a child with the rules on it, its directory the tree; its exit status. */
static int under(const struct plan_landlock *rules, int (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		autoclose int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
		autoclose int ruleset = landlock_ruleset(rules, root);
		if (ruleset < 0 || chdir(tree) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
			_exit(100);
		_exit(body());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int error_of(int fd)
{
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

/* A number of the first thing that is not as the rules say. */
static int use_files(void)
{
	if (error_of(open("open/file", O_RDONLY | O_CLOEXEC)) != 0)
		return 1;
	if (error_of(open("open/file", O_WRONLY | O_CLOEXEC)) != EACCES)
		return 2;
	if (error_of(open("shut/file", O_RDONLY | O_CLOEXEC)) != EACCES)
		return 3;
	if (error_of(open("shut", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != EACCES)
		return 4;
	if (error_of(open("open", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != 0)
		return 5;
	if (mkdir("open/new", 0755) == 0 || errno != EACCES)
		return 6;
	if (error_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC)) != EACCES)
		return 7;
	return 0;
}

static void test_files(void **state)
{
	if (landlock_abi() == 0)
		skip(); /* this kernel has no Landlock */
	struct plan_landlock_path paths[] = {
		{"/open", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR}};
	struct plan_landlock rules = {.given = true,
		.best_effort = true,
		.handled_fs = landlock_known(landlock_abi()).handled_fs,
		.paths = paths,
		.path_count = 1};
	assert_int_equal(under(&rules, use_files), 0);

	/* A path is looked up inside the tree, however it is written. */
	paths[0].path = "../../../open/../open";
	assert_int_equal(under(&rules, use_files), 0);

	/* Rights that only directories have are left out for a file, where the kernel refuses them.
	 */
	paths[0] = (struct plan_landlock_path){"open/file", UINT64_MAX};
	assert_int_equal(under(&rules, use_files), 2);
}

static void test_missing_path(void **state)
{
	if (landlock_abi() == 0)
		skip();
	autoclose int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct plan_landlock_path path = {"/nowhere", LANDLOCK_ACCESS_FS_READ_FILE};
	struct plan_landlock rules = {.given = true,
		.handled_fs = LANDLOCK_ACCESS_FS_READ_FILE,
		.paths = &path,
		.path_count = 1};
	assert_int_equal(landlock_ruleset(&rules, root), -ENOENT);
	assert_string_equal(error_text(), "Landlock: open /nowhere: No such file or directory");

	rules.best_effort = true;
	int log = memfd_create("log", MFD_CLOEXEC);
	log_configure(&(struct log_settings){.fd = log, .level = LOG_WARNING, .program = "rung"});
	autoclose int ruleset = landlock_ruleset(&rules, root);
	log_configure(&(struct log_settings){.fd = -1, .level = LOG_WARNING, .program = "rung"});
	assert_true(ruleset >= 0);
	assert_string_equal(error_text(), "");
	char line[256] = {};
	assert_true(pread(log, line, sizeof(line) - 1, 0) > 0);
	assert_non_null(strstr(line, "/nowhere"));
	close(log);
}

static uint16_t open_port, shut_port;

static int connect_to(uint16_t port)
{
	autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int use_ports(void)
{
	if (connect_to(open_port) != 0)
		return 1;
	if (connect_to(shut_port) != EACCES)
		return 2;
	return 0;
}

static int listen_somewhere(uint16_t *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void test_ports(void **state)
{
	if (landlock_abi() < 4)
		skip(); /* ports came with Linux 6.7 */
	int first = listen_somewhere(&open_port), second = listen_somewhere(&shut_port);
	struct plan_landlock_port port = {open_port, LANDLOCK_ACCESS_NET_CONNECT_TCP};
	struct plan_landlock rules = {.given = true,
		.handled_net = LANDLOCK_ACCESS_NET_CONNECT_TCP | LANDLOCK_ACCESS_NET_BIND_TCP,
		.ports = &port,
		.port_count = 1};
	assert_int_equal(under(&rules, use_ports), 0);
	close(first);
	close(second);
}

static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static void test_scopes(void **state)
{
	if (landlock_abi() < 6)
		skip(); /* scopes came with Linux 6.12 */
	struct plan_landlock rules = {.given = true, .scoped = LANDLOCK_SCOPE_SIGNAL};
	assert_int_equal(under(&rules, signal_parent), EPERM);
	rules.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	assert_int_equal(under(&rules, signal_parent), 0);
}

/* Rights of a future that this kernel has not reached. */
static void test_too_new(void **state)
{
	struct plan_landlock rules = {.given = true, .handled_fs = 1ull << 40};
	assert_int_equal(landlock_ruleset(&rules, AT_FDCWD), -EOPNOTSUPP);
	assert_non_null(strstr(error_text(), "has no rules for"));
	assert_non_null(strstr(error_hint(), "bestEffort"));
	error_clear();
	rules.best_effort = true;
	int log = memfd_create("log", MFD_CLOEXEC);
	log_configure(&(struct log_settings){.fd = log, .level = LOG_WARNING, .program = "rung"});
	assert_int_equal(landlock_ruleset(&rules, AT_FDCWD), -ENODATA);
	log_configure(&(struct log_settings){.fd = -1, .level = LOG_WARNING, .program = "rung"});
	assert_string_equal(error_text(), "");
	assert_true(lseek(log, 0, SEEK_END) > 0);
	close(log);
}

/* By the kernel's own list of versions (landlock(7), "Landlock ABI versions"). */
static void test_versions(void **state)
{
	static const struct kernel_landlock_ruleset known[] = {
		{0, 0, 0},
		{0x1fff, 0, 0},
		{0x3fff, 0, 0},
		{0x7fff, 0, 0},
		{0x7fff, 3, 0},
		{0xffff, 3, 0},
		{0xffff, 3, 3},
		{0xffff, 3, 3},
	};
	for (int abi = 0; abi < (int)array_length(known); abi++) {
		struct kernel_landlock_ruleset answer = landlock_known(abi);
		assert_memory_equal(&answer, &known[abi], sizeof(answer));
	}
	struct kernel_landlock_ruleset future = landlock_known(99);
	assert_memory_equal(&future, &known[7], sizeof(future));
	/* And the kernel takes everything that we think it knows. */
	if (landlock_abi() == 0)
		skip();
	struct kernel_landlock_ruleset ours = landlock_known(landlock_abi());
	struct plan_landlock rules = {.given = true,
		.handled_fs = ours.handled_fs,
		.handled_net = ours.handled_net,
		.scoped = ours.scoped};
	autoclose int ruleset = landlock_ruleset(&rules, AT_FDCWD);
	assert_true(ruleset >= 0);
	assert_int_equal(fcntl(ruleset, F_GETFD), FD_CLOEXEC);
}

static void test_capabilities(void **state)
{
	int last = capabilities_last();
	FILE *file = fopen("/proc/sys/kernel/cap_last_cap", "re");
	int wanted = -1;
	assert_int_equal(fscanf(file, "%d", &wanted), 1);
	fclose(file);
	assert_int_equal(last, wanted);
	assert_int_equal(capabilities_last(), wanted);
	assert_true(capabilities_all() >> last == 1);

	uint64_t beyond = 1ull << 62, chown = 1ull << CAP_CHOWN, kill = 1ull << CAP_KILL;
	struct plan_capabilities sets = {.given = true,
		.bounding = chown | beyond,
		.effective = chown,
		.permitted = chown | kill | beyond,
		.inheritable = kill,
		.ambient = chown | kill};
	int log = memfd_create("log", MFD_CLOEXEC);
	log_configure(&(struct log_settings){.fd = log, .level = LOG_WARNING, .program = "rung"});
	struct plan_capabilities possible = capabilities_possible(&sets);
	log_configure(&(struct log_settings){.fd = -1, .level = LOG_WARNING, .program = "rung"});
	assert_true(possible.given);
	assert_int_equal(possible.bounding, chown);
	assert_int_equal(possible.effective, chown);
	assert_int_equal(possible.permitted, chown | kill);
	assert_int_equal(possible.inheritable, kill);
	assert_int_equal(possible.ambient, kill);
	char lines[512] = {};
	assert_true(pread(log, lines, sizeof(lines) - 1, 0) > 0);
	assert_non_null(strstr(lines, "unknown to this kernel"));
	assert_non_null(strstr(lines, "CAP_CHOWN cannot be ambient"));
	close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_missing_path),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_too_new),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_capabilities),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
