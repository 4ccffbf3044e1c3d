// SPDX-License-Identifier: Apache-2.0

/*
 * In: images, a bundle. Out: the container that was, under a record of ours.
 *
 *	claim       the id, and the record: as create does
 *	prepare     places for mounts, namespaces to join, cgroups
 *	criu        started in a mount namespace that holds the root where criu wants it (a mount
 *	            of its own); put into the container's cgroups before it is asked, so that what
 *it makes is born there hooks       prestart and createRuntime when the namespaces are there: they
 *may have to fill them. createContainer and startContainer belong to the program's start, which has
 *been limits      when all processes are there and none runs yet: so they hold for the container
 *	            and never for criu
 *	announce    pid file, poststart hooks
 *
 * criu makes the first process its sibling: it is our child and not criu's. While criu works the
 * record says "creating", with the pid as soon as there is one; so after a kill -9 of any of us
 * `delete --force` finds everything.
 */

#include "rungs/container/checkpoint.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "plan/json.h"
#include "rungs/container/announce.h"
#include "rungs/container/claim.h"
#include "rungs/container/criu.h"
#include "rungs/container/criu_place.h"
#include "rungs/container/external.h"
#include "rungs/container/hooks.h"
#include "rungs/container/story.h"
#include "walls/intel_rdt.h"
#include "walls/mounts.h"
#include "walls/namespaces.h"
#include "walls/netns.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <stdio.h>

#define LOG_NAME "restore.log"
#define PENDING "start.pending"

struct restoration {
	const struct container_request *request;
	const struct checkpoint_options *options;
	const char *program; /* criu */
	struct criu_place place;
	struct container_record record;
	struct checkpoint_room room;
	struct namespace_handles handles;
	struct criu criu;
	struct text asked;
	int console_fd, pidfd;
	bool claimed, has_cgroup, hooks_ran;
};

static void restoration_fini(struct restoration *restoration)
{
	criu_fini(&restoration->criu);
	close_now(restoration->console_fd);
	close_now(restoration->pidfd);
	cgroup_close(&restoration->record.cgroup);
	namespace_handles_fini(&restoration->handles);
	checkpoint_room_fini(&restoration->room);
	container_record_fini(&restoration->record);
	text_fini(&restoration->asked);
}

/* ---- claim ------------------------------------------------------------------------------ */

/* What a checkpoint left stopped under this id is what is restored now. */
static int make_room(const struct container_request *request)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(request->state_root, request->id, &record);
	if (r < 0) {
		error_clear();
		return 0;
	}
	if (container_status(&record) != CONTAINER_STOPPED)
		return 0;
	return container_delete(request->state_root, request->id, false);
}

static int claim(struct restoration *restoration)
{
	int r = make_room(restoration->request);
	if (r == 0)
		r = container_register(restoration->request, &restoration->record);
	restoration->claimed = r == 0;
	if (r == 0)
		r = fs_replace(restoration->record.directory_fd, PENDING, "", 0, 0600);
	return r;
}

/* ---- prepare ---------------------------------------------------------------------------- */

static int prepare_terminal(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	bool terminal = request->plan->process.terminal;
	if (!terminal && request->console_socket)
		return refuse(
			-EINVAL, "a console socket was given, but the process has no terminal");
	if (!terminal)
		return 0;
	if (request->console_socket)
		restoration->console_fd = console_socket_connect(request->console_socket);
	else if (request->console_fd >= 0)
		restoration->console_fd = fcntl(request->console_fd, F_DUPFD_CLOEXEC, 3);
	else
		return refuse(-EINVAL,
			"the process has a terminal, but there is no console socket for it");
	return restoration->console_fd < 0 ? restoration->console_fd : 0;
}

static int prepare(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	int r = prepare_terminal(restoration);
	if (r == 0)
		r = namespaces_open(request->plan, &restoration->handles);
	if (r == 0)
		r = external_make_places(request->plan);
	if (r < 0)
		return r;
	restoration->has_cgroup = true;
	return cgroup_create(
		&restoration->record.cgroup, request->plan, &restoration->record.arena);
}

/* ---- the request ------------------------------------------------------------------------- */

