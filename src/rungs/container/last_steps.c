// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/last_steps.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "plan/oci.h"
#include "rungs/container/handoff.h"
#include "walls/attributes.h"
#include "walls/landlock.h"
#include "walls/lsm.h"
#include "walls/mounts.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

void report_warning(void *context, const char *text)
{
	const int *report_fd = context;
	struct handoff_report report = {.kind = HANDOFF_WARNING};
	snprintf(report.text, sizeof(report.text), "%s", text);
	(void)send(*report_fd, &report, sizeof(report), MSG_NOSIGNAL);
}

int open_terminal(const struct last_steps *steps, struct tty *ret_tty)
{
	const struct plan_process *process = steps->process;
	autofini(tty_fini) struct tty tty = {-1, -1, ""};
	int r = tty_open(steps->root_fd, process->console_width, process->console_height,
		process->uid, &tty);
	if (r == 0 && steps->mount_console)
		r = tty_mount_console(steps->root_fd, &tty);
	if (r == 0)
		r = console_socket_send(steps->console_fd, &tty);
	if (r < 0)
		return r;
	*ret_tty = tty;
	tty = (struct tty){-1, -1, ""};
	return 0;
}

/*
 * A program of another user could not reopen /dev/stdout (moby 31243). Only pipes and sockets
 * are given away: they exist for this container, whereas a file or a terminal is the caller's.
 */
static void give_streams(const struct plan_process *process)
{
	struct stat about;
	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &about) == 0 &&
			(S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)) &&
			about.st_uid != process->uid)
			(void)fchown(fd, process->uid, (gid_t)-1);
}

static int set_attributes(struct last_steps *steps)
{
	const struct plan *plan = steps->plan;
	const struct plan_process *process = steps->process;
	int *report_fd = &steps->stage.report_fd;
	int r = attributes_set_rlimits(process, report_warning, report_fd);
	if (r == 0)
		r = attributes_set_scheduler(&process->scheduler);
	if (r == 0)
		r = attributes_set_io_priority(process);
	if (r == 0)
		r = attributes_set_memory_policy(&plan->memory_policy);
	if (r == 0 && plan->has_personality)
		r = attributes_set_personality(plan->personality);
	if (r == 0 && steps->new_keyring)
		r = attributes_new_session_keyring(steps->keyring_name);
	if (process->has_umask)
		(void)umask(process->umask);
	return r;
}

/* ---- what the image says ---------------------------------------------------------- */

/* HOME as login(1) sets it: field 6 of the user's line, else "/". */
static const char *find_home(int root_fd, uid_t uid, char *home, size_t size)
{
	snprintf(home, size, "/");
	autoclose int fd = fs_open_in(root_fd, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	autofree char *content = NULL;
	if (fd < 0 || fs_read_fd(fd, 1 << 20, &content, NULL) < 0) {
		error_clear();
		return home;
	}
	char *rest = content, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *fields[7] = {};
		for (size_t i = 0; i < 7; i++)
			fields[i] = line ? strsep(&line, ":") : NULL;
		uint64_t found;
		if (!fields[5] || parse_uint64(fields[2], UINT32_MAX, &found) < 0 || found != uid)
			continue;
		if (fields[5][0] == '/')
			snprintf(home, size, "%s", fields[5]);
		break;
	}
	return home;
}

/* runc and Docker make a missing working directory; a path that leads nowhere is the stage's error.
 */
static void make_working_directory(const struct last_steps *steps)
{
	const char *path = steps->process->working_directory;
	if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0)
		return;
	autoclose int fd = fs_make_dirs_in(steps->root_fd, path, 0755);
	if (fd < 0)
		error_clear();
}

/* ---- powers ------------------------------------------------------------------------- */

/*
 * Capabilities that rung itself lacks cannot be given; the program runs with what there is
 * (DESIGN: weaker is still what the user wants), and is told.
 */
static int clamp_capabilities(struct last_steps *steps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(-errno, "read capabilities");
	uint64_t have = data[0].permitted | (uint64_t)data[1].permitted << 32;
	struct plan_capabilities *wanted = &steps->stage.capabilities;
	*wanted = steps->process->capabilities;
	uint64_t missing = (wanted->permitted | wanted->bounding) & ~have;
	if (missing) {
		char text[512] = "rung itself lacks";
		for (int i = 0; i < 64; i++) {
			size_t length = strlen(text);
			const char *name = missing >> i & 1 ? plan_capability_name(i) : NULL;
			if (name && length < sizeof(text) - 96)
				snprintf(text + length, sizeof(text) - length, " %s", name);
		}
		size_t length = strlen(text);
		snprintf(text + length, sizeof(text) - length, ": the container goes without");
		report_warning(&steps->stage.report_fd, text);
	}
	wanted->permitted &= have;
	wanted->effective &= wanted->permitted;
	wanted->inheritable &= have;
	wanted->ambient &= wanted->permitted & wanted->inheritable;
	return 0;
}

/* A procfs that no image could have prepared, for writing labels (CVE-2019-16884, 2025-52881). */
static int open_labels(const struct plan_process *process, int *ret_fd)
{
	*ret_fd = -1;
	if (!lsm_profile(process) && !process->selinux_label)
		return 0;
	int fd = mount_new_filesystem("proc", "proc", NULL, 0);
	if (fd < 0)
		return wrap(fd, "write security labels");
	*ret_fd = fd;
	return 0;
}

int take_last_steps(struct last_steps *steps)
{
	int r = set_attributes(steps);
	if (r < 0)
		return r;
	give_streams(steps->process);
	make_working_directory(steps);

	char home[4096];
	steps->stage.process = steps->process;
	steps->stage.home = find_home(steps->root_fd, steps->process->uid, home, sizeof(home));
	r = open_labels(steps->process, &steps->stage.proc_fd);
	if (r < 0)
		return r;
	steps->stage.landlock_fd = -1;
	if (steps->plan->landlock.given) {
		steps->stage.landlock_fd = landlock_ruleset(&steps->plan->landlock, steps->root_fd);
		/* Best effort on a kernel that knows none of the rights asked for. */
		if (steps->stage.landlock_fd == -ENODATA)
			steps->stage.landlock_fd = -1;
		else if (steps->stage.landlock_fd < 0)
			return steps->stage.landlock_fd;
	}
	r = clamp_capabilities(steps);
	if (r < 0)
		return r;
	step("all set, over to the stage");
	return stage_execute(steps->stage_fd, &steps->stage);
}
