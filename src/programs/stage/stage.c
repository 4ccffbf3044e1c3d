// SPDX-License-Identifier: Apache-2.0

/*
 * The stage: the last program image of rung in a container, and the first thing that
 * `#!/proc/self/exe` could ever find there.
 *
 * In:  a handoff block (rungs/container/handoff.h) in the descriptor named by argv[1];
 *      all privileges of the container's user namespace; the container's root, namespaces
 *      and standard streams already in place.
 * Out: the container's program, with exactly the identity, powers and descriptors that
 *      the plan gives it; or one report and exit status 1.
 *
 * The order is not free:
 *   1. find the program, so that `create` can already say that it does not exist;
 *   2. say "ready" and wait for the start, watching both ends of the socket: no start
 *      can get lost and no waiting process outlives its record (runc's exec.fifo could
 *      do both);
 *   3. startContainer hooks, still with all privileges;
 *   4. labels, through a procfs handle that the container cannot have replaced
 *      (CVE-2019-16884, CVE-2025-52881);
 *   5. bounding set, groups, ids, keeping capabilities across the change;
 *   6. system call filter: after no_new_privs as the very last step, without it while
 *      CAP_SYS_ADMIN is still there, and then only capset and execve follow;
 *   7. close_range, so that nothing but standard streams and preserved descriptors is
 *      left (CVE-2016-9962, CVE-2024-21626), and execve.
 *
 * Built with musl: a static program of some ten kilobytes that starts in a tenth of a
 * millisecond.
 */

#include "stage.h"
#include "handoff.h"
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct handoff *handoff;
static int report_fd = -1;
static int exit_status; /* what the next failure means by the shell's convention */

const char *handed_text(uint32_t offset)
{
	return offset ? (const char *)handoff + offset : NULL;
}

char **handed_strings(struct handoff_strings strings)
{
	const uint32_t *offsets =
		(const uint32_t *)(const void *)((const char *)handoff + strings.offsets);
	char **items = calloc(strings.count + 1, sizeof(*items));
	if (!items)
		stage_fail(ENOMEM, "prepare the program's arguments");
	for (uint32_t i = 0; i < strings.count; i++)
		items[i] = (char *)handoff + offsets[i];
	return items;
}

static bool report(uint32_t kind, int error, const char *text)
{
	struct handoff_report message;
	message.kind = kind;
	message.error = error;
	message.exit_status = exit_status;
	size_t length = HANDOFF_REPORT_BARE;
	if (text[0]) {
		memset(message.text, 0, sizeof(message) - HANDOFF_REPORT_BARE);
		snprintf(message.text, sizeof(message.text), "%s", text);
		length = sizeof(message);
	}
	return report_fd < 0 || send(report_fd, &message, length, MSG_NOSIGNAL) == (ssize_t)length;
}

void stage_fail(int error, const char *format, ...)
{
	char text[HANDOFF_REPORT_TEXT];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)report(HANDOFF_FAILED, error, text);
	_exit(1);
}

static void read_handoff(const char *fd_text)
{
	int fd = atoi(fd_text);
	struct stat about;
	if (fd < 3 || fstat(fd, &about) < 0 || about.st_size < (off_t)sizeof(*handoff))
		_exit(1); /* started by somebody else, e.g. as an interpreter: there is nothing to
			     do */
	handoff = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (handoff == MAP_FAILED || handoff->magic != HANDOFF_MAGIC ||
		handoff->total_bytes != about.st_size)
		_exit(1);
	(void)close(fd);
	report_fd = handoff->report_fd;
}

/* ---- 1. the program ------------------------------------------------------ */

static int usable(const char *path)
{
	struct stat about;
	if (stat(path, &about) < 0)
		return errno;
	if (!S_ISREG(about.st_mode))
		return EACCES;
	return about.st_mode & 0111 ? 0 : EACCES;
}

/*
 * The wording is what engines look for to tell 127 (not found) from 126 (not executable). The
 * Docker client looks for Go's, in lower case and no other, so it cannot be strerror's.
 */
[[gnu::noreturn]] static void fail_exec(int error, const char *name)
{
	exit_status = error == ENOENT || error == ENOTDIR ? 127 : 126;
	if (error == ENOENT)
		stage_fail(0, "exec \"%s\": no such file or directory", name);
	if (error == EACCES)
		stage_fail(0, "exec \"%s\": permission denied", name);
	stage_fail(error, "exec \"%s\"", name);
}