/* Standard streams: what the images know as pipe or file number i is our descriptor i. */
static int put_streams(struct restoration *restoration)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(restoration->room.image_fd, CHECKPOINT_DESCRIPTORS, 65536, &bytes, &length);
	if (r < 0)
		return fail(r, "read " CHECKPOINT_DESCRIPTORS " of the images");
	autofini(json_document_fini) struct json_document document = {};
	struct arena *arena = &restoration->record.arena;
	r = json_parse(bytes, length, CHECKPOINT_DESCRIPTORS, arena, &document);
	if (r == 0)
		r = json_expect(&document.top, JSON_ARRAY);
	if (r < 0)
		return r;
	int fd = 0;
	for (const struct json_value *child = document.top.value->first; child;
		child = child->next, fd++) {
		struct json at = json_child(&document.top, child, (size_t)fd);
		const char *name;
		r = json_string(&at, &name);
		if (r < 0)
			return r;
		if (fd > STDERR_FILENO)
			continue;
		if (text_starts(name, "pipe:"))
			criu_put_inherited(&restoration->asked, name, fd);
		/*
		 * A file is looked up twice: without the first letter as a descriptor to take as it
		 * is, with it as one to open again, which fails where the size is another.
		 */
		if (text_starts(name, "file["))
			criu_put_inherited(&restoration->asked, name + 1, fd);
	}
	return 0;
}

/* Fills fds with the namespaces to hand over; returns how many. */
static size_t put_namespaces(struct restoration *restoration, struct process_fd *fds)
{
	const struct plan *plan = restoration->request->plan;
	size_t count = 0;
	for (enum plan_namespace kind = 0; kind < PLAN_NS_COUNT; kind++) {
		const char *key = checkpoint_namespace_key(kind);
		if (!plan->namespaces[kind].path)
			continue;
		if (!key) {
			criu_put_pair(&restoration->asked, CRIU_JOIN_NS,
				plan_namespace_facts[kind].proc_name, plan->namespaces[kind].path);
			continue;
		}
		int its = CRIU_FIRST_FREE_FD + (int)count;
		fds[count++] = (struct process_fd){restoration->handles.fds[kind], its};
		criu_put_inherited(&restoration->asked, key, its);
	}
	return count;
}

/* The images name the cgroups that were; these are where criu is, and what it makes is to be. */
static int put_cgroups(struct restoration *restoration)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)restoration->criu.process.pid);
	autofree char *bytes = NULL;
	int r = fs_read(AT_FDCWD, path, 1 << 20, &bytes, NULL);
	if (r < 0)
		return fail(r, "read %s", path);
	char *rest = bytes, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *where = line;
		(void)strsep(&where, ":");
		const char *controllers = strsep(&where, ":");
		if (!where || !controllers)
			continue;
		criu_put_pair(&restoration->asked, CRIU_CG_ROOT,
			controllers[0] ? controllers : NULL, where);
	}
	return 0;
}

static int build_request(struct restoration *restoration)
{
	const struct checkpoint_options *options = restoration->options;
	const struct plan *plan = restoration->request->plan;
	struct text *out = &restoration->asked;
	checkpoint_put_common(options, &restoration->room, plan, LOG_NAME, out);
	criu_put_number(out, CRIU_NOTIFY_SCRIPTS, true);
	criu_put_number(out, CRIU_RST_SIBLING, true);
	criu_put_text(out, CRIU_ROOT, restoration->place.root);
	criu_put_text(out, CRIU_CGROUP_YARD, restoration->place.yard);
	criu_put_text(out, CRIU_LSM_PROFILE, options->lsm_profile);
	criu_put_text(out, CRIU_LSM_MOUNT_CONTEXT, options->lsm_mount_context);
	int r = put_streams(restoration);
	if (r == 0)
		r = put_cgroups(restoration);
	return r < 0 ? r : external_map(&restoration->record, plan, out);
}

/* ---- criu --------------------------------------------------------------------------------- */

static int start_criu(struct restoration *restoration)
{
	struct process_fd fds[PLAN_NS_COUNT + 3];
	size_t count = put_namespaces(restoration, fds);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			fds[count++] = (struct process_fd){fd, fd};
	return criu_start(restoration->program, fds, count, &restoration->criu);
}

