// SPDX-License-Identifier: Apache-2.0

/*
 * Out-of-memory kills.
 *
 * v2: memory.events changes when one happens, and inotify(7) tells (cgroup-v2.rst). Other
 * counters change the same file, so a wake-up is a reason to count, not a kill.
 * v1: an eventfd registered in cgroup.event_control (cgroup-v1/memory.rst); it
 * also fires when the cgroup is removed. It fires before the kernel has chosen and counted
 * its victim (mem_cgroup_oom()), so whoever looks at once sees the old count.
 *
 * Both count kills in "oom_kill"; in v2 with the cgroups below, in v1 (since 4.13) without,
 * so they are added up here.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#define LATE_COUNT_MS 1000

static int open_memory(const struct cgroup_location *location, struct cgroup_directory *ret)
{
	const struct cgroup_place *place = cgroup_v1_place(location, CONTROLLER_MEMORY);
	if (!place)
		place = cgroup_v2_place(location);
	if (!place)
		return refuse(-EOPNOTSUPP, "this container has no cgroup that counts its memory");
	int r = cgroup_directory_open(place, ret);
	return r < 0 ? fail(r, "open cgroup %s%s", place->mount_point, place->path) : 0;
}

static int watch_v1(const struct cgroup_directory *directory)
{
	autoclose int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	autoclose int control = openat(directory->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (event < 0 || control < 0)
		return fail(-errno, "open memory.oom_control");
	char text[32];
	snprintf(text, sizeof(text), "%d %d", event, control);
	int r = fs_write_existing(directory->fd, "cgroup.event_control", text);
	return r < 0 ? fail(r, "write cgroup.event_control") : take_fd(event);
}

static int watch_v2(const struct cgroup_directory *directory)
{
	autoclose int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0)
		return fail(-errno, "watch memory.events");
	char path[64];
	snprintf(path, sizeof(path), "%s/memory.events", fd_path(directory->fd).text);
	if (inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return fail(-errno, "watch memory.events of %s%s", directory->place->mount_point,
			directory->place->path);
	return take_fd(watch);
}

int cgroup_oom_watch(const struct cgroup_location *location)
{
	struct cgroup_directory directory;
	int r = open_memory(location, &directory);
	if (r < 0)
		return r;
	int fd = place_is_v2(directory.place) ? watch_v2(&directory) : watch_v1(&directory);
	cgroup_directory_fini(&directory);
	return fd;
}

static int add_v1_count(int dir_fd, void *context)
{
	struct cgroup_directory directory = {dir_fd, NULL};
	uint64_t count;
	if (cgroup_read_key(&directory, "memory.oom_control", "oom_kill", &count) == 0)
		*(uint64_t *)context += count;
	return 0;
}

int cgroup_oom_count(const struct cgroup_location *location, uint64_t *ret_count)
{
	struct cgroup_directory directory;
	int r = open_memory(location, &directory);
	if (r < 0)
		return r;
	uint64_t count = 0;
	if (!place_is_v2(directory.place))
		r = cgroup_walk(directory.fd, add_v1_count, &count);
	else
		r = cgroup_read_key(&directory, "memory.events", "oom_kill", &count);
	if (r == -ENOENT)
		r = fail(r, "%s%s does not count out-of-memory kills", directory.place->mount_point,
			directory.place->path);
	cgroup_directory_fini(&directory);
	if (r == 0)
		*ret_count = count;
	return r;
}

int cgroup_oom_news(
	const struct cgroup_location *location, int watch_fd, uint64_t before, uint64_t *ret_count)
{
	char ignored[4096];
	if (read(watch_fd, ignored, sizeof(ignored)) < 0 && errno != EAGAIN && errno != EINTR)
		return fail(-errno, "watch for out-of-memory kills");
	uint64_t count = before;
	bool late = cgroup_v1_place(location, CONTROLLER_MEMORY) != NULL;
	struct clock_deadline deadline = clock_deadline_in(LATE_COUNT_MS);
	for (unsigned pause_ms = 1;; pause_ms = pause_ms < 32 ? pause_ms * 2 : 32) {
		int r = cgroup_oom_count(location, &count);
		if (r < 0)
			return r;
		if (count != before || !late || clock_left_ms(&deadline) == 0)
			break;
		sleep_ms(pause_ms);
	}
	*ret_count = count;
	return 0;
}

bool cgroup_is_fleeting(const struct cgroup_location *location)
{
	return cgroup_is_scope(location);
}

int cgroup_open_memory_events(const struct cgroup_location *location)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	struct cgroup_directory directory;
	int r = place ? cgroup_directory_open(place, &directory) : -ENOENT;
	if (r < 0)
		return r;
	int fd = openat(directory.fd, "memory.events", O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : fd;
	cgroup_directory_fini(&directory);
	return r;
}
