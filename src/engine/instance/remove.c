// SPDX-License-Identifier: Apache-2.0

/*
 * Removal. What runs is killed first, all of it at once where many are removed; then
 *
 *	"removing"   is written down: a monitor that ends now leaves everything to us, and if we are
 *	             killed the next command goes on
 *	record       processes, control groups and record of the rung
 *	name         is free again
 *	directory    gets a name that nobody looks for, and is emptied
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "engine/instance/monitor.h"
#include "engine/instance/pod.h"
#include "rungs/container/container.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>

enum { DEATH_TIMEOUT_MS = 20000 };

/* ---- one whose processes are gone -------------------------------------------------------- */

static int remove_place(const char *directory, const char *name)
{
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "%s", directory);
	return fs_remove_tree(fd, name);
}

int instance_remove_run_directory(const struct instance *instance, struct arena *arena)
{
	return remove_place(places_state("run", arena), instance->id);
}

static int remove_directory(const struct instance *instance, struct arena *arena)
{
	struct run_layer layer;
	run_layer_in(instance->directory, instance->id, arena, &layer);
	int r = run_layer_remove(&layer);
	if (r < 0)
		return r;
	const char *containers = instance_containers(arena);
	/* Nobody finds half of it, and the sweep goes on where we are killed. */
	const char *gone = arena_format(arena, ".%s", instance->id);
	if (instance->id[0] == '.')
		gone = instance->id;
	else if (rename(instance->directory, arena_format(arena, "%s/%s", containers, gone)) < 0) {
		if (errno != ENOSPC)
			return errno == ENOENT ? 0 : fail(-errno, "remove %s", instance->directory);
		/* No room for another name; without this file it counts as half made. */
		(void)unlink(arena_format(arena, "%s/config.json", instance->directory));
		gone = instance->id;
	}
	return remove_place(containers, gone);
}

static void remove_files_of_others(const struct instance *instance)
{
	if (!text_empty(instance->cidfile))
		(void)unlink(instance->cidfile);
	if (!text_empty(instance->pidfile))
		(void)unlink(instance->pidfile);
}

int instance_erase(struct instance *instance, struct arena *arena, bool volumes)
{
	instance->state.status = INSTANCE_REMOVING;
	bool whole = instance->created;
	if (whole && instance_write_state(instance) < 0)
		error_clear(); /* a full disk is no reason to keep it */
	int r = instance->id[0] == '.'
			? 0
			: container_delete(instance->record_root, instance->id, true);
	if (r < 0)
		return r;
	if (whole) {
		instance_drop_name(instance->name, instance->id, arena);
		(void)instance_tell_peers(instance, false, arena);
		if (volumes)
			instance_remove_volumes(instance, arena);
		remove_files_of_others(instance);
	}
	r = instance_remove_run_directory(instance, arena);
	if (r == 0)
		r = remove_directory(instance, arena);
	if (r == 0 && whole)
		instance_event(instance, "remove", NULL, 0);
	return r < 0 ? wrap(r, "remove container %s", instance->name) : 0;
}

void instance_abandon(struct instance *instance, struct arena *arena)
{
	char story[ERROR_TEXT_MAX], advice[1024];
	int status = error_exit_status();
	(void)snprintf(story, sizeof(story), "%s", error_text());
	(void)snprintf(advice, sizeof(advice), "%s", error_hint());
	instance_drop_name(instance->name, instance->id, arena);
	if (remove_directory(instance, arena) < 0)
		warn("%s", error_text());
	(void)error_adopt(-EIO, story, advice);
	error_set_exit_status(status);
}

/* ---- who depends on it ------------------------------------------------------------------- */

