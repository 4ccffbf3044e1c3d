// SPDX-License-Identifier: Apache-2.0

/*
 * The container's first process, on its way.
 *
 *	born        in new namespaces, a copy of the starter
 *	mapped      (new user namespace) the starter has written the id maps
 *	build       namespaces to join, host name, root, mounts, devices, masks
 *	go          the starter has put us into the control groups and run its hooks
 *	enter       cgroup namespace and mounts, hooks, terminal, pivot_root
 *	last steps  limits and the stage, which becomes the program
 *
 * Between "born" and "go" both work at the same time; the control groups' RCU wait (7 to 15 ms
 * on v1) hides behind the mounts. Whatever fails here is one report to the starter, which removes
 * everything; if the starter dies, the kernel kills us (PR_SET_PDEATHSIG), so a kill -9 at any
 * point leaves no process.
 */

#include "rungs/container/child.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/container/handoff.h"
#include "rungs/container/hooks.h"
#include "walls/attributes.h"
#include "walls/cgroup/mount.h"
#include "walls/devices.h"
#include "walls/mounts.h"
#include "walls/netns.h"
#include "walls/rootfs.h"
#include "walls/sysctl.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

/* ---- talking to the starter -------------------------------------------------- */

void child_give_up(int channel_fd)
{
	struct handoff_report report = {.kind = HANDOFF_FAILED};
	snprintf(report.text, sizeof(report.text), "%s", error_text());
	snprintf(report.advice, sizeof(report.advice), "%s", error_hint());
	(void)send(channel_fd, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(1);
}

static void wait_for_order(const struct child_task *task, int kind, struct child_order *ret_order)
{
	ssize_t n;
	do {
		n = recv(task->channel_fd, ret_order, sizeof(*ret_order), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*ret_order) || (int)ret_order->kind != kind)
		_exit(1); /* the starter has given up or is gone */
}

/* ---- born ----------------------------------------------------------------------- */

void child_begin(int starter_fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* A starter that was killed before this line is noticed by the end of its channel. */
	(void)close(starter_fd);
	kernel_reset_signals();
}

/*
 * In a new user namespace we still run as an id that may not exist in it; files we make must
 * belong to its root. A namespace without a root keeps us as we are.
 */
static int become_root(void)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return fail(-errno, "drop additional groups");
	if (setresgid(0, 0, 0) < 0 && errno != EINVAL)
		return fail(-errno, "become root in the user namespace");
	if (setresuid(0, 0, 0) < 0 && errno != EINVAL)
		return fail(-errno, "become root in the user namespace");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* A change of credentials clears it (prctl(2)). */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return 0;
}

