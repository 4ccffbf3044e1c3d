// SPDX-License-Identifier: Apache-2.0

/*
 * From a copy of PID 1 to the program: working directory, limits, powers, filter, execve(2).
 *
 * PID 1 keeps its capabilities over the namespaces, because it serves those who enter; this process
 * gives them up for good: empty sets, no_new_privs, and a filter without the calls to get others.
 * Landlock's rules are inherited from PID 1, which has put them on itself.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/text.h"
#include "rungs/sandbox/internal.h"
#include "walls/attributes.h"
#include "walls/capabilities.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

void sandbox_give_up(int report_fd)
{
	struct handoff_report report = {.kind = HANDOFF_FAILED, .exit_status = error_exit_status()};
	(void)snprintf(report.text, sizeof(report.text), "%s", error_text());
	(void)snprintf(report.advice, sizeof(report.advice), "%s", error_hint());
	(void)send(report_fd, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(report.exit_status ? report.exit_status : 125);
}

static void tell_warning(void *context, const char *text)
{
	const int *report_fd = context;
	struct handoff_report report = {.kind = HANDOFF_WARNING};
	(void)snprintf(report.text, sizeof(report.text), "%s", text);
	(void)send(*report_fd, &report, sizeof(report), MSG_NOSIGNAL);
}

/* ---- powers ------------------------------------------------------------------------- */

static int drop_capabilities(void)
{
	for (int i = 0; i <= capabilities_last(); i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return fail(-errno, "drop capability %d from the bounding set", i);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {};
	if (syscall(SYS_capset, &header, none) < 0)
		return fail(-errno, "drop capabilities");
	return 0;
}

static int load_filter(const struct sandbox_filter *filter)
{
	/* The kernel only reads it. */
	struct sock_fprog program = {.len = (unsigned short)filter->count,
		.filter = (struct sock_filter *)(uintptr_t)filter->items};
	int r = kernel_seccomp(SECCOMP_SET_MODE_FILTER, filter->flags, &program);
	return r < 0 ? fail(r, "load the filter of system calls") : 0;
}

/* ---- the way to it -------------------------------------------------------------------- */

/* What is not to be seen inside cannot be the working directory. */
static int enter_directory(const struct sandbox_inside *inside, const char *directory)
{
	const struct sandbox_request *request = inside->request;
	const char *wanted = directory ? directory : request->plan->process.working_directory;
	if (chdir(wanted) == 0)
		return 0;
	if (directory || !request->fallback_directory)
		return fail(-errno, "working directory %s", wanted);
	return chdir(request->fallback_directory) < 0
		       ? fail(-errno, "working directory %s", request->fallback_directory)
		       : 0;
}

static const char *search_path(const char *const *environment)
{
	for (; *environment; environment++)
		if (text_starts(*environment, "PATH="))
			return *environment + strlen("PATH=");
	return "/usr/local/bin:/usr/bin:/bin";
}

/* execvp(3) with the sandbox's own PATH. Returns the error. */
static int execute(const char *name, char *const *arguments, const char *const *environment)
{
	char *const *variables = (char *const *)environment;
	if (strchr(name, '/')) {
		execve(name, arguments, variables);
		return errno;
	}
	int best = ENOENT;
	const char *path = search_path(environment);
	for (;; path++) {
		char candidate[4096];
		int length = (int)strcspn(path, ":");
		int written = snprintf(candidate, sizeof(candidate), "%.*s%s%s", length, path,
			length ? "/" : "", name);
		if (written > 0 && (size_t)written < sizeof(candidate)) {
			execve(candidate, arguments, variables);
			if (errno == EACCES && access(candidate, F_OK) < 0)
				errno = ENOENT;
			if (errno != ENOENT && errno != ENOTDIR)
				best = errno;
		}
		path += length;
		if (*path == '\0')
			return best;
	}
}

static int exec_failed(const char *name, int error)
{
	int r = error == ENOENT && !strchr(name, '/')
			? refuse(-error, "%s: not found in the sandbox's PATH", name)
			: fail(-error, "%s", name);
	if (error == EACCES)
		hint("programs run from /usr and what --allow exec=PATH names, nowhere else");
	else if (error == ENOENT)
		hint("only granted files are to be seen inside: --allow exec=PATH");
	error_set_exit_status(error == ENOENT || error == ENOTDIR ? 127 : 126);
	return r;
}

static int prepare(const struct sandbox_inside *inside, const struct sandbox_program *program)
{
	const struct sandbox_request *request = inside->request;
	int report_fd = program->report_fd;
	int r = attributes_set_rlimits(&request->plan->process, tell_warning, &report_fd);
	if (r == 0)
		r = enter_directory(inside, program->directory);
	if (r < 0)
		return r;
	if (request->new_session && program->first)
		(void)setsid();
	unsigned keep = program->first ? request->keep_fds : 0;
	if (kernel_close_range(3 + keep, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(-errno, "mark descriptors close-on-exec");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(-errno, "set no_new_privs");
	r = drop_capabilities();
	return r < 0 ? r : load_filter(&inside->filter);
}

void sandbox_become(const struct sandbox_inside *inside, const struct sandbox_program *program)
{
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	int r = prepare(inside, program);
	if (r == 0) {
		const char *name = program->arguments[0];
		int error = execute(name, (char *const *)program->arguments, program->environment);
		(void)exec_failed(name, error);
	}
	sandbox_give_up(program->report_fd);
}
