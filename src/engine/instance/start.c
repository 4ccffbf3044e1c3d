// SPDX-License-Identifier: Apache-2.0

/*
 * A start, and who does it:
 *
 *	the command           lock, plan, streams ─ fork ─→ the starter
 *	the starter           a session of its own; makes the container, so that its first process
 *	                      is the starter's child; writes "running"; reports; becomes (execve)
 *	rung-monitor          which waits for the end and becomes
 *	rung __ended          which writes that down, and perhaps is the next starter
 *
 * All but the first have one pid, the monitor's. The lock is the command's and the starter's
 * together (one open file description), so it ends when both have let go of it: when the state is
 * written and the command has the answer. Whoever is killed on the way takes the container along
 * (PR_SET_PDEATHSIG), and the next command settles the rest.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/image/image.h"
#include "engine/instance/attach.h"
#include "engine/instance/health.h"
#include "engine/instance/internal.h"
#include "engine/instance/launch.h"
#include "engine/instance/monitor.h"
#include "rungs/container/container.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

/* ---- the plan -------------------------------------------------------------------------------- */

static int find_image(struct launch *launch)
{
	if (text_empty(launch->instance->image_id))
		return 0;
	int r = store_open(places_data(launch->arena), &launch->store);
	if (r == 0)
		r = store_lock(&launch->store, false, &launch->store_lock);
	struct image *image = arena_new(launch->arena, struct image, 1);
	if (r == 0)
		r = image_find(&launch->store, launch->instance->image_id, launch->arena, image);
	if (r == 0)
		r = image_lowers(&launch->store, image, launch->arena, &launch->request.lowers);
	launch->request.image = image;
	return r;
}

static int make_plan(struct launch *launch)
{
	const struct instance *instance = launch->instance;
	int r = 0;
	if (launch->how->request) {
		launch->request = *launch->how->request;
	} else {
		r = instance_load_request(instance, launch->arena, &launch->request);
		if (r == 0)
			r = find_image(launch);
	}
	if (r < 0)
		return r;
	run_layer_in(instance->directory, instance->id, launch->arena, &launch->layer);
	r = run_layer_open(&launch->layer);
	if (r < 0)
		return r;
	launch->request.layer = &launch->layer;
	r = run_plan(&launch->request, &launch->plan);
	step("planned");
	if (r == 0 && launch->how->rows) {
		launch->plan.process.console_height = launch->how->rows;
		launch->plan.process.console_width = launch->how->columns;
	}
	return r;
}

/* ---- the streams ------------------------------------------------------------------------------
 */

static int make_pipe(int *ret_read, int *ret_write)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	/* Whoever the program is, it may open /dev/stdout again. */
	(void)fchmod(ends[0], 0666);
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int open_null(int *ret_fd)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open /dev/null");
	*ret_fd = fd;
	return 0;
}

static int own_stream(int number, int *ret_fd)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 && errno == EBADF)
		return open_null(ret_fd);
	if (fd < 0)
		return fail(-errno, "pass on descriptor %d", number);
	*ret_fd = fd;
	return 0;
}

static int make_streams(struct launch *launch)
{
	struct stream_settings *streams = &launch->streams;
	int *program = launch->program_fds;
	if (launch->plan.process.terminal)
		return 0; /* its master comes when there is one */
	if (launch->how->passthrough) {
		int r = launch->how->interactive ? own_stream(0, &program[0])
						 : open_null(&program[0]);
		if (r == 0)
			r = own_stream(1, &program[1]);
		return r < 0 ? r : own_stream(2, &program[2]);
	}
	int r = launch->instance->interactive ? make_pipe(&program[0], &streams->input_fd)
					      : open_null(&program[0]);
	if (r == 0)
		r = make_pipe(&streams->output_fd, &program[1]);
	return r < 0 ? r : make_pipe(&streams->error_fd, &program[2]);
}

