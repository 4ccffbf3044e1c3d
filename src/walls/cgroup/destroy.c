// SPDX-License-Identifier: Apache-2.0

/*
 * The end: whoever is left is killed, the cgroups are removed, the unit is stopped.
 *
 * The usual case costs three system calls a place: the container has ended and
 * rmdir works at once. EBUSY means processes (then they are killed), cgroups
 * below (then they are removed, deepest first), or processes that are dying:
 * for those v2 tells by poll(2) on cgroup.events, v1 has to be asked again, with growing pauses.
 *
 * What is gone already is success, so that destroy can be repeated after a crash.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

#define DESTROY_TIMEOUT_MS 10000

/* By name, in one step: the path has no ".." (cgroup_path_check()), and cgroupfs has no links. */
static int remove_place(const struct cgroup_place *place)
{
	char name[PATH_MAX];
	int length = snprintf(name, sizeof(name), "%s%s", place->mount_point, place->path);
	if (place->path[1] == '\0' || length < 0 || (size_t)length >= sizeof(name))
		return -EINVAL; /* never a whole hierarchy */
	if (rmdir(name) == 0 || errno == ENOENT)
		return 0;
	int r = -errno;
	/* A read-only mount says EROFS even of what is not there. */
	struct cgroup_directory directory;
	if (r == -EROFS && cgroup_directory_open(place, &directory) == -ENOENT)
		return 0;
	return r;
}

/* Tries a place until it is gone; the kernel may need moments to bury the last process. */
static int remove_stubborn(const struct cgroup_place *place)
{
	unsigned waited_ms = 0;
	for (unsigned pause_ms = 1;; pause_ms = pause_ms < 128 ? pause_ms * 2 : 128) {
		struct cgroup_directory directory;
		int r = cgroup_directory_open(place, &directory);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return fail(r, "open cgroup %s%s", place->mount_point, place->path);
		if (place_is_v2(place) && cgroup_wait_event(&directory, "populated", 0,
						  DESTROY_TIMEOUT_MS) == -ETIMEDOUT)
			waited_ms = DESTROY_TIMEOUT_MS;
		r = cgroup_remove_below(directory.fd);
		cgroup_directory_fini(&directory);
		if (r == 0)
			r = remove_place(place);
		if (r == 0) {
			error_clear();
			return 0;
		}
		if (r != -EBUSY || waited_ms >= DESTROY_TIMEOUT_MS)
			return fail(r, "remove cgroup %s%s", place->mount_point, place->path);
		sleep_ms(pause_ms);
		waited_ms += pause_ms;
	}
}

static int kill_rest(const struct cgroup_location *location)
{
	int r = cgroup_signal_all(location, SIGKILL);
	/* A frozen v1 or v2 process dies only when thawed (v2: since cgroup.kill it need not). */
	if (r == 0 && cgroup_is_frozen(location) > 0)
		r = cgroup_freeze(location, false);
	return r;
}

int cgroup_destroy(const struct cgroup_location *location)
{
	int r = 0;
	bool killed = false;
	for (size_t i = 0; i < location->place_count; i++) {
		const struct cgroup_place *place = &location->places[i];
		int removed = remove_place(place);
		if (removed == -EBUSY && !killed) {
			killed = true;
			removed = kill_rest(location);
			if (removed == 0)
				removed = -EBUSY;
		}
		if (removed == -EBUSY)
			removed = remove_stubborn(place);
		else if (removed < 0)
			removed = fail(
				removed, "remove cgroup %s%s", place->mount_point, place->path);
		r = r < 0 ? r : removed;
	}
	if (location->manager != CGROUP_SYSTEMD)
		return r;
	autofini(arena_fini) struct arena first = {};
	const char *text = arena_strdup(&first, error_text());
	const char *advice = arena_strdup(&first, error_hint());
	int stopped = cgroup_systemd_stop(location);
	return r < 0 ? error_adopt(r, text, advice) : stopped;
}
