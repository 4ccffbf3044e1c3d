// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A container's control groups: v2, v1, both at once (hybrid), by hand (cgroupfs)
 * or through systemd.
 *
 * Deciding and doing are apart: cgroup_locate() turns a plan into paths and has
 * no effect; the location is printed into the container's record before anything
 * is made, so that whatever is left after a kill -9 can be found and removed.
 */

#include "plan/plan.h"

#include <stdint.h>
#include <sys/types.h>

struct json;
struct text;

enum cgroup_manager {
	CGROUP_CGROUPFS, /* mkdir and write */
	CGROUP_SYSTEMD,  /* a transient scope, over D-Bus */
	CGROUP_DISABLED, /* stay where the caller is; limits are then an error */
	CGROUP_AUTO,     /* cgroupfs, or systemd for a user who may write nowhere; in no location */
};

/** One hierarchy the container is in. */
struct cgroup_place {
	const char *controllers; /* v1: "memory", "cpu,cpuacct", "name=systemd"; v2: "" */
	const char *mount_point; /* "/sys/fs/cgroup/memory" */
	const char *path;        /* below the mount point, begins with "/" */
};

struct hierarchies;

struct cgroup_location {
	enum cgroup_manager manager;
	struct cgroup_place *places;
	size_t place_count;
	int *directory_fds; /* of the places, as long as cgroup_create() keeps them; or NULL */
	const struct hierarchies *found; /* what cgroup_locate() looked at; NULL in a record */
	const char *slice, *scope;       /* systemd: unit names; NULL otherwise */
	bool user_manager;               /* systemd: ask the user's manager */
};

/**
 * Where the container @id of @plan belongs. cgroupsPath absolute: below each
 * hierarchy's root; relative or absent: below the caller's own cgroup where that is
 * delegated, else below the root; systemd: "slice:prefix:name". Paths are checked:
 * ".." and control characters are -EINVAL. Everything lives in @arena.
 */
[[nodiscard]] int cgroup_locate(const struct plan *plan, const char *id,
	enum cgroup_manager manager, struct arena *arena, struct cgroup_location *ret_location);

/**
 * Where process @pid is that somebody else has put into cgroups named after the container @id: the
 * places of *location become those, and only those whose path holds the id, so that no cgroup of
 * others is ever taken for the container's. Everything lives in @arena.
 */
[[nodiscard]] int cgroup_find_process(
	pid_t pid, const char *id, struct arena *arena, struct cgroup_location *location);

/** The same for a path that somebody may have made in some hierarchies. Tells no story. */
[[nodiscard]] int cgroup_find_path(
	const char *path, const char *id, struct arena *arena, struct cgroup_location *location);

/** The location as a JSON object, and back. */
void cgroup_location_write(const struct cgroup_location *location, struct text *out);
[[nodiscard]] int cgroup_location_read(
	const struct json *object, struct arena *arena, struct cgroup_location *ret_location);

/**
 * Makes the directories (cgroupfs; for systemd the scope comes with cgroup_enter) and keeps them
 * open for the steps that follow, until cgroup_close(). Removes what it made if it fails.
 */
[[nodiscard]] int cgroup_create(
	struct cgroup_location *location, const struct plan *plan, struct arena *arena);
void cgroup_close(struct cgroup_location *location);

/** A descriptor for CLONE_INTO_CGROUP, or -1 when there is no v2 place or systemd makes it later.
 */
[[nodiscard]] int cgroup_open_for_clone(const struct cgroup_location *location);

/**
 * Puts the process into all places (v2: unless @cloned_into). The first v1 write waits
 * for an RCU grace period (7-15 ms); call it while the process prepares itself.
 */
[[nodiscard]] int cgroup_enter(const struct cgroup_location *location, const struct plan *plan,
	pid_t pid, bool cloned_into);

/**
 * For a process that comes later (`exec`): the v2 cgroup for CLONE_INTO_CGROUP whoever
 * manages it, or -1.
 */
[[nodiscard]] int cgroup_open_for_join(const struct cgroup_location *location);

/**
 * Puts one more process into a running container's cgroups (v2: unless @cloned_into). @first, if
 * not 0: the container's first process, joined in its cgroup when the container has made cgroups
 * of its own and the one we made may hold no process any more.
 */
[[nodiscard]] int cgroup_join(
	const struct cgroup_location *location, pid_t first, pid_t pid, bool cloned_into);

/**
 * Writes the limits. Each that cannot be honoured is an error that names it, the file and
 * what to do; @update: only what is given is changed, the rest stays.
 */
[[nodiscard]] int cgroup_apply(const struct cgroup_location *location,
	const struct plan_resources *resources, bool update);

/** All process ids in the container's cgroups and those below them, in @arena. */
[[nodiscard]] int cgroup_pids(const struct cgroup_location *location, struct arena *arena,
	pid_t **ret_pids, size_t *ret_count);

/** Signals every process (v2 SIGKILL: cgroup.kill; otherwise a loop until none is missed). */
[[nodiscard]] int cgroup_signal_all(const struct cgroup_location *location, int signal_number);

/** Stops and continues all processes; waits until the kernel says so. */
[[nodiscard]] int cgroup_freeze(const struct cgroup_location *location, bool frozen);
/** 1 frozen, 0 not (or no freezer). Cheap: one small read. */
[[nodiscard]] int cgroup_is_frozen(const struct cgroup_location *location);

/** containerd's/runc's `events --stats` "data" object. */
[[nodiscard]] int cgroup_stats_write(const struct cgroup_location *location, struct text *out);

/**
 * Waits for the next out-of-memory kill. Returns a descriptor that polls readable when one may
 * have happened; cgroup_oom_count() then tells how many there were so far.
 */
[[nodiscard]] int cgroup_oom_watch(const struct cgroup_location *location);
[[nodiscard]] int cgroup_oom_count(const struct cgroup_location *location, uint64_t *ret_count);
/**
 * After @watch_fd became readable: takes the event and counts. v1 tells of a kill before it has
 * counted it; there up to a second is waited for a count other than @before.
 */
[[nodiscard]] int cgroup_oom_news(
	const struct cgroup_location *location, int watch_fd, uint64_t before, uint64_t *ret_count);

/** True where the cgroup is removed by others as soon as its last process has ended. */
bool cgroup_is_fleeting(const struct cgroup_location *location);

/** memory.events of v2, which polls EPOLLPRI when a count in it has grown. Tells no story. */
[[nodiscard]] int cgroup_open_memory_events(const struct cgroup_location *location);

/** Kills what is left, removes the directories and what was made below them, stops the scope. */
[[nodiscard]] int cgroup_destroy(const struct cgroup_location *location);

/**
 * A cgroup @name below the container's, made if it is not there; it goes with the container. Paths
 * live in @arena.
 */
[[nodiscard]] int cgroup_below(const struct cgroup_location *location, const char *name,
	struct arena *arena, struct cgroup_location *ret_below);

/**
 * The location with the v1 places added that these resources need and the container is not in yet;
 * they are made and its processes moved there. Without such need: the same location.
 */
[[nodiscard]] int cgroup_extend(const struct cgroup_location *location,
	const struct plan_resources *resources, struct arena *arena,
	struct cgroup_location *ret_wider);

/**
 * The same for the v1 freezer, which nobody needs before the first pause. Where v2 is mounted,
 * or no freezer: the same location.
 */
[[nodiscard]] int cgroup_extend_by_freezer(const struct cgroup_location *location,
	struct arena *arena, struct cgroup_location *ret_wider);
