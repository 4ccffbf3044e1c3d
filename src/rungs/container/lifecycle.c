// SPDX-License-Identifier: Apache-2.0

/*
 * What happens to a container after it was made: start, signals, pause, removal. Each command is a
 * process of its own and knows nothing but the record; so each looks first what is true.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/container/channel.h"
#include "rungs/container/container.h"
#include "rungs/container/hooks.h"
#include "rungs/foreign/foreign.h"
#include "walls/intel_rdt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>

/** How long a killed container may take to be gone: the kernel frees what it held. */
#define DEATH_TIMEOUT_MS 10000

/** How long a creation or a start is waited for before it counts as stuck (in a hook, say). */
#define TURN_TIMEOUT_MS 10000

/*
 * The lock that create holds until its container is made, and start and delete while they work.
 * By a description of its own, as container_status() tries the one of the record. -ETIMEDOUT
 * without a story.
 */
static int take_turn(const struct container_record *record, bool *ret_waited)
{
	*ret_waited = false;
	autoclose int fd = openat(record->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) /* removed by whoever had the turn before us */
		return errno == ENOENT ? -ENOENT : fail(-errno, "lock container %s", record->id);
	struct clock_deadline deadline = clock_deadline_in(TURN_TIMEOUT_MS);
	for (int pause_ms = 1; flock(fd, LOCK_EX | LOCK_NB) < 0; pause_ms += pause_ms < 16) {
		if (errno != EWOULDBLOCK)
			return fail(-errno, "lock container %s", record->id);
		if (clock_left_ms(&deadline) == 0)
			return -ETIMEDOUT;
		*ret_waited = true;
		(void)poll(NULL, 0, pause_ms);
	}
	struct stat about;
	if (fstat(fd, &about) == 0 && about.st_nlink == 0)
		return -ENOENT;
	return take_fd(fd);
}

/* ---- start ----------------------------------------------------------------------- */

static int wrong_status(const struct container_record *record, enum container_status status)
{
	return refuse(-EBUSY, "cannot start container %s: it is %s", record->id,
		status == CONTAINER_STOPPED ? "stopped" : container_status_name(status));
}

static int say_go(const struct container_record *record)
{
	/* The new name says that the word may have been given, should we be killed after it. */
	int directory = record->directory_fd;
	if (renameat(directory, "start.sock", directory, "start.going") < 0 && errno != ENOENT)
		return fail(-errno, "start container %s", record->id);
	autoclose int fd = container_connect_to_start(record);
	if (fd < 0) {
		(void)unlinkat(directory, "start.going", 0);
		return wrong_status(record, container_status(record));
	}
	if (send(fd, "g", 1, MSG_NOSIGNAL) != 1)
		return fail(-errno, "start container %s", record->id);
	(void)unlinkat(directory, "start.going", 0);
	return channel_wait_program(fd);
}

int container_start(const char *state_root, const char *id)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(state_root, id, &record);
	if (r < 0)
		return r;
	/* One start at a time: the first process listens to one only, the others would not know. */
	bool waited;
	autoclose int turn = take_turn(&record, &waited);
	if (turn < 0)
		return refuse(turn,
			turn == -ENOENT ? "container \"%s\" does not exist"
					: "another command is busy with container %s",
			id);
	/* With the lock ours, whoever began a start and did not end it is dead. */
	(void)renameat(record.directory_fd, "start.going", record.directory_fd, "start.sock");
	enum container_status status = container_status(&record);
	if (status != CONTAINER_CREATED)
		return wrong_status(&record, status);
	if (record.runtime)
		return foreign_start(&record);
	r = say_go(&record);
	if (r < 0)
		return r;
	step("program runs");
	close_now(turn);

	if (!record.after_start)
		return 0;
	autofini(plan_fini) struct plan plan = {};
	r = container_load_plan(&record, &plan);
	if (r < 0)
		return r;
	autofini(text_fini) struct text state = {};
	container_state_write(&record, CONTAINER_RUNNING, record.init.pid, true, &state);
	hooks_run_all(&plan.hooks, PLAN_HOOK_POSTSTART, text_get(&state));
	return 0;
}

/* ---- signals --------------------------------------------------------------------------- */

/*
 * In somebody else's pid namespace the others outlive their first process, so a SIGKILL means all
 * of them (runc 2.x does the same).
 */
static bool shares_pids(const struct container_record *record)
{
	return !(record->namespaces & 1u << PLAN_NS_PID);
}

int container_kill(const char *state_root, const char *id, int signal_number, bool all)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(state_root, id, &record);
	if (r < 0)
		return r;
	enum container_status status = container_status(&record);
	bool alive = status != CONTAINER_STOPPED && status != CONTAINER_CREATING;
	if (record.runtime && alive)
		return foreign_kill(&record, signal_number, all);
	if (all ||
		(signal_number == SIGKILL && shares_pids(&record) && status != CONTAINER_STOPPED)) {
		r = cgroup_signal_all(&record.cgroup, signal_number);
		return r < 0 ? wrap(r, "kill container %s", id) : 0;
	}
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
		return refuse(-ESRCH, "container not running: %s is %s", id,
			container_status_name(status));
	r = process_signal(&record.init, signal_number);
	if (r == -ESRCH)
		return refuse(r, "container not running: %s is stopped", id);
	if (r < 0)
		return fail(r, "send signal %d to container %s", signal_number, id);
	/* A frozen v1 group takes a SIGKILL only when it thaws. */
	if (signal_number == SIGKILL && status == CONTAINER_PAUSED)
		return cgroup_freeze(&record.cgroup, false);
	return 0;
}

