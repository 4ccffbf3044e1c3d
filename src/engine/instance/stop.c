// SPDX-License-Identifier: Apache-2.0

/*
 * Signals, the end on request, pause. The lock is held only to look and to write down what is
 * wanted, never while waiting: the monitor needs it to write down the end.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/instance/internal.h"
#include "engine/instance/monitor.h"
#include "rungs/container/container.h"
#include "walls/signals.h"

#include <signal.h>
#include <stdio.h>

enum { DEATH_TIMEOUT_MS = 20000, RECORD_TIMEOUT_MS = 20000 };

/* Takes the lock and reads what is true under it. */
static int lock_and_read(struct instance *instance, struct arena *arena)
{
	autoclose int lock = instance_lock(instance);
	if (lock < 0)
		return lock;
	int r = instance_read(instance->id, arena, instance);
	if (r == 0)
		r = instance_settle_locked(instance, arena);
	return r < 0 ? r : take_fd(lock);
}

static int improper(const struct instance *instance, const char *what)
{
	return refuse(-ESRCH, "can only %s. %s is in state %s: container state improper", what,
		instance->id, instance_status_name(instance->state.status));
}

/*
 * Writes down that a person wants it to end. Where that cannot be written its monitor is told not
 * to deal with the end, so that no restart policy does, and the next command settles the matter.
 */
static int write_wish(const struct instance *instance)
{
	int r = instance_write_state(instance);
	if (!instance_is_unwritable(r))
		return r;
	struct process_id monitor = instance_monitor(instance);
	if (monitor.pid > 0)
		(void)process_signal(&monitor, MONITOR_END_QUIETLY);
	error_clear();
	return 0;
}

/* Its policy shall not start it again. */
static int cancel_restart(struct instance *instance)
{
	struct process_id waiting = instance_monitor(instance);
	instance->state.status = INSTANCE_EXITED;
	instance->state.monitor_pid = 0;
	instance->state.stopped_by_user = true;
	int r = instance_write_state(instance);
	if (instance_is_unwritable(r)) {
		error_clear();
		r = 0;
	}
	if (r == 0 && waiting.pid > 0)
		(void)process_signal(&waiting, SIGKILL);
	return r;
}

/* Until its end has been written down. */
static int wait_for_end(const struct instance *instance)
{
	struct process_id process = instance_process(instance),
			  monitor = instance_monitor(instance);
	if (process_wait(&process, DEATH_TIMEOUT_MS) == -ETIMEDOUT)
		return refuse(-ETIMEDOUT, "process %d of container %s does not die",
			(int)process.pid, instance->name);
	if (monitor.pid > 0 && process_wait(&monitor, RECORD_TIMEOUT_MS) == -ETIMEDOUT)
		warn("the monitor of container %s does not end", instance->name);
	return 0;
}

/* ---- kill ------------------------------------------------------------------------------- */

int instance_kill(struct instance *instance, int signal_number)
{
	autofini(arena_fini) struct arena arena = {};
	struct instance now = *instance;
	autoclose int lock = lock_and_read(&now, &arena);
	if (lock < 0)
		return lock == -ENOENT ? refuse(lock, "container %s was removed", instance->name)
				       : lock;
	bool fatal = signal_number == SIGKILL || signal_number == signal_by_name(now.stop_signal);
	if (now.state.status == INSTANCE_RESTARTING && fatal)
		return cancel_restart(&now);
	if (!instance_is_alive(&now))
		return improper(&now, "kill running containers");
	if (fatal && !now.state.stopped_by_user) {
		now.state.stopped_by_user = true;
		int r = write_wish(&now);
		if (r < 0)
			return r;
	}
	int r = container_kill(now.record_root, now.id, signal_number, false);
	if (r == -ESRCH) {
		error_clear();
		return improper(&now, "kill running containers");
	}
	if (r < 0)
		return r;
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", signal_number);
	const struct plan_key_value extra = {"signal", number};
	instance_event(&now, "kill", &extra, 1);
	close_now(lock);
	return signal_number == SIGKILL ? wait_for_end(&now) : 0;
}

/* ---- stop -------------------------------------------------------------------------------- */

struct stopping {
	struct instance *instance;
	struct clock_deadline deadline;
	bool waits, asked, was_paused;
	int r;
};

static int send_stop_signal(const struct instance *instance, const char *signal)
{
	int number = signal_by_name(signal);
	int r = container_kill(
		instance->record_root, instance->id, number > 0 ? number : SIGTERM, false);
	if (r == -ESRCH) { /* it has just ended */
		error_clear();
		return 0;
	}
	return r;
}

