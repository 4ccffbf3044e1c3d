// SPDX-License-Identifier: Apache-2.0

/*
 * One more program in a running container. The child enters all namespaces of the first process
 * by one setns(2) on its pidfd (Linux 5.8): the pid cannot have been handed to somebody else, and
 * no path under /proc is resolved twice. From there it takes the same last steps as the first
 * process did.
 *
 * A process enters a pid namespace only by its children. Root sets that for its next child and
 * clones; an ordinary user has the right only inside the container's user namespace, so a
 * go-between enters it and clones the child as its sibling.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/container/announce.h"
#include "rungs/container/between.h"
#include "rungs/container/container.h"
#include "rungs/container/filter.h"
#include "rungs/container/last_steps.h"
#include "rungs/container/spawn.h"
#include "rungs/foreign/foreign.h"
#include "walls/attributes.h"
#include "walls/lsm.h"
#include "walls/rootfs.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct joining {
	const struct container_exec_request *request;
	struct container_record *record, own_record; /* the caller's, or our own */
	const struct plan *plan;
	struct plan own_plan;
	struct cgroup_location cgroup;
	int init_fd, console_fd, stage_fd, root_fd, notify_fd;
	struct seccomp_program seccomp;
	struct channel channel;
	struct birth birth;
};

static void joining_fini(struct joining *joining)
{
	close_now(joining->init_fd);
	close_now(joining->console_fd);
	close_now(joining->stage_fd);
	close_now(joining->root_fd);
	close_now(joining->notify_fd);
	close_now(joining->birth.pidfd);
	channel_fini(&joining->channel);
	seccomp_program_fini(&joining->seccomp);
	plan_fini(&joining->own_plan);
	container_record_fini(&joining->own_record);
}

static unsigned join_flags(const struct joining *joining)
{
	unsigned flags = 0;
	for (unsigned kind = 0; kind < PLAN_NS_COUNT; kind++)
		if (joining->record->namespaces & 1u << kind)
			flags |= plan_namespace_facts[kind].clone_flag;
	return flags;
}

/* ---- the child ------------------------------------------------------------------------ */

static int enter_container(const struct joining *joining)
{
	unsigned flags = join_flags(joining) & ~(unsigned)CLONE_NEWPID;
	if (flags && setns(joining->init_fd, (int)flags) < 0)
		return fail(-errno, "enter the container's namespaces");
	if (joining->record->own_user_namespace) {
		(void)setgroups(0, NULL);
		if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
			return fail(-errno, "become root in the container");
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	}
	if (joining->root_fd >= 0)
		return rootfs_enter(joining->root_fd, ROOTFS_CHROOT);
	return chdir("/") < 0 ? fail(-errno, "enter the container's root") : 0;
}

static void wait_for_go(const struct joining *joining, struct child_order *order)
{
	ssize_t n;
	do {
		n = recv(joining->channel.child, order, sizeof(*order), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*order))
		_exit(1);
}

static int live(const struct joining *joining)
{
	const struct container_exec_request *request = joining->request;
	const struct plan_process *process = request->process;
	int r = attributes_set_affinity(process->affinity_initial);
	if (r == 0)
		r = enter_container(joining);
	if (r < 0)
		return r;
	(void)setsid();
	autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(-errno, "open the container's root");

	struct child_order order;
	wait_for_go(joining, &order);
	autofini(text_fini) struct text state = {};
	container_state_write(joining->record, CONTAINER_RUNNING, order.pid, true, &state);
	struct last_steps steps = {
		.plan = joining->plan,
		.process = process,
		.stage_fd = joining->stage_fd,
		.root_fd = root_fd,
		.console_fd = joining->console_fd,
		.new_keyring = !request->no_new_keyring,
		.keyring_name = joining->record->id,
		.stage = {.seccomp = joining->seccomp.bytes ? &joining->seccomp : NULL,
			.report_fd = joining->channel.child,
			.start_fd = -1,
			.notify_fd = joining->notify_fd,
			.notify_state = text_get(&state),
			.preserved_fds = request->preserved_fds},
	};
	autofini(tty_fini) struct tty tty = {-1, -1, ""};
	r = attributes_set_affinity(process->affinity_final);
	if (r == 0 && process->terminal)
		r = open_terminal(&steps, &tty);
	if (r == 0 && process->terminal)
		r = tty_adopt(&tty);
	return r < 0 ? r : take_last_steps(&steps);
}

