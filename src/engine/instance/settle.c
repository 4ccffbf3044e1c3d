// SPDX-License-Identifier: Apache-2.0

/*
 * What is true. A state file says what its writer saw; whoever reads it asks the kernel whether the
 * first process still lives. If not, there are two cases. Its monitor lives: it is writing down the
 * end at this moment, or carrying the last bytes to a slow client. Or nobody is there any more, and
 * then the reader deals with the end himself, as the monitor would have.
 *
 * The exit status is in the file "exit" if the monitor came to reap the process. If it was killed
 * before, the kernel killed the container with it (PR_SET_PDEATHSIG): 137.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "rungs/container/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

enum { LOOKS = 8, YOUNG_S = 2, DYING_MS = 300 };

struct process_id instance_process(const struct instance *instance)
{
	return (struct process_id){instance->state.pid, instance->state.pid_start};
}

struct process_id instance_monitor(const struct instance *instance)
{
	return (struct process_id){instance->state.monitor_pid, instance->state.monitor_start};
}

static bool process_lives(const struct instance *instance)
{
	struct process_id id = instance_process(instance);
	return id.pid > 0 && process_alive(&id);
}

static bool monitor_lives(const struct instance *instance)
{
	struct process_id id = instance_monitor(instance);
	return id.pid > 0 && process_alive(&id);
}

static bool is_true(const struct instance *instance)
{
	if (instance_is_alive(instance))
		return process_lives(instance);
	if (instance->state.status == INSTANCE_RESTARTING)
		return monitor_lives(instance);
	return instance->state.status != INSTANCE_REMOVING;
}

/* Also when it was: that may be long ago. */
static int read_exit(const struct instance *instance, struct arena *arena, const char **ret_time)
{
	autofree char *bytes = NULL;
	autoclose int fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int status;
	char moment[48] = "";
	if (fd < 0 || fs_read(fd, "exit", 128, &bytes, NULL) < 0 ||
		sscanf(bytes, "%d %47s", &status, moment) < 1)
		return 128 + SIGKILL;
	*ret_time = *moment ? arena_strdup(arena, moment) : NULL;
	return status;
}

/* The lock is ours, and nobody else has dealt with it meanwhile. */
static int deal_with_end(struct instance *instance, struct arena *arena)
{
	step("settling container %s", instance->name);
	/* Whether the killed `rm` had --volumes is not known: no data goes that was not given up.
	 */
	if (instance->state.status == INSTANCE_REMOVING)
		return instance_erase(instance, arena, instance->remove);
	if (instance->state.status == INSTANCE_RESTARTING) {
		instance->state.status = INSTANCE_EXITED;
		instance->state.monitor_pid = 0;
		return instance_write_state(instance);
	}
	const char *when = NULL;
	int status = read_exit(instance, arena, &when);
	int r = instance_record_end(instance, arena, status, when);
	if (instance->remove && (r == 0 || instance_is_unwritable(r)))
		r = instance_erase(instance, arena, true);
	return r;
}