/* criu mounts in its work path, which it can only where the directory is of its own namespace. */
static int reopen_room(struct restoration *restoration)
{
	struct checkpoint_room room;
	int r = checkpoint_room_open(restoration->options, false, &room);
	if (r < 0)
		return r;
	checkpoint_room_fini(&restoration->room);
	restoration->room = room;
	return 0;
}

static int start_in_place(struct restoration *restoration)
{
	struct container_record *record = &restoration->record;
	int r = criu_place_make(record->directory_fd, record->root_path, &record->cgroup,
		&record->arena, &restoration->place);
	if (r < 0)
		return r;
	struct way_back way;
	r = criu_place_enter(&restoration->place, &way);
	if (r < 0)
		return r;
	r = reopen_room(restoration);
	if (r == 0)
		r = start_criu(restoration);
	int back = criu_place_leave(&way);
	return r < 0 ? r : back;
}

/* ---- while criu works ------------------------------------------------------------------------ */

static int note_pid(struct restoration *restoration, pid_t pid)
{
	struct process_id *init = &restoration->record.init;
	int r = process_identify(pid, init);
	if (r == 0)
		r = container_record_init(restoration->record.directory_fd, init);
	return r < 0 ? fail(r, "record the container's first process") : 0;
}

static int surround(struct restoration *restoration, pid_t pid)
{
	const struct container_request *request = restoration->request;
	const struct plan *plan = request->plan;
	int r = note_pid(restoration, pid);
	if (r == 0 && restoration->options->empty_network)
		r = netns_move_devices(plan, pid);
	if (r < 0)
		return r;
	autofini(text_fini) struct text state = {};
	container_state_write(&restoration->record, CONTAINER_CREATING, pid, true, &state);
	restoration->hooks_ran = true;
	r = hooks_run(&plan->hooks, PLAN_HOOK_PRESTART, text_get(&state));
	return r < 0 ? r : hooks_run(&plan->hooks, PLAN_HOOK_CREATE_RUNTIME, text_get(&state));
}

static int limit(struct restoration *restoration, pid_t pid)
{
	const struct container_request *request = restoration->request;
	int r = cgroup_apply(&restoration->record.cgroup, &request->plan->resources, false);
	step("limits set");
	return r < 0 ? r : intel_rdt_enter(&request->plan->intel_rdt, request->id, pid);
}

static int pass_terminal(struct restoration *restoration, int master)
{
	if (master < 0 || restoration->console_fd < 0)
		return 0;
	const struct tty tty = {.master = master, .slave = -1, .name = "/dev/console"};
	return console_socket_send(restoration->console_fd, &tty);
}

static int handle_event(void *context, const char *event, pid_t pid, int fd)
{
	struct restoration *restoration = context;
	step("criu: %s", event);
	if (text_equal(event, "setup-namespaces"))
		return surround(restoration, pid);
	if (text_equal(event, "post-restore"))
		return limit(restoration, pid);
	if (text_equal(event, "orphan-pts-master"))
		return pass_terminal(restoration, fd);
	return 0;
}

/* ---- all together ------------------------------------------------------------------------------
 */

static int run_criu(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	struct container_record *record = &restoration->record;
	int r = start_in_place(restoration);
	step("criu started");
	if (r == 0)
		r = cgroup_enter(
			&record->cgroup, request->plan, restoration->criu.process.pid, false);
	step("cgroups entered");
	if (r == 0)
		r = build_request(restoration);
	if (r < 0)
		return r;
	r = criu_ask(
		&restoration->criu, CRIU_RESTORE, &restoration->asked, handle_event, restoration);
	if (r < 0)
		return text_empty(error_text()) ? criu_tell("restore", request->id,
							  restoration->room.work_path, LOG_NAME)
						: wrap(r, "restore %s", request->id);
	step("restored");
	return note_pid(restoration, r);
}

static int announce(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	int directory = restoration->record.directory_fd;
	int r = process_open(&restoration->record.init);
	if (r < 0)
		return fail(r, "restore %s: open its first process", request->id);
	restoration->pidfd = r;
	r = fs_remove_tree(directory, CRIU_PLACE);
	if (r == 0 && unlinkat(directory, PENDING, 0) < 0)
		r = fail(-errno, "restore %s", request->id);
	if (r == 0 && request->pid_file)
		r = write_pid_file(request->pid_file, restoration->record.init.pid);
	if (r == 0 && request->pidfd_socket)
		r = send_pidfd(request->pidfd_socket, restoration->pidfd);
	return r;
}