static int remove_dependents(
	struct instance *instance, struct arena *arena, const struct instance_removal *how)
{
	struct instance *others;
	size_t count = 0;
	int r = instance_dependents(instance, arena, &others, &count);
	if (r == 0 && count && !how->depend) {
		r = refuse(-EBUSY, "container %s has dependent containers: %s", instance->id,
			others[0].id);
		hint("remove those first, or give --depend");
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = instance_remove(&others[i], arena, how);
	return r;
}

/* ---- one that runs ------------------------------------------------------------------------- */

static int refuse_running(const struct instance *instance)
{
	int r = refuse(-EBUSY, "cannot remove container %s as it is %s", instance->id,
		instance_status_name(instance->state.status));
	hint("stop it first, or give --force");
	return r;
}

/*
 * Under the lock: it is being removed, so its monitor need not deal with the end; and the end
 * comes. What has to be waited for is left in the state: monitor and process.
 */
static int begin(struct instance *instance, struct arena *arena, const struct instance_removal *how)
{
	autoclose int lock = instance_lock(instance);
	if (lock < 0)
		return lock;
	int r = instance_read(instance->id, arena, instance);
	if (r < 0)
		return r;
	if (instance->state.status != INSTANCE_REMOVING)
		r = instance_settle_locked(instance, arena);
	if (r < 0)
		return r;
	bool alive = instance_is_alive(instance) || instance->state.status == INSTANCE_RESTARTING;
	if (alive && !how->force && instance->state.status != INSTANCE_INITIALIZED)
		return refuse_running(instance);
	bool restarting = instance->state.status == INSTANCE_RESTARTING;
	bool paused = instance->state.status == INSTANCE_PAUSED;
	if (alive) {
		instance->state.status = INSTANCE_REMOVING;
		r = instance_write_state(instance);
		/* A full disk must not keep what would empty it: its monitor is told below. */
		if (r < 0 && !instance_is_unwritable(r))
			return r;
		error_clear();
	}
	alive |= instance->state.status == INSTANCE_REMOVING; /* whose remover was killed */
	struct process_id monitor = instance_monitor(instance),
			  process = instance_process(instance);
	if (restarting && monitor.pid > 0)
		(void)process_signal(&monitor, SIGKILL);
	else if (alive && monitor.pid > 0)
		(void)process_signal(&monitor, MONITOR_END_QUIETLY);
	if (alive && process.pid > 0)
		(void)process_signal(&process, SIGKILL);
	/* A frozen v1 group takes a SIGKILL only when it thaws. */
	if (paused && container_pause(instance->record_root, instance->id, false) < 0)
		error_clear();
	return 0;
}

static int finish(
	struct instance *instance, struct arena *arena, const struct instance_removal *how)
{
	struct process_id monitor = instance_monitor(instance),
			  process = instance_process(instance);
	int r = process.pid > 0 ? process_wait(&process, DEATH_TIMEOUT_MS) : 0;
	if (r == -ETIMEDOUT)
		return refuse(r, "process %d of container %s does not die", (int)process.pid,
			instance->name);
	if (monitor.pid > 0 && process_wait(&monitor, DEATH_TIMEOUT_MS) == -ETIMEDOUT)
		(void)process_signal(&monitor, SIGKILL);
	autoclose int lock = instance_lock(instance);
	if (lock < 0) /* somebody else has removed it */
		return lock == -ENOENT ? 0 : lock;
	if (process.pid > 0)
		instance_event_end(instance, 128 + SIGKILL);
	return instance_erase(instance, arena, how->volumes);
}

int instance_remove(
	struct instance *instance, struct arena *arena, const struct instance_removal *how)
{
	int result = 0;
	instance_remove_all(instance, 1, arena, how, NULL, &result);
	return result;
}

static int begin_one(
	struct instance *instance, struct arena *arena, const struct instance_removal *how)
{
	if (instance->infra && !how->with_pod && pod_exists(instance->pod, arena)) {
		int refused = refuse(-EBUSY, "container %s holds the namespaces of pod %.12s",
			instance->name, instance->pod);
		hint("rung pod rm %.12s removes both", instance->pod);
		return refused;
	}
	int r = remove_dependents(instance, arena, how);
	if (r == 0 && how->force && how->stop_first && instance_is_alive(instance))
		r = instance_stop(instance, arena, how->timeout_s);
	if (r == 0)
		r = begin(instance, arena, how);
	return r;
}

void instance_remove_all(struct instance *instances, size_t count, struct arena *arena,
	const struct instance_removal *how,
	void (*done)(struct instance *instance, int r, void *context), void *context)
{
	bool *begun = arena_new(arena, bool, count);
	for (size_t i = 0; i < count; i++) {
		int r = begin_one(&instances[i], arena, how);
		if (r == -ENOENT) {
			error_clear();
			r = 0; /* gone by itself (--rm) */
		} else if (r == 0) {
			begun[i] = true;
			continue;
		}
		if (done)
			done(&instances[i], r, context);
		else
			*(int *)context = r;
	}
	for (size_t i = 0; i < count; i++) {
		if (!begun[i])
			continue;
		int r = finish(&instances[i], arena, how);
		if (done)
			done(&instances[i], r, context);
		else
			*(int *)context = r;
	}
}