[[gnu::noreturn]] static void be_child(const struct joining *joining)
{
	child_begin(joining->channel.starter);
	int r = joining->request->process->oom_score_adj.given
			? attributes_set_oom_score(0,
				  joining->request->process->oom_score_adj.value, report_warning,
				  (void *)(uintptr_t)&joining->channel.child)
			: 0;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (r == 0)
		(void)live(joining);
	child_give_up(joining->channel.child);
}

/* ---- birth ------------------------------------------------------------------------------- */

static pid_t clone_child(const struct joining *joining, bool sibling, bool *ret_cloned_into)
{
	autoclose int cgroup_fd = cgroup_open_for_join(&joining->cgroup);
	struct clone_args arguments = {
		.flags = sibling ? CLONE_PARENT : 0,
		.exit_signal = sibling ? 0 : SIGCHLD,
	};
	pid_t pid = clone_into(&arguments, cgroup_fd, ret_cloned_into);
	if (pid == 0)
		be_child(joining);
	return pid < 0 ? fail(pid, "create a process in the container") : pid;
}

static int clone_from_here(struct joining *joining)
{
	if (joining->record->namespaces & 1u << PLAN_NS_PID &&
		setns(joining->init_fd, CLONE_NEWPID) < 0)
		return fail(-errno, "enter the container's pid namespace");
	joining->birth.pid = clone_child(joining, false, &joining->birth.cloned_into);
	return joining->birth.pid;
}

static int go_between(void *context, struct newborn *newborn)
{
	struct joining *joining = context;
	unsigned flags = join_flags(joining) & (unsigned)(CLONE_NEWUSER | CLONE_NEWPID);
	if (setns(joining->init_fd, (int)flags) < 0)
		return fail(-errno, "enter the container's user namespace");
	/* The child is in the user namespace already; entering one's own again is an error. */
	joining->record->namespaces &= ~(1u << PLAN_NS_USER);
	newborn->pid = clone_child(joining, true, &newborn->cloned_into);
	return newborn->pid;
}

static int clone_through(struct joining *joining)
{
	struct between between;
	struct newborn newborn = {.pid = -1};
	int r = between_begin(go_between, joining, &joining->channel, &between);
	if (r == 0)
		r = between_end(&between, 0, &joining->channel, &newborn);
	joining->birth.pid = newborn.pid;
	joining->birth.cloned_into = newborn.cloned_into;
	return r;
}

static int give_birth(struct joining *joining)
{
	int r = channel_init(&joining->channel);
	if (r < 0)
		return r;
	bool through = joining->record->own_user_namespace && geteuid() != 0;
	r = through ? clone_through(joining) : clone_from_here(joining);
	close_now(joining->channel.child);
	if (r < 0)
		return r;
	joining->birth.pidfd = kernel_pidfd_open(joining->birth.pid);
	return joining->birth.pidfd < 0 ? fail(joining->birth.pidfd, "open the new process") : 0;
}

/* ---- the starter ----------------------------------------------------------------------------- */

static int check_running(const struct joining *joining)
{
	enum container_status status = container_status(joining->record);
	if (status == CONTAINER_RUNNING || status == CONTAINER_CREATED)
		return 0;
	if (status == CONTAINER_PAUSED) {
		if (joining->request->ignore_paused)
			return 0;
		int r = refuse(-EBUSY, "container %s is paused", joining->record->id);
		hint("resume it first, or give --ignore-paused");
		return r;
	}
	return refuse(-ESRCH, "container %s is not running (it is %s)", joining->record->id,
		container_status_name(status));
}

/* A cgroup below the container's own, for exec --cgroup; made if it is not there. */
static int choose_cgroup(struct joining *joining)
{
	joining->cgroup = joining->record->cgroup;
	if (!joining->request->cgroup)
		return 0;
	return cgroup_below(&joining->record->cgroup, joining->request->cgroup,
		&joining->record->arena, &joining->cgroup);
}

static int open_root(struct joining *joining)
{
	if (joining->record->namespaces & 1u << PLAN_NS_MOUNT)
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root", (int)joining->record->init.pid);
	joining->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return joining->root_fd < 0 ? fail(-errno, "open the container's root") : 0;
}