/* execvp(3)'s search, with the container's own PATH and with an answer before the start. */
static const char *find_program(const char *name, char *const *environment)
{
	if (strchr(name, '/')) {
		int error = usable(name);
		if (error == ENOENT || error == ENOTDIR || error == EACCES)
			fail_exec(error, name);
		return name;
	}
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (; *environment; environment++)
		if (strncmp(*environment, "PATH=", 5) == 0)
			path = *environment + 5;

	static char candidate[4096];
	int best = ENOENT;
	while (name[0]) {
		size_t length = strcspn(path, ":");
		int written = length ? snprintf(candidate, sizeof(candidate), "%.*s/%s",
					       (int)length, path, name)
				     : snprintf(candidate, sizeof(candidate), "./%s", name);
		if (written > 0 && (size_t)written < sizeof(candidate)) {
			int error = usable(candidate);
			if (error == 0)
				return candidate;
			if (error == EACCES)
				best = EACCES;
		}
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	if (best == EACCES)
		fail_exec(EACCES, name);
	exit_status = 127;
	stage_fail(ENOENT, "executable file not found in $PATH: \"%s\"", name);
}

/* ---- 2. the start -------------------------------------------------------- */

static void wait_for_start(void)
{
	/* A starter that is gone by now has left no record that could start us. */
	if (!report(HANDOFF_READY, 0, ""))
		_exit(1);
	if (report_fd >= 0)
		(void)close(report_fd);
	report_fd = -1;

	int connection;
	do {
		connection = accept4(handoff->start_fd, NULL, NULL, SOCK_CLOEXEC);
	} while (connection < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (connection < 0)
		_exit(1);
	char go;
	ssize_t n;
	do {
		n = recv(connection, &go, 1, 0);
	} while (n < 0 && errno == EINTR);
	/* A starter that dies before it says "go" leaves a container that can still be started. */
	if (n != 1) {
		(void)close(connection);
		wait_for_start();
		return;
	}
	(void)close(handoff->start_fd);
	report_fd = connection;
}

/* ---- 4. labels ----------------------------------------------------------- */

static void write_attribute(const char *path, const char *value)
{
	int fd = openat(handoff->proc_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		stage_fail(errno, "open /proc/%s", path);
	if (write(fd, value, strlen(value)) < 0)
		stage_fail(errno, "write \"%s\" to /proc/%s", value, path);
	(void)close(fd);
}

static void set_labels(void)
{
	const char *selinux = handed_text(handoff->selinux_label);
	if (selinux)
		write_attribute("thread-self/attr/exec", selinux);
	const char *apparmor = handed_text(handoff->apparmor_profile);
	if (!apparmor)
		return;
	static char value[1024];
	snprintf(value, sizeof(value), "exec %s", apparmor);
	int fd = openat(handoff->proc_fd, "thread-self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)close(fd);
		write_attribute("thread-self/attr/apparmor/exec", value);
		return;
	}
	write_attribute("thread-self/attr/exec", value);
}

/* ---- 5. identity and powers ---------------------------------------------- */

static void drop_bounding_set(void)
{
	for (uint32_t capability = 0; capability <= handoff->last_capability; capability++)
		if (!(handoff->bounding >> capability & 1) &&
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			stage_fail(errno, "drop capability %u from the bounding set", capability);
}

static void set_ids(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		stage_fail(errno, "keep capabilities");
	/* An ordinary user's namespace may deny it (user_namespaces(7)); there is none to drop
	 * then. */
	const void *groups = (const char *)handoff + handoff->groups;
	if (syscall(SYS_setgroups, (size_t)handoff->group_count, groups) < 0 &&
		(errno != EPERM || handoff->group_count > 0))
		stage_fail(errno, "set %u additional group(s)", handoff->group_count);
	if (syscall(SYS_setresgid, handoff->gid, handoff->gid, handoff->gid) < 0)
		stage_fail(errno, "set gid %u%s", handoff->gid,
			errno == EINVAL ? " (not mapped in the user namespace)" : "");
	if (syscall(SYS_setresuid, handoff->uid, handoff->uid, handoff->uid) < 0)
		stage_fail(errno, "set uid %u%s", handoff->uid,
			errno == EINVAL ? " (not mapped in the user namespace)" : "");
}

static void set_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)handoff->inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(handoff->inheritable >> 32)},
	};
	if (syscall(SYS_capset, &header, data) < 0)
		stage_fail(errno, "set capabilities");
}