static int join_namespaces(const struct child_task *task)
{
	static const enum plan_namespace order[] = {
		PLAN_NS_NETWORK, PLAN_NS_IPC, PLAN_NS_UTS, PLAN_NS_MOUNT, PLAN_NS_TIME};
	for (size_t i = 0; i < array_length(order); i++) {
		if (task->joined_early & 1u << order[i])
			continue;
		int r = namespaces_join(task->handles, order[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_names(const struct plan *plan)
{
	if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return fail(-errno, "set host name %s", plan->hostname);
	if (plan->domainname && setdomainname(plan->domainname, strlen(plan->domainname)) < 0)
		return fail(-errno, "set domain name %s", plan->domainname);
	return 0;
}

/* ---- build ---------------------------------------------------------------------- */

struct build {
	const struct plan *plan;
	const int *mount_fds;
	struct mount_room room;
	const struct cgroup_location *cgroup;
	int proc_fd; /* the container's own procfs, fresh from the kernel; -1 */
};

static bool is_cgroup(const struct plan_mount *mount)
{
	return mount->type && !mount->bind &&
	       (text_equal(mount->type, "cgroup") || text_equal(mount->type, "cgroup2"));
}

/* A cgroup mount must wait until we are in our groups, and with it what is mounted below it. */
static bool must_wait(const struct plan *plan, size_t index)
{
	const char *destination = plan->mounts[index].destination;
	for (size_t i = 0; i <= index; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		size_t length = strlen(mount->destination);
		if (is_cgroup(mount) && strncmp(destination, mount->destination, length) == 0 &&
			(destination[length] == '/' || destination[length] == '\0'))
			return true;
	}
	return false;
}

/* An ordinary user's container in the host's network cannot have a sysfs of its own. */
static int bind_sysfs(const struct build *build, const struct plan_mount *mount)
{
	struct plan_mount bind = *mount;
	bind.source = "/sys";
	bind.type = "bind";
	bind.bind = bind.recursive = true;
	bind.data = NULL;
	bind.recursive_set |= mount->attributes_set & MOUNT_ATTR_RDONLY;
	autoclose int fd = mount_open(build->plan, &bind, &build->room);
	return fd < 0 ? fd : mount_attach(&bind, &build->room, fd);
}

/* What is mounted on "/" is the root from now on: an overlay with the container's changes. */
static int adopt_root(struct build *build, int fd)
{
	close_now(build->room.root_fd);
	build->room.root_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return build->room.root_fd < 0 ? fail(-errno, "open the new root") : 0;
}

static int mount_one(struct build *build, size_t index)
{
	const struct plan_mount *mount = &build->plan->mounts[index];
	if (mount->remount)
		return mount_change(mount, &build->room);
	if (is_cgroup(mount))
		return cgroup_mount(build->cgroup, build->plan, mount, &build->room);
	autoclose int made = -1;
	int fd = build->mount_fds[index];
	if (fd < 0)
		fd = made = mount_open(build->plan, mount, &build->room);
	bool sysfs = mount->type && text_equal(mount->type, "sysfs");
	if (fd == -EPERM && sysfs && build->room.user_namespace) {
		step("sysfs is not ours to mount here, binding the host's: %s", error_text());
		error_clear();
		return bind_sysfs(build, mount);
	}
	if (fd < 0)
		return fd;
	int r = mount_attach(mount, &build->room, fd);
	if (r == 0 && strspn(mount->destination, "/") == strlen(mount->destination))
		return adopt_root(build, fd);
	bool procfs = !mount->bind && mount->type && text_equal(mount->type, "proc");
	if (r == 0 && procfs && build->proc_fd < 0)
		build->proc_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return r;
}

static int mount_all(struct build *build, bool waiting)
{
	for (size_t i = 0; i < build->plan->mount_count; i++) {
		if (must_wait(build->plan, i) != waiting)
			continue;
		int r = mount_one(build, i);
		if (r < 0)
			return wrap(r, "mount %s", build->plan->mounts[i].destination);
	}
	return 0;
}

static int write_sysctls(struct build *build)
{
	if (build->plan->sysctl_count == 0)
		return 0;
	if (build->proc_fd < 0)
		build->proc_fd = mount_new_filesystem("proc", "proc", NULL, 0);
	return build->proc_fd < 0 ? build->proc_fd : sysctl_write(build->plan, build->proc_fd);
}

static int hide_paths(const struct build *build)
{
	const struct plan *plan = build->plan;
	autofini(rootfs_mask_fini) struct rootfs_mask mask = {-1, -1};
	int r = plan->masked_paths.count ? rootfs_mask_init(&mask) : 0;
	for (size_t i = 0; r == 0 && i < plan->masked_paths.count; i++)
		r = rootfs_hide(build->room.root_fd, &mask, plan->masked_paths.items[i]);
	for (size_t i = 0; r == 0 && i < plan->readonly_paths.count; i++)
		r = rootfs_make_readonly(build->room.root_fd, plan->readonly_paths.items[i]);
	return r;
}

static int build_root(struct build *build)
{
	const struct plan *plan = build->plan;
	if (!plan->namespaces[PLAN_NS_MOUNT].wanted) {
		build->room.root_fd = open(plan->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return build->room.root_fd < 0 ? fail(-errno, "open root %s", plan->root_path) : 0;
	}
	build->room.root_fd = rootfs_attach(plan);
	if (build->room.root_fd < 0)
		return build->room.root_fd;
	step("root attached");
	int r = mount_all(build, false);
	step("mounts made");
	if (r == 0)
		r = write_sysctls(build);
	if (r == 0)
		r = devices_make(build->room.root_fd, plan);
	step("devices made");
	if (r == 0)
		r = hide_paths(build);
	step("paths hidden");
	return r;
}

/* ---- enter ------------------------------------------------------------------------ */

static int enter_cgroup_namespace(const struct child_task *task, struct build *build)
{
	const struct plan *plan = build->plan;
	int r = namespaces_join(task->handles, PLAN_NS_CGROUP);
	if (r < 0)
		return r;
	if (plan_new_namespace(plan, PLAN_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return fail(-errno, "create a cgroup namespace");
	if (!plan->namespaces[PLAN_NS_MOUNT].wanted)
		return 0;
	return mount_all(build, true);
}

static int run_create_hooks(const struct child_task *task, const struct child_order *order)
{
	const struct plan_hooks *hooks = &task->request->plan->hooks;
	if (hooks->count[PLAN_HOOK_CREATE_CONTAINER] == 0)
		return 0;
	autofini(text_fini) struct text state = {};
	container_state_write(task->record, CONTAINER_CREATING, order->pid, true, &state);
	return hooks_run(hooks, PLAN_HOOK_CREATE_CONTAINER, text_get(&state));
}

static int enter_root(const struct child_task *task, const struct build *build)
{
	const struct plan *plan = build->plan;
	int root_fd = build->room.root_fd, r = 0;
	if (!plan->namespaces[PLAN_NS_MOUNT].wanted)
		return rootfs_enter(root_fd, ROOTFS_CHROOT);
	if (plan->root_readonly)
		r = rootfs_seal(root_fd);
	if (r == 0)
		r = rootfs_enter(root_fd, task->request->no_pivot ? ROOTFS_MOVE : ROOTFS_PIVOT);
	if (r == 0 && plan->root_propagation)
		r = rootfs_set_propagation(plan->root_propagation);
	return r;
}

static void write_notify_state(
	const struct child_task *task, const char *state, pid_t pid, struct text *out)
{
	const struct plan_seccomp *profile = &task->request->plan->seccomp;
	text_add(out, "{\"ociVersion\":");
	text_json_string(out, task->record->oci_version);
	text_format(out, ",\"fds\":[\"seccompFd\"],\"pid\":%d", (int)pid);
	if (profile->listener_metadata) {
		text_add(out, ",\"metadata\":");
		text_json_string(out, profile->listener_metadata);
	}
	text_format(out, ",\"state\":%s}", state);
}

static int finish(
	const struct child_task *task, struct build *build, const struct child_order *order)
{
	const struct container_request *request = task->request;
	const struct plan *plan = request->plan;
	autofini(tty_fini) struct tty tty = {-1, -1, ""};
	autofini(text_fini) struct text state = {}, notify_state = {};
	container_state_write(task->record, CONTAINER_CREATED, order->pid, true, &state);
	write_notify_state(task, text_get(&state), order->pid, &notify_state);

	struct last_steps steps = {
		.plan = plan,
		.process = &plan->process,
		.stage_fd = task->stage_fd,
		.root_fd = build->room.root_fd,
		.console_fd = task->console_fd,
		.new_keyring = !request->no_new_keyring,
		.keyring_name = request->id,
		.mount_console = plan->namespaces[PLAN_NS_MOUNT].wanted,
		.stage = {.seccomp = task->seccomp,
			.report_fd = task->channel_fd,
			.start_fd = task->start_fd,
			.notify_fd = task->notify_fd,
			.wait_for_start = request->wait_for_start,
			.die_with_starter = request->die_with_starter,
			.preserved_fds = request->preserved_fds,
			.hooks = plan->hooks.items[PLAN_HOOK_START_CONTAINER],
			.hook_count = plan->hooks.count[PLAN_HOOK_START_CONTAINER],
			.hook_state = text_get(&state),
			.notify_state = text_get(&notify_state)},
	};
	int r = 0;
	if (plan->process.terminal)
		r = open_terminal(&steps, &tty);
	if (r == 0)
		r = enter_root(task, build);
	step("root entered");
	if (r == 0 && plan->process.terminal)
		r = tty_adopt(&tty);
	return r < 0 ? r : take_last_steps(&steps);
}

static int live(const struct child_task *task)
{
	const struct plan *plan = task->request->plan;
	struct child_order order = {};
	int r = 0;
	/* While our files under /proc are still ours: a process that is not dumpable has root's. */
	if (plan->process.oom_score_adj.given)
		r = attributes_set_oom_score(0, plan->process.oom_score_adj.value, report_warning,
			(void *)(uintptr_t)&task->channel_fd);
	if (r < 0)
		return r;
	if (task->wait_for_mapping)
		wait_for_order(task, ORDER_MAPPED, &order);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (plan->namespaces[PLAN_NS_USER].wanted)
		r = become_root();
	if (r == 0)
		r = join_namespaces(task);
	if (r < 0)
		return r;
	(void)setsid();
	if (plan_new_namespace(plan, PLAN_NS_NETWORK))
		r = netns_loopback_up();
	if (r == 0)
		r = set_names(plan);
	if (r < 0)
		return r;

	struct build build = {
		.plan = plan,
		.mount_fds = task->mount_fds,
		.room = {.root_fd = -1,
			.user_namespace = plan->namespaces[PLAN_NS_USER].wanted,
			.mount_label = plan->mount_label},
		.cgroup = &task->record->cgroup,
		.proc_fd = -1,
	};
	r = build_root(&build);
	if (r < 0)
		return r;
	wait_for_order(task, ORDER_GO, &order);
	step("go");
	r = enter_cgroup_namespace(task, &build);
	if (r == 0)
		r = run_create_hooks(task, &order);
	return r < 0 ? r : finish(task, &build, &order);
}

void child_main(const struct child_task *task)
{
	child_begin(task->starter_fd);
	(void)live(task);
	child_give_up(task->channel_fd);
}