static int find_self(struct launch *launch)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
	if (length < 0)
		return fail(-errno, "find our own program");
	launch->streams.rung = arena_strndup(launch->arena, self, (size_t)length);
	launch->monitor = programs_find("rung-monitor", launch->arena);
	if (!launch->monitor)
		return refuse(-ENOENT, "rung-monitor is not where rung is");
	return 0;
}

/* The disk may be full when the status is known, but not while it is promised a place. */
static int reserve_note(const struct launch *launch)
{
	char blank[MONITOR_NOTE_LENGTH];
	memset(blank, ' ', sizeof(blank) - 1);
	blank[sizeof(blank) - 1] = '\n';
	const char *path = arena_format(launch->arena, "%s/exit", launch->instance->directory);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_write_all(fd, blank, sizeof(blank));
	return r < 0 ? fail(r, "write %s", path) : 0;
}

static int prepare_monitor(struct launch *launch)
{
	const struct instance *instance = launch->instance;
	struct stream_settings *streams = &launch->streams;
	streams->id = instance->id;
	streams->run_directory = instance->run_directory;
	streams->data = places_chosen_data();
	streams->state = places_chosen_state();
	streams->health_interval_ms = (uint64_t)instance->health_interval_ms;
	streams->client_fd = launch->how->client_fd;
	streams->keep_input = streams->client_fd < 0;
	const struct logs_subject subject = {.id = instance->id,
		.directory = instance->directory,
		.name = instance->name,
		.image = instance->image_name};
	int r = logs_settings_read(instance->log_driver, &instance->log_options, &subject,
		launch->arena, &streams->log);
	if (r == 0)
		r = logs_prepare(&streams->log);
	if (r == 0 && instance->health_interval_ms)
		health_forget(instance);
	if (r == 0)
		r = reserve_note(launch);
	if (r == 0)
		r = find_self(launch);
	if (r == 0)
		r = fs_make_dirs(instance->run_directory, 0700);
	if (r < 0)
		return r;
	streams->listen_fd = attach_listen(instance->run_directory);
	return streams->listen_fd < 0 ? streams->listen_fd : 0;
}

static int prepare(struct launch *launch)
{
	/* What an earlier start left because it was killed. */
	const struct instance *instance = launch->instance;
	const char *record =
		arena_format(launch->arena, "%s/%s", instance->record_root, instance->id);
	int r = access(record, F_OK) == 0
			? container_delete(instance->record_root, instance->id, true)
			: 0;
	if (r == 0)
		r = make_plan(launch);
	if (r == 0)
		r = make_streams(launch);
	if (r == 0)
		r = prepare_monitor(launch);
	step("streams ready");
	return r;
}

/* ---- who may be started
 * -------------------------------------------------------------------------- */

static int start_peers(const struct instance *instance, struct arena *arena)
{
	for (size_t i = 0; i < instance->depends.count; i++) {
		struct instance peer;
		const struct instance_start how = INSTANCE_START_DETACHED;
		int r = instance_load(instance->depends.items[i], arena, &peer);
		if (r == -ENOENT)
			return refuse(r, "container %s needs %s, which was removed", instance->name,
				instance->depends.items[i]);
		if (r == 0 && !instance_is_alive(&peer))
			r = instance_start(&peer, arena, &how);
		if (r < 0)
			return wrap(r, "start %s, which %s needs", peer.name, instance->name);
	}
	return 0;
}

/* Let go what only waits: its first process gets the word. */
static int start_initialized(struct instance *instance, struct arena *arena)
{
	int r = container_start(instance->record_root, instance->id);
	if (r < 0)
		return r;
	instance->state.status = INSTANCE_RUNNING;
	instance->state.started_at = arena_strdup(arena, clock_now().text);
	r = instance_write_state(instance);
	if (r == 0)
		instance_event(instance, "start", NULL, 0);
	return r;
}

