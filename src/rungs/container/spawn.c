// SPDX-License-Identifier: Apache-2.0

/*
 * Most containers are one clone3(2). Three wishes need a go-between, a short-lived process that
 * enters or makes a namespace and then clones the child as its own sibling (CLONE_PARENT):
 *
 *	joining a user namespace   all others must be made from inside of it
 *	joining a pid namespace    it is entered by one's children only
 *	a new time namespace       its offsets must be written before anybody is in it
 *
 * The go-between, not the starter, changes, because the starter goes on to run hooks.
 */

#include "rungs/container/spawn.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "rungs/container/between.h"
#include "rungs/container/handoff.h"
#include "walls/attributes.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool needs_go_between(const struct child_task *task)
{
	const struct plan *plan = task->request->plan;
	return task->handles->fds[PLAN_NS_USER] >= 0 || task->handles->fds[PLAN_NS_PID] >= 0 ||
	       plan_new_namespace(plan, PLAN_NS_TIME);
}

/* The cgroup namespace comes later: its top must be the cgroup we are in by then. */
static unsigned clone_flags(const struct plan *plan)
{
	return namespaces_new_flags(plan) & ~(unsigned)(CLONE_NEWCGROUP | CLONE_NEWTIME);
}

/* A cgroup that refuses newborns (a threaded one, an old kernel) is entered by hand later. */
pid_t clone_into(struct clone_args *arguments, int cgroup_fd, bool *ret_cloned_into)
{
	if (cgroup_fd >= 0) {
		arguments->flags |= CLONE_INTO_CGROUP;
		arguments->cgroup = (uint64_t)cgroup_fd;
		pid_t pid = kernel_clone3(arguments);
		*ret_cloned_into = pid >= 0;
		if (pid >= 0 || (pid != -EACCES && pid != -EBUSY && pid != -EOPNOTSUPP &&
					pid != -EPERM && pid != -EINVAL && pid != -ENOSYS))
			return pid;
		arguments->flags &= ~(uint64_t)CLONE_INTO_CGROUP;
		arguments->cgroup = 0;
	}
	*ret_cloned_into = false;
	return kernel_clone3(arguments);
}

static int explain_clone(int r, unsigned flags)
{
	r = fail(r, "create the container's namespaces");
	if (r == -EPERM && geteuid() != 0 && !(flags & CLONE_NEWUSER))
		hint("an ordinary user needs a user namespace: add {\"type\": \"user\"} to "
		     "linux.namespaces and id mappings, as `rung oci spec --rootless` does");
	else if (r == -EPERM || r == -ENOSPC)
		hint("user namespaces may be switched off: see sysctl user.max_user_namespaces, "
		     "kernel.unprivileged_userns_clone, "
		     "kernel.apparmor_restrict_unprivileged_userns");
	return r;
}

/* ---- the go-between --------------------------------------------------------------- */

struct passage {
	struct child_task *task;
	int cgroup_fd;
};

static int make_user_namespace(const struct child_task *task)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return explain_clone(-errno, CLONE_NEWUSER);
	struct handoff_report map_me = {.kind = HANDOFF_READY};
	struct child_order order;
	if (send(task->channel_fd, &map_me, sizeof(map_me), MSG_NOSIGNAL) < 0 ||
		recv(task->channel_fd, &order, sizeof(order), 0) != (ssize_t)sizeof(order))
		_exit(1);
	return 0;
}

static int go_between(void *context, struct newborn *newborn)
{
	const struct passage *passage = context;
	struct child_task *task = passage->task;
	const struct plan *plan = task->request->plan;
	unsigned flags = clone_flags(plan);
	int r = namespaces_join(task->handles, PLAN_NS_USER);
	if (r == 0 && task->wait_for_mapping) {
		r = make_user_namespace(task);
		flags &= ~(unsigned)CLONE_NEWUSER;
		task->wait_for_mapping = false;
	}
	if (r == 0)
		r = namespaces_join(task->handles, PLAN_NS_PID);
	if (r < 0)
		return r;
	if (plan_new_namespace(plan, PLAN_NS_TIME)) {
		if (unshare(CLONE_NEWTIME) < 0)
			return fail(-errno, "create a time namespace");
		r = timens_write_offsets(plan);
		if (r < 0)
			return r;
	}
	task->joined_early |= 1u << PLAN_NS_USER | 1u << PLAN_NS_PID;
	struct clone_args arguments = {.flags = flags | CLONE_PARENT};
	newborn->pid = clone_into(&arguments, passage->cgroup_fd, &newborn->cloned_into);
	if (newborn->pid == 0)
		child_main(task);
	return newborn->pid < 0 ? explain_clone(newborn->pid, flags) : 0;
}

static int write_maps(const struct plan *plan, pid_t pid, const struct channel *channel)
{
	int r = userns_write_maps(pid, &plan->uid_maps, &plan->gid_maps);
	if (r < 0)
		return r;
	struct child_order order = {.kind = ORDER_MAPPED};
	return channel_order(channel, &order);
}

static int spawn_through(
	struct child_task *task, struct channel *channel, int cgroup_fd, struct birth *birth)
{
	struct passage passage = {task, cgroup_fd};
	struct between between;
	int r = between_begin(go_between, &passage, channel, &between);
	if (r < 0)
		return r;
	if (task->wait_for_mapping) {
		r = channel_wait(channel->starter);
		if (r == CHANNEL_READY)
			r = write_maps(task->request->plan, between.pid, channel);
	}
	struct newborn newborn;
	r = between_end(&between, r, channel, &newborn);
	if (r < 0)
		return r;
	birth->pid = newborn.pid;
	birth->cloned_into = newborn.cloned_into;
	birth->pidfd = kernel_pidfd_open(newborn.pid);
	return birth->pidfd < 0 ? fail(birth->pidfd, "open the container's first process") : 0;
}

/* ---- the common case ------------------------------------------------------------------- */

static int spawn_directly(
	struct child_task *task, struct channel *channel, int cgroup_fd, struct birth *birth)
{
	unsigned flags = clone_flags(task->request->plan);
	int pidfd = -1;
	struct clone_args arguments = {.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD};
	birth->pid = clone_into(&arguments, cgroup_fd, &birth->cloned_into);
	if (birth->pid == 0)
		child_main(task);
	if (birth->pid < 0)
		return explain_clone(birth->pid, flags);
	close_now(channel->child);
	birth->pidfd = pidfd;
	return task->wait_for_mapping ? write_maps(task->request->plan, birth->pid, channel) : 0;
}

int spawn_child(
	struct child_task *task, struct channel *channel, int cgroup_fd, struct birth *ret_birth)
{
	task->wait_for_mapping = plan_new_namespace(task->request->plan, PLAN_NS_USER);
	struct birth birth = {.pid = -1, .pidfd = -1};
	int r = needs_go_between(task) ? spawn_through(task, channel, cgroup_fd, &birth)
				       : spawn_directly(task, channel, cgroup_fd, &birth);
	/* The caller cleans up what was born even if its maps could not be written. */
	*ret_birth = birth;
	return r;
}
