// SPDX-License-Identifier: Apache-2.0

/*
 * The end of an instance's processes, and what its restart policy makes of it.
 *
 * The monitor has reaped the first process and has become `rung __ended`, under its own pid. So
 * whoever waits for the monitor waits for all this, and while a restart is waited for, the pid in
 * the state is that of the process to be killed if it shall not happen.
 */

#include "engine/instance/ended.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "base/process.h"
#include "engine/event/event.h"
#include "engine/image/collect.h"
#include "engine/image/image.h"
#include "engine/instance/internal.h"
#include "rungs/container/container.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

enum {
	FIRST_PAUSE_MS = 100,
	LONGEST_PAUSE_MS = 60000,
	STEADY_S = 10, /* who ran that long begins again with the first pause */
};

/* ---- writing it down --------------------------------------------------------------------- */

static void remove_traces(const struct instance *instance)
{
	autoclose int fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)unlinkat(fd, "exit", 0);
	if (!text_empty(instance->pidfile))
		(void)unlink(instance->pidfile);
}

/* What the monitor saw while there was something to see. */
static bool monitor_saw_oom(const struct instance *instance)
{
	char line[128];
	autoclose int fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fs_read_small(fd, "exit", line, sizeof(line)) > 0 && strstr(line, " oom");
}

int instance_record_end(
	struct instance *instance, struct arena *arena, int exit_code, const char *when)
{
	struct instance_state *state = &instance->state;
	bool oom = container_oom_kills(instance->record_root, instance->id) > 0 ||
		   monitor_saw_oom(instance);
	int r = container_delete(instance->record_root, instance->id, true);
	if (r == 0)
		r = instance_remove_run_directory(instance, arena);
	if (r < 0) {
		/* What stays is tried again at the next start or rm. */
		warn("%s", error_text());
		error_clear();
	}
	state->status = INSTANCE_EXITED;
	state->pid = state->monitor_pid = 0;
	state->pid_start = state->monitor_start = 0;
	state->exit_code = exit_code;
	state->oom_killed = oom;
	state->finished_at = when ? when : arena_strdup(arena, clock_now().text);
	state->restart_at = "";
	r = instance_write_state(instance);
	if (r < 0)
		return r;
	remove_traces(instance);
	if (oom)
		instance_event(instance, "oom", NULL, 0);
	instance_event_end(instance, exit_code);
	return 0;
}

/* ---- the restart policy -------------------------------------------------------------------- */

static bool wants_restart(const struct instance *instance)
{
	const struct instance_restart *restart = &instance->restart;
	const struct instance_state *state = &instance->state;
	if (state->stopped_by_user)
		return false;
	switch (restart->policy) {
	case INSTANCE_RESTART_ALWAYS:
	case INSTANCE_RESTART_UNLESS_STOPPED:
		return true;
	case INSTANCE_RESTART_ON_FAILURE:
		return state->exit_code != 0 &&
		       (restart->most == 0 || state->restart_count < restart->most);
	default:
		return false;
	}
}

static int64_t pause_before_restart_ms(struct instance *instance)
{
	struct instance_state *state = &instance->state;
	struct tm started = {}, finished = {};
	(void)strptime(state->started_at, "%Y-%m-%dT%H:%M:%S", &started);
	(void)strptime(state->finished_at, "%Y-%m-%dT%H:%M:%S", &finished);
	if (timegm(&finished) - timegm(&started) >= STEADY_S)
		state->restart_streak = 0;
	unsigned doublings = state->restart_streak < 10 ? state->restart_streak : 10;
	int64_t pause_ms = (int64_t)FIRST_PAUSE_MS << doublings;
	return pause_ms < LONGEST_PAUSE_MS ? pause_ms : LONGEST_PAUSE_MS;
}

static int announce_restart(struct instance *instance, struct arena *arena, int64_t pause_ms)
{
	struct process_id self;
	int r = process_identify(getpid(), &self);
	if (r < 0)
		return fail(r, "restart %s", instance->name);
	struct timespec when;
	(void)clock_gettime(CLOCK_REALTIME, &when);
	int64_t ns = when.tv_nsec + pause_ms % 1000 * 1000000;
	when.tv_sec += pause_ms / 1000 + ns / 1000000000;
	when.tv_nsec = ns % 1000000000;
	struct instance_state *state = &instance->state;
	state->status = INSTANCE_RESTARTING;
	state->monitor_pid = self.pid;
	state->monitor_start = self.start_time;
	state->restart_at = arena_strdup(arena, clock_format(&when).text);
	state->restart_streak++;
	return instance_write_state(instance);
}

/* ---- --rmi --------------------------------------------------------------------------------- */

static int remove_image(const struct instance *instance, struct arena *arena)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image = {};
	struct image_users users = {};
	const char *name = NULL, *word = instance->image_name;
	int r = store_open(places_data(arena), &store);
	if (r == 0)
		r = image_find_named(
			&store, text_empty(word) ? instance->image_id : word, arena, &image, &name);
	if (r == 0)
		r = image_find_users(&store, image.id, arena, &users);
	/* The name may mean another image by now, and others may use this one. */
	if (r != 0 || users.count || !text_equal(image.id, instance->image_id))
		return r;
	bool others = name && image.names.count > 1;
	r = others ? image_untag(&store, name) : image_remove(&store, &image);
	if (r < 0)
		return r;
	event_write("image", others ? "untag" : "remove", image.id, name, NULL, 0);
	return store_has_garbage(&store) ? image_collect(&store, false, false, NULL) : 0;
}

/* ---- `rung __ended` ------------------------------------------------------------------------- */

int instance_ended(const char *id, int exit_code, struct arena *arena, struct instance_end *ret_end)
{
	struct instance instance = {.id = id, .name = id};
	instance_place(&instance, arena);
	autoclose int lock = instance_lock(&instance);
	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	int r = instance_read(id, arena, &instance);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (instance.state.status == INSTANCE_REMOVING || instance.state.monitor_pid != getpid())
		return 0;
	r = instance_record_end(&instance, arena, exit_code, NULL);
	/* What cannot be written down can still be removed. */
	if (r < 0 && !(instance.remove && instance_is_unwritable(r)))
		return r;
	ret_end->oom_killed = instance.state.oom_killed;
	if (instance.remove) {
		r = instance_erase(&instance, arena, true);
		if (r == 0 && instance.remove_image && !text_empty(instance.image_id) &&
			remove_image(&instance, arena) < 0) {
			warn("--rmi: %s", error_text());
			error_clear();
		}
		return r;
	}
	if (!wants_restart(&instance))
		return 0;
	ret_end->pause_ms = pause_before_restart_ms(&instance);
	r = announce_restart(&instance, arena, ret_end->pause_ms);
	return r < 0 ? r : 1;
}

int instance_start_again(const char *id, int64_t pause_ms, struct arena *arena)
{
	(void)poll(NULL, 0, (int)pause_ms);
	struct instance instance = {.id = id, .name = id};
	instance_place(&instance, arena);
	int r = instance_read(id, arena, &instance);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	struct instance_start how = INSTANCE_START_DETACHED;
	how.by_policy = true;
	r = instance_start(&instance, arena, &how);
	return r == -ECANCELED ? 0 : r;
}

void instance_tidy_up(void)
{
	instance_sweep();
}