int container_pause(const char *state_root, const char *id, bool paused)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(state_root, id, &record);
	if (r < 0)
		return r;
	enum container_status status = container_status(&record);
	if (paused && status != CONTAINER_RUNNING && status != CONTAINER_CREATED)
		return refuse(-EBUSY, "cannot pause container %s: it is %s", id,
			container_status_name(status));
	if (!paused && status != CONTAINER_PAUSED)
		return refuse(-EBUSY, "cannot resume container %s: it is %s", id,
			container_status_name(status));
	if (record.runtime)
		return foreign_pause(&record, paused);
	r = paused ? container_join_freezer(&record) : 0;
	if (r == 0)
		r = cgroup_freeze(&record.cgroup, paused);
	return r < 0 ? wrap(r, "%s container %s", paused ? "pause" : "resume", id) : 0;
}

/* ---- removal ------------------------------------------------------------------------------ */

static int end_processes(const struct container_record *record, enum container_status status)
{
	if (status == CONTAINER_PAUSED) {
		int r = cgroup_freeze(&record->cgroup, false);
		if (r < 0)
			return r;
	}
	if (record->init.pid == 0 || status == CONTAINER_STOPPED)
		return 0;
	int r = process_signal(&record->init, SIGKILL);
	if (r == 0)
		r = process_wait(&record->init, DEATH_TIMEOUT_MS);
	if (r == -ETIMEDOUT)
		return refuse(r, "process %d of container %s does not die", (int)record->init.pid,
			record->id);
	return r < 0 && r != -ESRCH ? fail(r, "kill container %s", record->id) : 0;
}

static void run_poststop(const struct container_record *record)
{
	if (!record->after_end)
		return;
	autofini(plan_fini) struct plan plan = {};
	if (container_load_plan(record, &plan) < 0) {
		error_clear(); /* a creation that was cut short has no configuration yet */
		return;
	}
	intel_rdt_remove(&plan.intel_rdt, record->id);
	if (plan.hooks.count[PLAN_HOOK_POSTSTOP] == 0)
		return;
	autofini(text_fini) struct text state = {};
	container_state_write(record, CONTAINER_STOPPED, 0, true, &state);
	hooks_run_all(&plan.hooks, PLAN_HOOK_POSTSTOP, text_get(&state));
}

int container_delete(const char *state_root, const char *id, bool force)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(state_root, id, &record);
	if (r == -ENOENT && force) {
		error_clear(); /* containerd deletes twice */
		return 0;
	}
	if (r < 0)
		return r;
	/* What is being created has to be there before it can be removed wholly. */
	bool waited;
	autoclose int turn = take_turn(&record, &waited);
	if (turn == -ENOENT) {
		container_record_fini(&record);
		record = (struct container_record){.directory_fd = -1};
		return container_delete(state_root, id, force);
	}
	if (turn < 0 && turn != -ETIMEDOUT)
		return turn;
	/* Since we read it, it may have got processes and cgroups. */
	if (turn >= 0 && (waited || record.init.pid == 0)) {
		container_record_fini(&record);
		record = (struct container_record){.directory_fd = -1};
		r = container_load(state_root, id, &record);
		if (r < 0)
			return r;
	}
	enum container_status status = container_status(&record);
	if (!force && status != CONTAINER_STOPPED && status != CONTAINER_CREATED) {
		r = refuse(-EBUSY, "cannot delete container %s: it is %s", id,
			container_status_name(status));
		hint("stop it first, or give --force");
		return r;
	}
	if (record.runtime)
		foreign_delete(&record);
	r = end_processes(&record, status);
	step("processes ended");
	if (r == 0)
		r = cgroup_destroy(&record.cgroup);
	step("cgroups removed");
	if (r < 0)
		return wrap(r, "delete container %s", id);
	run_poststop(&record);
	return container_record_remove(state_root, id);
}

/* ---- its end ----------------------------------------------------------------------- */

uint64_t container_oom_kills(const char *state_root, const char *id)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	uint64_t count = 0;
	int r = container_load(state_root, id, &record);
	if (r == 0)
		r = cgroup_oom_count(&record.cgroup, &count);
	if (r < 0)
		error_clear();
	return r < 0 ? 0 : count;
}

int container_open_memory_events(const char *state_root, const char *id)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int fd = -1;
	if (container_load(state_root, id, &record) == 0 && cgroup_is_fleeting(&record.cgroup))
		fd = cgroup_open_memory_events(&record.cgroup);
	error_clear();
	return fd < 0 ? -1 : fd;
}
