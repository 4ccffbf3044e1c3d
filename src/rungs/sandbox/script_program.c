// SPDX-License-Identifier: Apache-2.0

/*
 * The last steps of a scripted sandbox: powers, filters, init, program.
 *
 * Init is the process that the monitor cloned; the program is its child. Both have the same user,
 * so what is inside could trace init, stop it and hang the sandbox, or make it do things, as in
 * bubblewrap 0.11. Not being dumpable would prevent that, but also keep the person outside from
 * opening /proc/PID/ns and /proc/PID/root of the pid that --info-fd told them. So init keeps one
 * capability that it never makes effective: the kernel lets nobody with fewer trace it
 * (cap_ptrace_access_check(), security/commoncap.c), while the owner of the user namespace may.
 *
 * Nothing is asked of the kernel behind the filters but what they let everybody do: init waits,
 * writes and exits; the program is executed.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/text.h"
#include "rungs/sandbox/script_internal.h"
#include "walls/capabilities.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FILTER_BYTES_MAX (4096 * sizeof(struct sock_filter)) /* BPF_MAXINSNS */

#define INIT_KEEPS (1ull << CAP_SYS_PTRACE)

/* ---- capabilities --------------------------------------------------------------------------- */

int script_drop_bounding(uint64_t wanted)
{
	for (int i = 0; i <= capabilities_last(); i++) {
		if (wanted >> i & 1 || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno != EINVAL && errno != EPERM)
			return fail(-errno, "Dropping capability %d from bounds", i);
	}
	return 0;
}

int script_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){(uint32_t)(effective >> 32 * i),
			(uint32_t)(permitted >> 32 * i), (uint32_t)(inheritable >> 32 * i)};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static uint64_t permitted_now(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/* Root that was asked nothing keeps what it has; some engines' filters know no capset(2). */
static bool keeps_all(const struct script_child *child)
{
	return !child->script->capabilities_given && child->outer_uid == 0;
}

/* "ALL" means those that there are to be had. */
static uint64_t wanted_capabilities(const struct sandbox_script *script)
{
	bool all = script->capabilities & SANDBOX_ALL_CAPABILITIES_MARK;
	return script->capabilities & (all ? permitted_now() : capabilities_all());
}

/* Effective are those of the program from now on; init's is permitted until the fork. */
static int lower_capabilities(const struct script_child *child, uint64_t wanted, bool has_init)
{
	if (keeps_all(child))
		return 0;
	uint64_t kept = has_init ? INIT_KEEPS & permitted_now() : 0;
	int r = script_set_capabilities(wanted, wanted | kept, wanted);
	return r < 0 ? fail(r, "capset failed") : 0;
}

static int raise_ambient(uint64_t wanted)
{
	for (int i = 0; i <= capabilities_last(); i++) {
		if (!(wanted >> i & 1) || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) == 0)
			continue;
		if (errno != EINVAL && errno != EPERM)
			return fail(-errno, "Adding ambient capability %d", i);
	}
	return 0;
}

/* ---- filters ------------------------------------------------------------------------------- */

int sandbox_filter_read(int fd, struct sandbox_filter_program *ret_program)
{
	autofree char *bytes = NULL;
	size_t length = 0;
	int r = fs_read_fd(fd, FILTER_BYTES_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "Can't read seccomp data");
	if (length % sizeof(struct sock_filter))
		return refuse(-EINVAL, "Invalid seccomp data, must be multiple of 8");
	*ret_program = (struct sandbox_filter_program){take(bytes), length};
	return 0;
}

static int apply_filter(const struct sandbox_filter_program *filter)
{
	struct sock_fprog program = {
		.len = (unsigned short)(filter->length_bytes / sizeof(struct sock_filter)),
		.filter = filter->bytes};
	/* Of all filters prctl(2) asks the least: those before it must let it through. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (errno == EINVAL)
		return refuse(-EINVAL, "Unable to set up system call filtering as requested: "
				       "prctl(PR_SET_SECCOMP) reported EINVAL");
	return fail(-errno, "prctl(PR_SET_SECCOMP)");
}

static int apply_filters(
	const struct sandbox_script *script, const struct sandbox_filter_program *last)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < script->filter_count; i++)
		r = apply_filter(&script->filters[i]);
	return r < 0 || !last->bytes ? r : apply_filter(last);
}

/* ---- surroundings ---------------------------------------------------------------------------- */

static void wait_for_byte(int fd)
{
	char byte;
	while (fd >= 0 && read(fd, &byte, sizeof(byte)) < 0 && errno == EINTR)
		;
}

static int enter_directory(const struct script_child *child)
{
	const char *wanted = child->script->directory, *home = getenv("HOME"), *arrived = "/";
	if (wanted && chdir(wanted) < 0)
		return fail(-errno, "Can't chdir to %s", wanted);
	if (wanted)
		arrived = wanted;
	else if (child->old_directory && chdir(child->old_directory) == 0)
		arrived = child->old_directory;
	else if (home && chdir(home) == 0)
		arrived = home;
	return setenv("PWD", arrived, 1) < 0 ? fail(-errno, "set PWD") : 0;
}

static int set_label(const struct script_child *child)
{
	const char *label = child->script->exec_label;
	int r = label ? fs_write_existing(child->proc_fd, "self/attr/exec", label) : 0;
	return r < 0 ? fail(r, "label_exec %s", label) : 0;
}

/* Read locks on whole files, which end with the process that took them, or with a descriptor. */
static int take_locks(const struct sandbox_script *script, int *ret_fds)
{
	for (size_t i = 0; i < script->lock_file_count; i++) {
		const char *path = script->lock_files[i];
		ret_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (ret_fds[i] < 0)
			return fail(-errno, "Unable to open lock file %s", path);
		struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
		if (fcntl(ret_fds[i], F_SETLK, &lock) < 0)
			return fail(-errno, "Unable to lock file %s", path);
	}
	return 0;
}

/* A monitor that was killed before we asked to die with it has left its end of the channel. */
static int die_with_parent(const struct script_child *child)
{
	if (!child->script->die_with_parent)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(-errno, "prctl");
	struct pollfd poll_fd = {.fd = child->channel_fd};
	if (poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & POLLHUP)
		_exit(1);
	return 0;
}

/* ---- init
 * ---------------------------------------------------------------------------------------- */

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Until nobody is left: what the program started in the background goes on without it. */
static int wait_for_all(const struct script_child *child, pid_t program)
{
	int result = 1;
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != EINTR)
			return result;
		if (pid != program)
			continue;
		result = status_code(status);
		script_tell(child->channel_fd, SCRIPT_ENDED, result);
	}
}