static int prepare(struct joining *joining)
{
	const struct container_exec_request *request = joining->request;
	int r = 0;
	if (!joining->plan) {
		r = container_load_plan(joining->record, &joining->own_plan);
		joining->plan = &joining->own_plan;
	}
	if (r == 0)
		r = lsm_check_process(request->process);
	if (r == 0)
		r = choose_cgroup(joining);
	if (r < 0)
		return r;
	joining->init_fd = process_open(&joining->record->init);
	if (joining->init_fd < 0)
		return refuse(-ESRCH, "container %s is not running", joining->record->id);
	r = open_root(joining);
	if (r == 0)
		r = container_filter(
			joining->plan, &request->process->capabilities, &joining->seccomp);
	if (r < 0)
		return r;
	if (joining->seccomp.notifies) {
		joining->notify_fd = unix_connect(joining->plan->seccomp.listener_path);
		if (joining->notify_fd < 0)
			return wrap(joining->notify_fd, "seccomp listener");
	}
	if (request->process->terminal) {
		joining->console_fd = request->console_socket
					      ? console_socket_connect(request->console_socket)
					      : fcntl(request->console_fd, F_DUPFD_CLOEXEC, 3);
		if (joining->console_fd < 0)
			return joining->console_fd == -1
				       ? refuse(-EINVAL, "a terminal needs a console socket")
				       : joining->console_fd;
	}
	joining->stage_fd = stage_open();
	return joining->stage_fd < 0 ? joining->stage_fd : 0;
}

static int launch(struct joining *joining)
{
	int r = give_birth(joining);
	step("process born");
	if (r == 0)
		/* A cgroup asked for by name is meant; another one would not do. */
		r = cgroup_join(&joining->cgroup,
			joining->request->cgroup ? 0 : joining->record->init.pid,
			joining->birth.pid, joining->birth.cloned_into);
	step("cgroups entered");
	if (r < 0)
		return r;
	struct child_order order = {.kind = ORDER_GO, .pid = joining->birth.pid};
	r = channel_order(&joining->channel, &order);
	if (r == 0)
		r = channel_wait_program(joining->channel.starter);
	step("program runs");
	if (r >= 0 && joining->request->pid_file)
		r = write_pid_file(joining->request->pid_file, joining->birth.pid);
	if (r >= 0 && joining->request->pidfd_socket)
		r = send_pidfd(joining->request->pidfd_socket, joining->birth.pidfd);
	return r < 0 ? r : 0;
}

int container_exec(
	const struct container_exec_request *request, struct container_process *ret_process)
{
	autofini(joining_fini) struct joining joining = {
		.request = request,
		.record = request->record,
		.own_record = {.directory_fd = -1},
		.plan = request->plan,
		.init_fd = -1,
		.console_fd = -1,
		.stage_fd = -1,
		.root_fd = -1,
		.notify_fd = -1,
		.channel = {-1, -1},
		.birth = {.pid = -1, .pidfd = -1},
	};
	int r = 0;
	if (!joining.record) {
		r = container_load(request->state_root, request->id, &joining.own_record);
		joining.record = &joining.own_record;
	}
	if (r == 0)
		r = check_running(&joining);
	if (r == 0 && joining.record->runtime)
		return foreign_exec(request, joining.record, ret_process);
	if (r == 0)
		r = prepare(&joining);
	if (r == 0)
		r = launch(&joining);
	if (r < 0) {
		if (joining.birth.pidfd >= 0) {
			int status;
			(void)kernel_pidfd_send_signal(joining.birth.pidfd, SIGKILL);
			(void)process_reap(joining.birth.pidfd, &status);
		}
		return r;
	}
	if (ret_process)
		*ret_process = (struct container_process){
			.pid = joining.birth.pid, .pidfd = take_fd(joining.birth.pidfd)};
	return 0;
}

int container_exec_over(void)
{
	/* Not ".../pid_for_children": that is the container's now. */
	autoclose int fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	struct stat ours, children;
	if (fd < 0 || fstat(fd, &ours) < 0)
		return fail(-errno, "open our pid namespace");
	if (stat("/proc/self/ns/pid_for_children", &children) == 0 &&
		children.st_ino == ours.st_ino)
		return 0; /* an ordinary user's helper went in, not we */
	return setns(fd, CLONE_NEWPID) < 0 ? fail(-errno, "return to our pid namespace") : 0;
}
