// SPDX-License-Identifier: Apache-2.0

/*
 * The starter's side of making a container.
 *
 *	claim       the id, by a directory that only one can make
 *	record      what is going to exist, so that anybody can remove it
 *	prepare     filter, sockets, stage, cgroups, mounts that need the host's privileges
 *	spawn       the child (child.c); from here on two work in parallel
 *	surround    cgroups, limits, classes, interfaces, hooks
 *	go          and wait until it is ready, or runs
 *
 * Each step can fail or be killed. A failure undoes what was done, in reverse; after a kill -9
 * the record names all that may be left, the child dies with us, and `delete --force` does the
 * rest.
 */

#include "rungs/container/container.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/container/announce.h"
#include "rungs/container/claim.h"
#include "rungs/container/filter.h"
#include "rungs/container/hooks.h"
#include "rungs/container/spawn.h"
#include "rungs/container/story.h"
#include "rungs/foreign/foreign.h"
#include "walls/intel_rdt.h"
#include "walls/lsm.h"
#include "walls/mounts.h"
#include "walls/netns.h"
#include "walls/overlay.h"
#include "walls/sysctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct creation {
	const struct container_request *request;
	struct container_record record;
	struct namespace_handles handles;
	int *mount_fds; /* in the record's arena */
	struct channel channel;
	int start_fd, console_fd, notify_fd, stage_fd;
	struct seccomp_program filter;
	struct birth birth;
	bool claimed, has_cgroup, hooks_ran;
	int spare[2]; /* descriptors that cleaning up will need */
};

static void close_all(struct creation *creation)
{
	const struct plan *plan = creation->request->plan;
	for (size_t i = 0; creation->mount_fds && i < plan->mount_count; i++)
		close_now(creation->mount_fds[i]);
	namespace_handles_fini(&creation->handles);
	channel_fini(&creation->channel);
	close_now(creation->start_fd);
	close_now(creation->console_fd);
	close_now(creation->notify_fd);
	close_now(creation->stage_fd);
	close_now(creation->birth.pidfd);
	cgroup_close(&creation->record.cgroup);
	close_now(creation->record.directory_fd);
	close_now(creation->spare[0]);
	close_now(creation->spare[1]);
}

static void creation_fini(struct creation *creation)
{
	close_all(creation);
	seccomp_program_fini(&creation->filter);
	container_record_fini(&creation->record);
}

/* ---- prepare ------------------------------------------------------------------------ */

/* The pending name becomes "start.sock" when there is somebody who can be started. */
static int listen_for_start(struct creation *creation)
{
	if (!creation->request->wait_for_start)
		return 0;
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/start.pending",
		fd_path(creation->record.directory_fd).text);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 8) < 0)
		return fail(-errno, "create the start socket");
	creation->start_fd = take_fd(fd);
	return 0;
}

static int prepare_filter(struct creation *creation)
{
	const struct plan *plan = creation->request->plan;
	int r = container_filter(plan, &plan->process.capabilities, &creation->filter);
	if (r < 0 || !creation->filter.notifies)
		return r;
	if (text_empty(plan->seccomp.listener_path))
		return refuse(-EINVAL, "seccomp: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath");
	creation->notify_fd = unix_connect(plan->seccomp.listener_path);
	return creation->notify_fd < 0 ? wrap(creation->notify_fd, "seccomp listener") : 0;
}

static int pass_on(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? fail(-errno, "pass on the terminal's socket") : copy;
}

static int prepare_terminal(struct creation *creation)
{
	const struct container_request *request = creation->request;
	bool terminal = request->plan->process.terminal;
	if (!terminal && request->console_socket)
		return refuse(
			-EINVAL, "a console socket was given, but the process wants no terminal");
	if (!terminal)
		return 0;
	if (request->console_socket)
		creation->console_fd = console_socket_connect(request->console_socket);
	else if (request->console_fd >= 0)
		creation->console_fd = pass_on(request->console_fd);
	else
		return refuse(-EINVAL,
			"the process wants a terminal, but there is no console socket for it");
	return creation->console_fd < 0 ? creation->console_fd : 0;
}

/*
 * What the container's user namespace may not do is done here, with the host's privileges: idmapped
 * mounts, and binds of places that its root cannot reach. Peers of shared host mounts become
 * slaves, so that nothing mounted in the container shows up on the host.
 */
static int prepare_mount(struct creation *creation, size_t index)
{
	const struct plan *plan = creation->request->plan;
	const struct plan_mount *mount = &plan->mounts[index];
	struct mount_room room = {.root_fd = -1, .mount_label = plan->mount_label};
	int fd = mount_open(plan, mount, &room);
	if (fd < 0)
		return wrap(fd, "mount %s", mount->destination);
	creation->mount_fds[index] = fd;
	if (mount->propagation & MS_SHARED)
		return 0;
	struct mount_attr attributes = {.propagation = MS_SLAVE};
	int r = kernel_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
	return r < 0 ? fail(r, "mount %s", mount->destination) : 0;
}