/* Standard streams stay as they are; locks hang on their descriptors. */
static int attend(const struct script_child *child, const struct sandbox_filter_program *last,
	int *kept_fds, size_t kept_count, pid_t program)
{
	(void)signal(SIGPIPE, SIG_IGN);
	script_close_others(kept_fds, kept_count);
	/* It may lack the right to the call (see keeps_all()), or the capability. */
	(void)script_set_capabilities(0, INIT_KEEPS & permitted_now(), 0);
	int r = die_with_parent(child);
	if (r == 0)
		r = apply_filters(child->script, last);
	if (r == 0)
		return wait_for_all(child, program);
	script_tell_failure(child->channel_fd);
	return 1;
}

/* ---- the program
 * ------------------------------------------------------------------------------------ */

static int execute(const struct script_child *child, const struct sandbox_filter_program *last,
	uint64_t wanted, bool has_init)
{
	const struct sandbox_script *script = child->script;
	int r = 0;
	if (has_init && !keeps_all(child)) {
		r = script_set_capabilities(wanted, wanted, wanted);
		if (r < 0)
			r = fail(r, "capset failed");
	}
	if (has_init && script->sync_fd >= 0)
		(void)close(script->sync_fd);
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	(void)sigprocmask(SIG_UNBLOCK, &child_ended, NULL);
	if (r == 0)
		r = die_with_parent(child);
	if (r == 0)
		r = raise_ambient(wanted);
	if (r < 0)
		return r;
	script_tell(child->channel_fd, HANDOFF_READY, 0);
	r = apply_filters(script, last);
	if (r < 0)
		return r;
	execvp(script->program, script->arguments);
	return fail(-errno, "execvp %s", script->program);
}

/* What happens with few powers, but before the filters. */
static int prepare(struct script_child *child, uint64_t wanted, bool has_init,
	struct sandbox_filter_program *last)
{
	struct sandbox_script *script = child->script;
	int r = lower_capabilities(child, wanted, has_init);
	/* So that /proc/PID belongs to the person again: new powers have taken that away. */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		r = fail(-errno, "can't set dumpable");
	if (r < 0)
		return r;
	wait_for_byte(script->block_fd);
	close_now(script->block_fd);
	if (script->filter_fd >= 0)
		r = sandbox_filter_read(script->filter_fd, last);
	close_now(script->filter_fd);
	(void)umask(child->umask);
	if (r == 0)
		r = enter_directory(child);
	if (r == 0 && script->new_session && setsid() < 0)
		r = fail(-errno, "setsid");
	return r < 0 ? r : set_label(child);
}

int script_become(struct script_child *child)
{
	const struct sandbox_script *script = child->script;
	bool has_init =
		!script->as_pid_1 && (script->namespaces & CLONE_NEWPID ||
					     script->lock_file_count || script->sync_fd >= 0);
	uint64_t wanted = wanted_capabilities(script);
	struct sandbox_filter_program last = {};
	autofree int *kept = calloc(script->lock_file_count + 2, sizeof(int));
	int r = kept ? prepare(child, wanted, has_init, &last) : fail(-ENOMEM, "start the program");
	if (r == 0 && has_init)
		r = take_locks(script, kept + 2);
	pid_t pid = 0;
	if (r == 0 && has_init) {
		kept[0] = child->channel_fd;
		kept[1] = script->sync_fd;
		pid = fork();
	}
	if (pid < 0)
		r = fail(-errno, "Can't fork for pid 1");
	if (r == 0 && pid > 0)
		return attend(child, &last, kept, script->lock_file_count + 2, pid);
	if (r == 0)
		(void)execute(child, &last, wanted, has_init);
	script_tell_failure(child->channel_fd);
	return 1;
}
