// SPDX-License-Identifier: Apache-2.0

/*
 * A container of another runtime, from the record to the running program, and what is asked of the
 * runtime afterwards.
 *
 *	claim       as for one of ours: the id, and a record that names all that may be left
 *	bundle      config.json, below the record, where the runtime keeps its own state too
 *	create      by the runtime; what it leaves running becomes our child
 *(PR_SET_CHILD_SUBREAPER), so the monitor reaps it like any other look        where in the control
 *groups the runtime has put it; into the record start       unless it is to wait: then "start.sock"
 *is there, an empty file
 *
 * If the monitor is killed the container lives on, as no other runtime's program dies with who
 * started it; the next command sees both and `rm -f` removes it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "plan/oci.h"
#include "rungs/container/announce.h"
#include "rungs/container/claim.h"
#include "rungs/container/story.h"
#include "rungs/foreign/internal.h"
#include "rungs/foreign/wait.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define WAITS "start.sock"

struct making {
	const struct container_request *request;
	struct container_record record;
	const char *directory;
	struct foreign_plan foreign;
	struct console console;
	int pidfd;
	bool claimed, created;
};

static void making_fini(struct making *making)
{
	console_fini(&making->console);
	close_now(making->pidfd);
	container_record_fini(&making->record);
}

/* ---- the bundle --------------------------------------------------------------------------------
 */

static int write_bundle(struct making *making)
{
	struct container_record *record = &making->record;
	int directory_fd = record->directory_fd;
	int r = foreign_directory(record, &record->arena, &making->directory);
	if (r == 0)
		r = foreign_config(making->request->plan, record, &record->arena, &making->foreign);
	if (r < 0)
		return r;
	if (mkdirat(directory_fd, "bundle", 0700) < 0 || mkdirat(directory_fd, "runtime", 0700) < 0)
		return fail(-errno, "make a bundle for %s", record->runtime);
	autofini(text_fini) struct text config = {};
	plan_write(&making->foreign.plan, &config);
	autoclose int bundle = openat(directory_fd, "bundle", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bundle < 0)
		return fail(-errno, "make a bundle for %s", record->runtime);
	return fs_create(bundle, "config.json", text_get(&config), config.length, 0600);
}

/* ---- create
 * -------------------------------------------------------------------------------------- */

static int call_create(struct making *making)
{
	struct container_record *record = &making->record;
	struct arena *arena = &record->arena;
	const struct container_request *request = making->request;
	autofini(view_fini) struct foreign_view view;
	const char *words[16] = {"create", "--bundle",
		arena_format(arena, "%s/bundle", making->directory), "--pid-file",
		arena_format(arena, "%s/pid", making->directory)};
	size_t count = 5;
	if (request->plan->process.terminal) {
		words[count++] = "--console-socket";
		words[count++] = "console.sock";
	}
	if (request->no_pivot)
		words[count++] = "--no-pivot";
	if (request->preserved_fds) {
		words[count++] = "--preserve-fds";
		words[count++] = arena_format(arena, "%u", request->preserved_fds);
	}
	words[count] = request->id;
	int r = view_open(request->plan, 0, &view);
	if (r < 0)
		return r;
	view.roots = &making->foreign;
	making->created = true;
	return foreign_call(&(const struct foreign_call){.record = record,
		.view = &view,
		.words = words,
		.streams = true,
		.preserved_fds = request->preserved_fds});
}

static int look_where_it_is(struct making *making)
{
	struct container_record *record = &making->record;
	int r = cgroup_find_process(record->init.pid, record->id, &record->arena, &record->cgroup);
	if (r < 0)
		return r;
	autofini(text_fini) struct text told = {};
	container_record_tell(record, &told);
	return container_record_write(record->directory_fd, &told);
}

static int create(struct making *making)
{
	const struct container_request *request = making->request;
	struct container_record *record = &making->record;
	int r = container_register(request, record);
	making->claimed = r == 0;
	if (r == 0)
		r = write_bundle(making);
	if (r == 0 && request->plan->process.terminal)
		r = console_open(record->directory_fd, "bundle/console.sock", &making->console);
	if (r == 0)
		r = foreign_make_file(record->directory_fd, "pid");
	if (r == 0)
		r = subreap(true);
	if (r == 0)
		r = call_create(making);
	if (r == 0)
		r = child_from_file(record->directory_fd, "pid", &record->init, &making->pidfd);
	if (r == 0)
		r = container_record_init(record->directory_fd, &record->init);
	if (r == 0)
		r = look_where_it_is(making);
	if (r == 0 && request->plan->process.terminal)
		r = console_pass_on(&making->console, request->console_fd, request->console_socket);
	if (r == 0)
		r = fs_create(record->directory_fd, WAITS, "", 0, 0600);
	return r < 0 ? r : subreap(false);
}