static int lock_now(const struct instance *instance)
{
	autoclose int fd =
		open(instance->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return take_fd(fd);
}

int instance_settle_locked(struct instance *instance, struct arena *arena)
{
	if (is_true(instance))
		return 0;
	/* Its monitor waits for our lock; and who calls us decides what is left for it to do. */
	if (instance->state.status != INSTANCE_REMOVING && monitor_lives(instance))
		return 0;
	int r = deal_with_end(instance, arena);
	if (instance_is_unwritable(r)) {
		/* What is true is in our hands, and the next command finds it out again. */
		error_clear();
		return 0;
	}
	return r < 0 ? r : instance_read(instance->id, arena, instance);
}

int instance_settle(struct instance *instance, struct arena *arena, int patience_ms)
{
	if (is_true(instance))
		return 0;
	if (instance->state.status != INSTANCE_REMOVING && monitor_lives(instance)) {
		struct process_id monitor = instance_monitor(instance);
		if (patience_ms > 0 && process_wait(&monitor, patience_ms) == 0) {
			int r = instance_read(instance->id, arena, instance);
			return r < 0 ? r : instance_settle(instance, arena, 0);
		}
		/* A restart may have been quicker than we looked. */
		int r = instance_read(instance->id, arena, instance);
		if (r == 0 && instance_is_alive(instance) && !process_lives(instance))
			instance->state.status = INSTANCE_STOPPING;
		return r;
	}
	autoclose int lock = lock_now(instance);
	if (lock == -ENOENT)
		return -ENOENT;
	if (lock < 0) /* somebody is at it */
		return 0;
	int r = instance_read(instance->id, arena, instance);
	return r < 0 ? r : instance_settle_locked(instance, arena);
}

bool instance_ends_soon(struct instance *instance, struct arena *arena)
{
	struct process_id process = instance_process(instance);
	if (process_wait(&process, DYING_MS) < 0)
		return false;
	int r = instance_reload(instance, arena);
	error_clear();
	return r == 0 && !instance_is_alive(instance);
}

/* ---- what is left of nothing ---------------------------------------------------------- */

static struct strings some_names(const char *directory, struct arena *arena)
{
	struct strings names = {};
	size_t room = 0;
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	while (stream && (entry = readdir(stream))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		if (names.count == room) {
			const char **more = arena_new(arena, const char *, room = 2 * room + 32);
			if (names.count)
				memcpy(more, names.items, names.count * sizeof(*more));
			names.items = more;
		}
		names.items[names.count++] = arena_strdup(arena, entry->d_name);
	}
	if (stream)
		closedir(stream);
	return names;
}

/* Nobody has locked it, and it is too old to be locked in a moment (@may_be_young: it was). */
static bool is_ownerless(const char *path, bool may_be_young)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat about;
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &about) == 0 &&
	       (may_be_young || time(NULL) - about.st_mtime >= YOUNG_S);
}

void instance_sweep_one(const char *name, struct arena *arena)
{
	struct instance instance = {.id = name, .name = name};
	instance_place(&instance, arena);
	if (instance_is_id(name)) {
		int r = instance_read(name, arena, &instance);
		if (r == 0)
			r = instance_settle(&instance, arena, 0);
		if (r != -ENOENT)
			return;
	}
	bool removed = name[0] == '.'; /* which only the holder of its lock can have done */
	if (is_ownerless(instance.directory, removed) &&
		instance_erase(&instance, arena, false) < 0)
		warn("remains of %s: %s", name, error_text());
}

/* A rung's record whose instance is not there; those of `rung oci` lie elsewhere. */
static void look_at_record(const char *name, struct arena *arena)
{
	struct instance instance = {.id = name, .name = name};
	instance_place(&instance, arena);
	if (!instance_is_id(name) || access(instance.directory, F_OK) == 0 ||
		!is_ownerless(arena_format(arena, "%s/%s", instance.record_root, name), false))
		return;
	/* With another --root, somebody else's may lie here. */
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	if (container_load(instance.record_root, name, &record) < 0 ||
		(!text_empty(record.bundle) && !text_equal(record.bundle, instance.directory)))
		return;
	step("sweeping the record of %s", name);
	if (container_delete(instance.record_root, name, true) < 0)
		warn("remains of %s: %s", name, error_text());
}

void instance_sweep(void)
{
	autofini(arena_fini) struct arena arena = {};
	int64_t now = clock_monotonic_ms();
	for (int kind = 0; kind < 2; kind++) {
		const char *place =
			kind ? places_state("containers", &arena) : instance_containers(&arena);
		struct strings names = some_names(place, &arena);
		for (size_t i = 0; i < names.count && i < LOOKS; i++) {
			const char *name = names.items[((size_t)now + i) % names.count];
			if (kind)
				look_at_record(name, &arena);
			else
				instance_sweep_one(name, &arena);
			error_clear();
		}
	}
}