/* Loading a filter without no_new_privs takes CAP_SYS_ADMIN; keep it if we have it at all. */
static uint64_t held_for_filter(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	if (syscall(SYS_capget, &header, data) < 0)
		stage_fail(errno, "read capabilities");
	return data[0].permitted & 1u << CAP_SYS_ADMIN;
}

static void raise_ambient(void)
{
	for (uint32_t capability = 0; capability <= handoff->last_capability; capability++)
		if (handoff->ambient >> capability & 1 &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			stage_fail(errno, "raise ambient capability %u", capability);
}

/* ---- 6. system call filter and Landlock ---------------------------------- */

static void send_listener(int listener)
{
	int r = send_descriptor(handoff->notify_fd, listener, handed_text(handoff->notify_state));
	if (r < 0)
		stage_fail(-r, "send the seccomp listener");
	(void)close(handoff->notify_fd);
	(void)close(listener);
}

static void load_filter(void)
{
	if (!handoff->seccomp_bytes)
		return;
	struct {
		unsigned short length;
		const void *filter;
	} program = {(unsigned short)(handoff->seccomp_bytes / 8),
		(const char *)handoff + handoff->seccomp};
	unsigned flags = handoff->seccomp_flags;
	if (handoff->notify_fd >= 0)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		stage_fail(errno, "load the seccomp filter");
	if (handoff->notify_fd >= 0)
		send_listener((int)r);
}

static void restrict_files(void)
{
	if (handoff->landlock_fd >= 0 && syscall(446, handoff->landlock_fd, 0) < 0)
		stage_fail(errno, "apply the Landlock rules");
}

/* ---- the working directory ------------------------------------------------ */

/*
 * A working directory that was reached through a leaked descriptor of the host shows as
 * "(unreachable)/…" (CVE-2024-21626).
 */
static int enter_directory(const char *path)
{
	if (chdir(path) < 0)
		return errno;
	char seen[4096];
	if (syscall(SYS_getcwd, seen, sizeof(seen)) < 0)
		return errno == ERANGE ? 0 : errno;
	if (seen[0] != '/')
		stage_fail(0, "working directory \"%s\" lies outside of the container", path);
	return 0;
}

int main(int count, char **arguments)
{
	if (count != 2)
		return 1;
	read_handoff(arguments[1]);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

	char **program_arguments = handed_strings(handoff->arguments);
	char **environment = handed_strings(handoff->environment);
	const char *directory = handed_text(handoff->working_directory);
	int directory_error = enter_directory(directory);
	if (directory_error && directory_error != EACCES)
		stage_fail(directory_error, "chdir to \"%s\"", directory);
	const char *program = find_program(program_arguments[0], environment);

	/* Until here a dead starter takes us along; from here on the container stands alone. */
	if (!(handoff->flags & HANDOFF_DIE_WITH_STARTER))
		(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	if (handoff->flags & HANDOFF_WAIT_FOR_START)
		wait_for_start();
	stage_run_hooks(handoff);
	set_labels();

	bool locked = handoff->flags & HANDOFF_NO_NEW_PRIVILEGES;
	if (locked && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		stage_fail(errno, "set no_new_privs");
	if (handoff->flags & HANDOFF_SET_CAPABILITIES)
		drop_bounding_set();
	set_ids();
	if (directory_error && (directory_error = enter_directory(directory)))
		stage_fail(directory_error, "chdir to \"%s\"", directory);
	restrict_files();
	if (syscall(SYS_close_range, 3 + handoff->preserved_fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		stage_fail(errno, "mark descriptors close-on-exec");

	uint64_t needed = locked ? 0 : held_for_filter();
	if (handoff->flags & HANDOFF_SET_CAPABILITIES) {
		set_capabilities(handoff->effective | needed, handoff->permitted | needed);
		raise_ambient();
	}
	/* From here on a closed report means that the program runs, and not that we died. */
	(void)report(HANDOFF_READY, 0, "");
	load_filter();
	if (needed && handoff->flags & HANDOFF_SET_CAPABILITIES)
		set_capabilities(handoff->effective, handoff->permitted);

	/* A change of credentials cleared it (prctl(2)). */
	if (handoff->flags & HANDOFF_DIE_WITH_STARTER)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	execve(program, program_arguments, environment);
	fail_exec(errno, program_arguments[0]);
}