static void undo(struct making *making)
{
	struct story story;
	story_keep(&story);
	if (making->created)
		foreign_delete(&making->record);
	if (making->pidfd >= 0) {
		int status;
		(void)kernel_pidfd_send_signal(making->pidfd, SIGKILL);
		(void)process_reap(making->pidfd, &status);
	}
	end_orphans();
	/* Runtimes that fail leave cgroups behind that no other command of theirs finds. */
	const char *path = making->foreign.plan.cgroups_path;
	struct cgroup_location *cgroup = &making->record.cgroup;
	if (making->created && path &&
		cgroup_find_path(path, making->record.id, &making->record.arena, cgroup) == 0 &&
		cgroup_destroy(cgroup) < 0)
		warn("%s", error_text());
	if (making->claimed &&
		container_record_remove(making->request->state_root, making->request->id) < 0)
		warn("%s", error_text());
	story_tell(&story);
}

int foreign_create(const struct container_request *request, struct container_process *ret_process)
{
	autofini(making_fini) struct making making = {.request = request,
		.record = {.directory_fd = -1},
		.console = CONSOLE_NONE,
		.pidfd = -1};
	int r = create(&making);
	if (r == 0 && !request->wait_for_start)
		r = foreign_start(&making.record);
	if (r == 0 && request->pid_file)
		r = write_pid_file(request->pid_file, making.record.init.pid);
	if (r == 0 && request->pidfd_socket)
		r = send_pidfd(request->pidfd_socket, making.pidfd);
	if (r < 0) {
		undo(&making);
		return r;
	}
	if (ret_process)
		*ret_process = (struct container_process){
			.pid = making.record.init.pid, .pidfd = take_fd(making.pidfd)};
	return 0;
}

/* ---- afterwards
 * ----------------------------------------------------------------------------------- */

/* One command that needs no more than the id. */
static int command(const struct container_record *record, const char *const *words)
{
	autofini(plan_fini) struct plan plan = {};
	autofini(view_fini) struct foreign_view view = {.users_fd = -1};
	int r = container_load_plan(record, &plan);
	pid_t inside = process_alive(&record->init) ? record->init.pid : 0;
	if (r == 0)
		r = view_open(&plan, inside, &view);
	return r < 0 ? r
		     : foreign_call(&(const struct foreign_call){
			       .record = record, .view = &view, .words = words});
}

int foreign_start(const struct container_record *record)
{
	const char *const words[] = {"start", record->id, NULL};
	int r = command(record, words);
	if (r == 0)
		(void)unlinkat(record->directory_fd, WAITS, 0);
	return r;
}

int foreign_kill(const struct container_record *record, int signal_number, bool all)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", signal_number);
	const char *const one[] = {"kill", record->id, number, NULL};
	const char *const every[] = {"kill", "--all", record->id, number, NULL};
	return command(record, all ? every : one);
}

int foreign_pause(const struct container_record *record, bool paused)
{
	const char *const words[] = {paused ? "pause" : "resume", record->id, NULL};
	return command(record, words);
}

/* As the root of the user namespace, whose files we may not be allowed to remove. */
static int remove_state(const struct container_record *record)
{
	autofini(plan_fini) struct plan plan = {};
	autofini(view_fini) struct foreign_view view = {.users_fd = -1};
	int r = container_load_plan(record, &plan);
	if (r == 0)
		r = view_open(&plan, 0, &view);
	if (r < 0 || view.users_fd < 0)
		return r;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0)
		_exit(view_enter(&view) < 0 || fs_remove_tree(record->directory_fd, "runtime") < 0);
	return pid < 0 ? fail(pid, "fork") : waitpid(pid, NULL, 0) < 0 ? -errno : 0;
}

void foreign_delete(const struct container_record *record)
{
	const char *const words[] = {"delete", "--force", record->id, NULL};
	autofini(arena_fini) struct arena arena = {};
	int r = command(record, words);
	const char *state = arena_format(&arena, "runtime/%s", record->id);
	if (faccessat(record->directory_fd, state, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		step("%s left its state behind", record->runtime);
		r = remove_state(record);
	}
	if (r < 0)
		step("%s", error_text());
	error_clear();
}
