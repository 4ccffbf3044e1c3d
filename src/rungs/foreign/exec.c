// SPDX-License-Identifier: Apache-2.0

/*
 * One more program in a container of another runtime: detached from the runtime at once, so that it
 * is our child like one that we made.
 */

#include "base/error.h"
#include "base/fs.h"
#include "plan/chapters.h"
#include "plan/json_write.h"
#include "rungs/container/announce.h"
#include "rungs/foreign/internal.h"
#include "rungs/foreign/wait.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>

struct joining {
	const struct container_exec_request *request;
	const struct container_record *record;
	const struct plan *plan;
	const char *directory;
	struct arena arena;
	const char *process_file, *pid_file, *socket; /* names in the record's directory */
	struct console console;
};

static void joining_fini(struct joining *joining)
{
	int directory_fd = joining->record->directory_fd;
	console_fini(&joining->console);
	if (joining->process_file)
		(void)unlinkat(directory_fd, joining->process_file, 0);
	arena_fini(&joining->arena);
}

static int write_process(struct joining *joining)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &process_shape, joining->request->process);
	json_close(&writer);
	return fs_replace(joining->record->directory_fd, joining->process_file, text_get(&out),
		out.length, 0600);
}

static int call_exec(struct joining *joining)
{
	const struct container_exec_request *request = joining->request;
	struct arena *arena = &joining->arena;
	const char *words[16] = {"exec", "--process",
		arena_format(arena, "%s/%s", joining->directory, joining->process_file), "--detach",
		"--pid-file", arena_format(arena, "%s/%s", joining->directory, joining->pid_file)};
	size_t count = 6;
	if (request->process->terminal) {
		words[count++] = "--console-socket";
		words[count++] = joining->socket + strlen("bundle/");
	}
	if (request->preserved_fds) {
		words[count++] = "--preserve-fds";
		words[count++] = arena_format(arena, "%u", request->preserved_fds);
	}
	words[count] = joining->record->id;
	autofini(view_fini) struct foreign_view view = {.users_fd = -1};
	int r = view_open(joining->plan, joining->record->init.pid, &view);
	return r < 0 ? r
		     : foreign_call(&(const struct foreign_call){.record = joining->record,
			       .view = &view,
			       .words = words,
			       .streams = true,
			       .in_scope = geteuid() != 0 &&
					   joining->record->cgroup.manager == CGROUP_SYSTEMD,
			       .preserved_fds = request->preserved_fds});
}

static int join(struct joining *joining, struct process_id *ret_id, int *ret_pidfd)
{
	const struct container_exec_request *request = joining->request;
	int directory_fd = joining->record->directory_fd;
	bool terminal = request->process->terminal;
	int r = foreign_directory(joining->record, &joining->arena, &joining->directory);
	if (r == 0)
		r = write_process(joining);
	if (r == 0 && terminal)
		r = console_open(directory_fd, joining->socket, &joining->console);
	if (r == 0)
		r = foreign_make_file(directory_fd, joining->pid_file);
	if (r == 0)
		r = subreap(true);
	if (r == 0)
		r = call_exec(joining);
	if (r == 0)
		r = child_from_file(directory_fd, joining->pid_file, ret_id, ret_pidfd);
	if (r == 0 && terminal)
		r = console_pass_on(
			&joining->console, request->console_fd, request->console_socket);
	if (r < 0)
		end_orphans();
	int over = subreap(false);
	return r < 0 ? r : over;
}

int foreign_exec(const struct container_exec_request *request,
	const struct container_record *record, struct container_process *ret_process)
{
	autofini(plan_fini) struct plan own_plan = {};
	autofini(joining_fini) struct joining joining = {.request = request,
		.record = record,
		.plan = request->plan,
		.console = CONSOLE_NONE};
	int r = joining.plan ? 0 : container_load_plan(record, &own_plan);
	if (!joining.plan)
		joining.plan = &own_plan;
	/* Several at a time. */
	joining.process_file = arena_format(&joining.arena, "exec-%d.json", (int)getpid());
	joining.pid_file = arena_format(&joining.arena, "exec-%d.pid", (int)getpid());
	joining.socket = arena_format(&joining.arena, "bundle/exec-%d.sock", (int)getpid());
	struct process_id id = {};
	autoclose int pidfd = -1;
	if (r == 0)
		r = join(&joining, &id, &pidfd);
	if (r == 0 && request->pid_file)
		r = write_pid_file(request->pid_file, id.pid);
	if (r == 0 && request->pidfd_socket)
		r = send_pidfd(request->pidfd_socket, pidfd);
	if (r == 0 && ret_process)
		*ret_process = (struct container_process){.pid = id.pid, .pidfd = take_fd(pidfd)};
	return r;
}