static int prepare_mounts(struct creation *creation)
{
	const struct plan *plan = creation->request->plan;
	creation->mount_fds = arena_new(&creation->record.arena, int, plan->mount_count + 1);
	for (size_t i = 0; i < plan->mount_count; i++)
		creation->mount_fds[i] = -1;
	if (geteuid() != 0)
		return 0;
	bool foreign = plan->namespaces[PLAN_NS_USER].wanted;
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		/* An overlay whose layers are seen through maps: see walls/overlay.c. */
		bool mapped = mount->idmap && mount_is_overlay(mount);
		if (mount->remount || (!mount->bind && !mapped))
			continue;
		if (!foreign && !mount->idmap && !mount->idmap_recursive)
			continue;
		int r = prepare_mount(creation, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare(struct creation *creation)
{
	const struct plan *plan = creation->request->plan;
	int r = lsm_check(plan);
	if (r == 0)
		r = sysctl_check(plan);
	if (r == 0)
		r = prepare_terminal(creation);
	if (r == 0)
		r = namespaces_open(plan, &creation->handles);
	if (r == 0)
		r = prepare_filter(creation);
	if (r == 0)
		r = listen_for_start(creation);
	if (r == 0)
		r = prepare_mounts(creation);
	if (r < 0)
		return r;
	creation->stage_fd = stage_open();
	if (creation->stage_fd < 0)
		return creation->stage_fd;
	creation->has_cgroup = true;
	r = cgroup_create(&creation->record.cgroup, plan, &creation->record.arena);
	step("cgroups made");
	return r;
}

/* ---- spawn and surround --------------------------------------------------------------- */

static int spawn(struct creation *creation)
{
	int r = channel_init(&creation->channel);
	if (r < 0)
		return r;
	struct child_task task = {
		.request = creation->request,
		.record = &creation->record,
		.handles = &creation->handles,
		.mount_fds = creation->mount_fds,
		.channel_fd = creation->channel.child,
		.starter_fd = creation->channel.starter,
		.start_fd = creation->start_fd,
		.console_fd = creation->console_fd,
		.notify_fd = creation->notify_fd,
		.stage_fd = creation->stage_fd,
		.seccomp = creation->filter.bytes ? &creation->filter : NULL,
	};
	autoclose int cgroup_fd = cgroup_open_for_clone(&creation->record.cgroup);
	r = spawn_child(&task, &creation->channel, cgroup_fd, &creation->birth);
	if (creation->birth.pid > 0) {
		int noted = process_identify(creation->birth.pid, &creation->record.init);
		if (noted == 0)
			noted = container_record_init(
				creation->record.directory_fd, &creation->record.init);
		if (r == 0 && noted < 0)
			r = fail(noted, "record the container's first process");
	}
	step("child spawned");
	return r;
}

static int run_hooks(struct creation *creation)
{
	const struct plan_hooks *hooks = &creation->request->plan->hooks;
	if (!hooks->count[PLAN_HOOK_PRESTART] && !hooks->count[PLAN_HOOK_CREATE_RUNTIME])
		return 0;
	autofini(text_fini) struct text state = {};
	container_state_write(
		&creation->record, CONTAINER_CREATING, creation->birth.pid, true, &state);
	creation->hooks_ran = true;
	int r = hooks_run(hooks, PLAN_HOOK_PRESTART, text_get(&state));
	if (r == 0)
		r = hooks_run(hooks, PLAN_HOOK_CREATE_RUNTIME, text_get(&state));
	return r;
}

static int surround(struct creation *creation)
{
	const struct plan *plan = creation->request->plan;
	const struct cgroup_location *cgroup = &creation->record.cgroup;
	pid_t pid = creation->birth.pid;
	int r = cgroup_enter(cgroup, plan, pid, creation->birth.cloned_into);
	step("cgroups entered");
	if (r == 0)
		r = cgroup_apply(cgroup, &plan->resources, false);
	step("limits set");
	if (r == 0)
		r = intel_rdt_enter(&plan->intel_rdt, creation->request->id, pid);
	if (r == 0)
		r = netns_move_devices(plan, pid);
	return r < 0 ? r : run_hooks(creation);
}

/* ---- go --------------------------------------------------------------------------------- */

static int died(struct creation *creation)
{
	int status = 0;
	(void)process_reap(creation->birth.pidfd, &status);
	uint64_t kills = 0;
	if (cgroup_oom_count(&creation->record.cgroup, &kills) == 0 && kills > 0) {
		int r = refuse(-ENOMEM, "the container ran out of memory while being set up");
		hint("its memory limit is too small for anything: raise it");
		return r;
	}
	error_clear();
	if (WIFSIGNALED(status))
		return refuse(-ECHILD, "the container's first process was killed by signal %d",
			WTERMSIG(status));
	return refuse(-ECHILD, "the container's first process died while being set up");
}

static int go(struct creation *creation)
{
	struct child_order order = {.kind = ORDER_GO, .pid = creation->birth.pid};
	int r = channel_order(&creation->channel, &order);
	if (r < 0)
		return r;
	bool waits = creation->request->wait_for_start;
	r = waits ? channel_wait(creation->channel.starter)
		  : channel_wait_program(creation->channel.starter);
	step("child is ready");
	if (r == -ECHILD || (waits && r == CHANNEL_CLOSED))
		return died(creation);
	if (r < 0 || !waits)
		return r;
	int directory = creation->record.directory_fd;
	if (renameat(directory, "start.pending", directory, "start.sock") < 0)
		return fail(-errno, "publish the start socket");
	return 0;
}

static int announce(const struct creation *creation)
{
	const struct container_request *request = creation->request;
	int r = 0;
	if (request->pid_file)
		r = write_pid_file(request->pid_file, creation->birth.pid);
	if (r == 0 && request->pidfd_socket)
		r = send_pidfd(request->pidfd_socket, creation->birth.pidfd);
	return r;
}

/* Undoes everything; the story of the failure stays as it is. */
static void undo(struct creation *creation)
{
	struct story story;
	story_keep(&story);
	if (creation->birth.pidfd >= 0) {
		(void)kernel_pidfd_send_signal(creation->birth.pidfd, SIGKILL);
		int status;
		(void)process_reap(creation->birth.pidfd, &status);
	} else if (creation->birth.pid > 0) {
		(void)kill(creation->birth.pid, SIGKILL);
		(void)waitpid(creation->birth.pid, NULL, 0);
	}
	if (creation->hooks_ran) {
		autofini(text_fini) struct text state = {};
		container_state_write(&creation->record, CONTAINER_STOPPED, 0, true, &state);
		hooks_run_all(
			&creation->request->plan->hooks, PLAN_HOOK_POSTSTOP, text_get(&state));
	}
	/* Whoever ran out of descriptors needs some to clean up. */
	close_all(creation);
	if (creation->has_cgroup && cgroup_destroy(&creation->record.cgroup) < 0)
		warn("%s", error_text());
	intel_rdt_remove(&creation->request->plan->intel_rdt, creation->request->id);
	if (creation->claimed &&
		container_record_remove(creation->request->state_root, creation->request->id) < 0)
		warn("%s", error_text());
	story_tell(&story);
}

/* Nothing is made that could not be removed again for want of descriptors. */
static int keep_spare(struct creation *creation)
{
	for (size_t i = 0; i < array_length(creation->spare); i++) {
		creation->spare[i] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (creation->spare[i] < 0 && errno == EBADF) /* no standard input */
			creation->spare[i] = open("/", O_PATH | O_CLOEXEC);
		if (creation->spare[i] < 0)
			return fail(-errno, "create container %s", creation->request->id);
	}
	return 0;
}

static int create(struct creation *creation)
{
	int r = keep_spare(creation);
	if (r == 0)
		r = container_register(creation->request, &creation->record);
	creation->claimed = r == 0;
	step("claimed");
	if (r == 0)
		r = prepare(creation);
	if (r == 0)
		r = spawn(creation);
	if (r == 0)
		r = surround(creation);
	if (r == 0)
		r = go(creation);
	return r < 0 ? r : announce(creation);
}

static void run_poststart(struct creation *creation)
{
	const struct plan_hooks *hooks = &creation->request->plan->hooks;
	if (creation->request->wait_for_start || !hooks->count[PLAN_HOOK_POSTSTART])
		return;
	autofini(text_fini) struct text state = {};
	container_state_write(
		&creation->record, CONTAINER_RUNNING, creation->birth.pid, true, &state);
	hooks_run_all(hooks, PLAN_HOOK_POSTSTART, text_get(&state));
}

int container_create(const struct container_request *request, struct container_process *ret_process)
{
	if (!request->plan->has_process)
		return refuse(-EINVAL, "the configuration has no process to run");
	if (request->runtime)
		return foreign_create(request, ret_process);
	autofini(creation_fini) struct creation creation = {
		.request = request,
		.record = {.directory_fd = -1},
		.channel = {-1, -1},
		.start_fd = -1,
		.console_fd = -1,
		.notify_fd = -1,
		.stage_fd = -1,
		.birth = {.pid = -1, .pidfd = -1},
		.spare = {-1, -1},
	};
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		creation.handles.fds[kind] = -1;
	int r = create(&creation);
	if (r < 0) {
		undo(&creation);
		return r;
	}
	run_poststart(&creation);
	if (ret_process)
		*ret_process = (struct container_process){
			.pid = creation.birth.pid, .pidfd = take_fd(creation.birth.pidfd)};
	return 0;
}