/* 0: nothing to wait for; 1: it has been asked. */
static int begin(
	struct stopping *stopping, struct arena *arena, const char *signal, int64_t timeout_s)
{
	struct instance *instance = stopping->instance;
	autoclose int lock = lock_and_read(instance, arena);
	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	if (instance->state.status == INSTANCE_RESTARTING)
		return cancel_restart(instance);
	if (!instance_is_alive(instance))
		return 0;
	if (timeout_s == INT64_MIN)
		timeout_s = instance->stop_timeout_s;
	stopping->deadline = clock_deadline_in(timeout_s < 0 ? -1 : timeout_s * 1000);
	stopping->was_paused = instance->state.status == INSTANCE_PAUSED;
	bool waits_for_start = instance->state.status == INSTANCE_INITIALIZED;
	instance->state.status = INSTANCE_STOPPING;
	instance->state.stopped_by_user = true;
	int r = write_wish(instance);
	stopping->asked = timeout_s != 0 && !waits_for_start;
	if (r == 0 && stopping->asked)
		r = send_stop_signal(instance, signal ? signal : instance->stop_signal);
	else if (r == 0)
		stopping->deadline = clock_deadline_in(0);
	/* What is frozen sees no signal. */
	if (r == 0 && stopping->was_paused)
		r = container_pause(instance->record_root, instance->id, false);
	return r < 0 ? r : 1;
}

static int finish(struct stopping *stopping, struct arena *arena)
{
	struct instance *instance = stopping->instance;
	struct process_id process = instance_process(instance);
	int r = process_wait(&process, clock_left_ms(&stopping->deadline));
	if (r == -ETIMEDOUT) {
		if (stopping->asked)
			warn("container %s goes on after %s, so it is killed", instance->name,
				instance->stop_signal);
		(void)process_signal(&process, SIGKILL);
	}
	r = wait_for_end(instance);
	if (r < 0)
		return r;
	instance_event(instance, "stop", NULL, 0);
	r = instance_reload(instance, arena);
	return r == -ENOENT ? 0 : r;
}

void instance_stop_all(struct instance *instances, size_t count, struct arena *arena,
	const char *signal, int64_t timeout_s,
	void (*done)(struct instance *instance, int r, void *context), void *context)
{
	struct stopping *all = arena_new(arena, struct stopping, count);
	for (size_t i = 0; i < count; i++) {
		all[i].instance = &instances[i];
		all[i].r = begin(&all[i], arena, signal, timeout_s);
		all[i].waits = all[i].r > 0;
		if (!all[i].waits)
			done(&instances[i], all[i].r, context);
	}
	for (size_t i = 0; i < count; i++)
		if (all[i].waits)
			done(&instances[i], finish(&all[i], arena), context);
}

static void keep_result(struct instance *instance, int r, void *context)
{
	(void)instance;
	*(int *)context = r;
}

int instance_stop(struct instance *instance, struct arena *arena, int64_t timeout_s)
{
	int r = 0;
	instance_stop_all(instance, 1, arena, NULL, timeout_s, keep_result, &r);
	return r;
}

/* ---- pause ---------------------------------------------------------------------------------- */

int instance_pause(struct instance *instance, struct arena *arena, bool paused)
{
	autoclose int lock = lock_and_read(instance, arena);
	if (lock < 0)
		return lock == -ENOENT ? refuse(lock, "container %s was removed", instance->name)
				       : lock;
	enum instance_status wanted = paused ? INSTANCE_RUNNING : INSTANCE_PAUSED;
	if (instance->state.status != wanted)
		return refuse(-EBUSY, "\"%s\" is not %s, can't %s: container state improper",
			instance->id, paused ? "running" : "paused", paused ? "pause" : "unpause");
	int r = container_pause(instance->record_root, instance->id, paused);
	if (r < 0)
		return r;
	instance->state.status = paused ? INSTANCE_PAUSED : INSTANCE_RUNNING;
	r = instance_write_state(instance);
	if (r < 0 && paused) { /* what is not known to be frozen shall not be */
		char story[ERROR_TEXT_MAX];
		(void)snprintf(story, sizeof(story), "%s", error_text());
		(void)!container_pause(instance->record_root, instance->id, false);
		r = error_adopt(r, story, "");
	}
	if (r == 0)
		instance_event(instance, paused ? "pause" : "unpause", NULL, 0);
	return r;
}