/* criu then makes no cgroup namespace and mounts the host's whole tree in the container. */
static int check_cgroups(const struct restoration *restoration)
{
	const struct plan *plan = restoration->request->plan;
	if (restoration->options->cgroup_mode != CRIU_CGROUPS_IGNORE ||
		!plan->namespaces[PLAN_NS_CGROUP].wanted)
		return 0;
	return refuse(-ENOTSUP,
		"with --manage-cgroups-mode=ignore %s would lose its cgroup namespace",
		restoration->request->id);
}

/* Processes that criu makes in a user namespace open images themselves, as nobody's user outside.
 */
static int check_images(const struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	struct stat about;
	if (fstat(restoration->room.image_fd, &about) < 0)
		return fail(-errno, "look at the images' directory");
	if (!request->plan->namespaces[PLAN_NS_USER].wanted || about.st_mode & S_IXOTH)
		return 0;
	int r = refuse(-EACCES,
		"restore %s: its user namespace may not enter the images' directory", request->id);
	hint("chmod o+x it for the restore; the memory in it is open to all users meanwhile");
	return r;
}

static int restore(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	int r = checkpoint_check(request->plan, request->id);
	if (r == 0)
		r = check_cgroups(restoration);
	if (r == 0)
		r = criu_find(restoration->options->criu, &restoration->record.arena,
			&restoration->program);
	if (r == 0)
		r = checkpoint_room_open(restoration->options, false, &restoration->room);
	if (r == 0)
		r = check_images(restoration);
	if (r == 0)
		r = claim(restoration);
	if (r == 0)
		r = prepare(restoration);
	if (r == 0)
		r = run_criu(restoration);
	return r < 0 ? r : announce(restoration);
}

/* Undoes everything; the story of the failure stays as it is. */
static void undo(struct restoration *restoration)
{
	const struct container_request *request = restoration->request;
	const struct process_id *init = &restoration->record.init;
	struct story story;
	story_keep(&story);
	criu_fini(&restoration->criu);
	autoclose int pidfd = init->pid ? process_open(init) : -1;
	if (pidfd >= 0) {
		int status;
		(void)kernel_pidfd_send_signal(pidfd, SIGKILL);
		(void)process_reap(pidfd, &status);
	}
	if (restoration->hooks_ran) {
		autofini(text_fini) struct text state = {};
		container_state_write(&restoration->record, CONTAINER_STOPPED, 0, true, &state);
		hooks_run_all(&request->plan->hooks, PLAN_HOOK_POSTSTOP, text_get(&state));
	}
	if (restoration->has_cgroup && cgroup_destroy(&restoration->record.cgroup) < 0)
		warn("%s", error_text());
	if (restoration->claimed) {
		intel_rdt_remove(&request->plan->intel_rdt, request->id);
		if (container_record_remove(request->state_root, request->id) < 0)
			warn("%s", error_text());
	}
	story_tell(&story);
}

static void run_poststart(const struct restoration *restoration)
{
	const struct plan_hooks *hooks = &restoration->request->plan->hooks;
	if (hooks->count[PLAN_HOOK_POSTSTART] == 0)
		return;
	autofini(text_fini) struct text state = {};
	container_state_write(&restoration->record, CONTAINER_RUNNING, restoration->record.init.pid,
		true, &state);
	hooks_run_all(hooks, PLAN_HOOK_POSTSTART, text_get(&state));
}

int container_restore(const struct container_request *request,
	const struct checkpoint_options *options, struct container_process *ret_process)
{
	autofini(restoration_fini) struct restoration restoration = {
		.request = request,
		.options = options,
		.record = {.directory_fd = -1},
		.room = {.image_fd = -1, .work_fd = -1},
		.criu = {.process = {.pidfd = -1, .output_fd = -1}, .socket_fd = -1},
		.console_fd = -1,
		.pidfd = -1,
	};
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		restoration.handles.fds[kind] = -1;
	int r = restore(&restoration);
	if (r < 0) {
		undo(&restoration);
		return r;
	}
	run_poststart(&restoration);
	if (ret_process)
		*ret_process = (struct container_process){
			.pid = restoration.record.init.pid, .pidfd = take_fd(restoration.pidfd)};
	return 0;
}