/* 1: go on; 0: nothing to do. */
static int may_start(
	struct instance *instance, const struct instance_start *how, struct arena *arena)
{
	struct process_id monitor = instance_monitor(instance);
	switch (instance->state.status) {
	case INSTANCE_CREATED:
	case INSTANCE_EXITED:
	case INSTANCE_DEAD:
		return how->by_policy ? -ECANCELED : 1;
	case INSTANCE_RESTARTING:
		if (how->by_policy)
			return monitor.pid == getpid() ? 1 : -ECANCELED;
		(void)process_signal(&monitor, SIGKILL);
		return 1;
	case INSTANCE_INITIALIZED:
		return how->only_initialize ? 0 : start_initialized(instance, arena);
	case INSTANCE_REMOVING:
		return how->by_policy
			       ? -ECANCELED
			       : refuse(-EBUSY, "container %s is being removed", instance->name);
	case INSTANCE_PAUSED:
		return refuse(-EBUSY, "container %s is paused: unpause it", instance->name);
	default:
		return how->by_policy ? -ECANCELED : 0;
	}
}

static void launch_fini(struct launch *launch)
{
	for (size_t i = 0; i < 3; i++)
		close_now(launch->program_fds[i]);
	close_now(launch->streams.input_fd);
	close_now(launch->streams.output_fd);
	close_now(launch->streams.error_fd);
	close_now(launch->streams.listen_fd);
	close_now(launch->streams.client_fd);
	close_now(launch->guardian_fd);
	close_now(launch->memory_fd);
	close_now(launch->store_lock);
	close_now(launch->lock);
	run_layer_fini(&launch->layer);
	store_fini(&launch->store);
	plan_fini(&launch->plan);
}

/* The reason stays with it, for inspect. */
static void note_failure(struct instance *instance, struct arena *arena, int r)
{
	instance->state.error = arena_strdup(arena, error_text());
	instance->state.exit_code = error_exit_status() ? error_exit_status() : 125;
	instance->state.monitor_pid = 0;
	if (instance->state.status == INSTANCE_RESTARTING)
		instance->state.status = INSTANCE_EXITED;
	char story[ERROR_TEXT_MAX], advice[1024];
	int status = error_exit_status();
	(void)snprintf(story, sizeof(story), "%s", error_text());
	(void)snprintf(advice, sizeof(advice), "%s", error_hint());
	(void)instance_write_state(instance);
	/* It was made, but could not be written down: a full disk. Its starter's end killed it. */
	if (access(arena_format(arena, "%s/%s", instance->record_root, instance->id), F_OK) == 0)
		(void)!container_delete(instance->record_root, instance->id, true);
	(void)unlink(arena_format(arena, "%s/exit", instance->directory));
	(void)unlink(arena_format(arena, "%s/" ATTACH_SOCKET, instance->run_directory));
	(void)rmdir(instance->run_directory);
	(void)error_adopt(r, story, advice);
	error_set_exit_status(status);
}

int instance_start(struct instance *instance, struct arena *arena, const struct instance_start *how)
{
	autofini(launch_fini) struct launch launch = {
		.instance = instance,
		.arena = arena,
		.how = how,
		.streams = stream_settings_none,
		.program_fds = {-1, -1, -1},
		.layer = {.lock_fd = -1},
		.store = STORE_NONE,
		.store_lock = -1,
		.guardian_fd = -1,
		.memory_fd = -1,
	};
	launch.streams.client_fd = how->client_fd;
	int r = start_peers(instance, arena);
	if (r < 0)
		return r;
	launch.lock = instance_lock(instance);
	if (launch.lock < 0)
		return launch.lock == -ENOENT
			       ? refuse(-ENOENT, "container %s was removed", instance->name)
			       : launch.lock;
	r = instance_read(instance->id, arena, instance);
	if (r == 0 && !how->by_policy)
		r = instance_settle_locked(instance, arena);
	if (r == 0)
		r = may_start(instance, how, arena);
	if (r <= 0)
		return r;
	r = prepare(&launch);
	if (r == 0)
		r = launch_carry_out(&launch);
	if (r < 0)
		note_failure(instance, arena, r);
	return r;
}
