// SPDX-License-Identifier: Apache-2.0

/*
 * Stopping all processes at once, and knowing that they have stopped.
 *
 * v2: cgroup.freeze takes the wish; cgroup.events tells "frozen 1" when the last
 * process has obeyed, and poll(2) wakes us. A process in an uninterruptible wait
 * obeys when that ends, hence the bound.
 *
 * v1: freezer.state may stay FREEZING for as long as a process forks, and helps
 * nothing but writing FROZEN again; after the bound everything is thawed, as a
 * half-frozen container is the worst of the three.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#define FREEZE_TIMEOUT_MS 10000

int cgroup_wait_event(
	const struct cgroup_directory *directory, const char *key, uint64_t value, int timeout_ms)
{
	autoclose int fd = openat(directory->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct clock_deadline deadline = clock_deadline_in(timeout_ms);
	for (;;) {
		/* Reading arms the next POLLPRI; what changed before it is in what is read. */
		char text[128];
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		char wanted[48];
		snprintf(wanted, sizeof(wanted), "%s %llu\n", key, (unsigned long long)value);
		const char *found = strstr(text, wanted);
		if (found && (found == text || found[-1] == '\n'))
			return 0;
		int left_ms = clock_left_ms(&deadline);
		if (left_ms == 0)
			return -ETIMEDOUT;
		struct pollfd change = {fd, POLLPRI, 0};
		if (poll(&change, 1, left_ms) < 0 && errno != EINTR)
			return -errno;
	}
}

static int freeze_v2(const struct cgroup_directory *directory, bool frozen)
{
	int r = cgroup_write(directory, frozen ? "pause" : "resume", "cgroup.freeze", "%d", frozen);
	if (r < 0)
		return r;
	r = cgroup_wait_event(directory, "frozen", frozen, FREEZE_TIMEOUT_MS);
	if (r == -ENOENT || r == -ENODEV) /* the container ended meanwhile */
		return 0;
	if (r == 0)
		return 0;
	if (frozen)
		(void)fs_write_existing(directory->fd, "cgroup.freeze", "0");
	return fail(r, "%s cgroup %s%s", frozen ? "freeze" : "thaw", directory->place->mount_point,
		directory->place->path);
}

static bool state_is(const struct cgroup_directory *directory, const char *wanted)
{
	autofree char *state = NULL;
	return fs_read(directory->fd, "freezer.state", 64, &state, NULL) == 0 &&
	       text_starts(state, wanted) && state[strlen(wanted)] == '\n';
}

static int freeze_v1(const struct cgroup_directory *directory, bool frozen)
{
	const char *wish = frozen ? "FROZEN" : "THAWED";
	struct clock_deadline deadline = clock_deadline_in(FREEZE_TIMEOUT_MS);
	for (unsigned pause_ms = 0;; pause_ms = pause_ms < 16 ? pause_ms * 2 + 1 : 16) {
		int r = cgroup_write(
			directory, frozen ? "pause" : "resume", "freezer.state", "%s", wish);
		if (r < 0)
			return r;
		if (state_is(directory, wish))
			return 0;
		if (clock_left_ms(&deadline) == 0)
			break;
		sleep_ms(pause_ms);
	}
	if (frozen)
		(void)fs_write_existing(directory->fd, "freezer.state", "THAWED");
	return fail(-ETIMEDOUT, "%s cgroup %s%s", frozen ? "freeze" : "thaw",
		directory->place->mount_point, directory->place->path);
}

static const struct cgroup_place *freezer_place(const struct cgroup_location *location)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	return place ? place : cgroup_v1_place(location, CONTROLLER_FREEZER);
}

int cgroup_freeze(const struct cgroup_location *location, bool frozen)
{
	const struct cgroup_place *place = freezer_place(location);
	if (!place) {
		int r = refuse(-EOPNOTSUPP, "%s: this container is in no cgroup that can be frozen",
			frozen ? "pause" : "resume");
		hint("for ordinary users: --systemd-cgroup, or a delegated cgroup");
		return r;
	}
	struct cgroup_directory directory;
	int r = cgroup_directory_open(place, &directory);
	if (r < 0)
		return fail(r, "open cgroup %s%s", place->mount_point, place->path);
	r = place_is_v2(place) ? freeze_v2(&directory, frozen) : freeze_v1(&directory, frozen);
	cgroup_directory_fini(&directory);
	return r;
}

int cgroup_is_frozen(const struct cgroup_location *location)
{
	const struct cgroup_place *place = freezer_place(location);
	struct cgroup_directory directory;
	if (!place)
		return 0;
	int r = cgroup_directory_open(place, &directory);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(r, "open cgroup %s%s", place->mount_point, place->path);
	uint64_t wish = 0;
	bool frozen = place_is_v2(place)
			      ? cgroup_read_u64(&directory, "cgroup.freeze", &wish) == 0 && wish
			      : state_is(&directory, "FROZEN");
	cgroup_directory_fini(&directory);
	return frozen;
}
