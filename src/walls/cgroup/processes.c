// SPDX-License-Identifier: Apache-2.0

/*
 * Who is in the container, and signals to all of them.
 *
 * One place is asked, the v2 one if there is one: a process is in all places or, within
 * the moment of its start, in none. The cgroups below are asked too: an init
 * system inside makes its own.
 *
 * SIGKILL: cgroup.kill (Linux 5.14) is one write and misses nobody, not even who
 * forks meanwhile. Without it the cgroup is frozen, all are signalled, and it is
 * thawed, which is when a frozen v1 process can die. Other signals go
 * to everybody once, in passes until a pass meets nobody new.
 *
 * Between reading an id and signalling it the process may have ended and its
 * number may belong to somebody else; a pidfd does not help, as it would be
 * opened from the same number. Numbers are given out in a ring of at least 32768,
 * so this takes a machine that starts a whole ring within microseconds.
 */

#include "base/error.h"
#include "base/fs.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#define PROCS_LIMIT (64UL * 1024 * 1024)
#define PASSES_MAX 1000

void pid_list_fini(struct pid_list *list)
{
	free(list->items);
	*list = (struct pid_list){};
}

static void pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 64;
		list->items = realloc(list->items, list->room * sizeof(*list->items));
		if (!list->items)
			memory_exhausted();
	}
	list->items[list->count++] = pid;
}

static int compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
	return (left > right) - (left < right);
}

void pid_list_sort(struct pid_list *list)
{
	if (list->count == 0)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare);
	size_t kept = 1;
	for (size_t i = 1; i < list->count; i++)
		if (list->items[i] != list->items[kept - 1])
			list->items[kept++] = list->items[i];
	list->count = kept;
}

bool pid_list_holds(const struct pid_list *sorted, pid_t pid)
{
	return sorted->count > 0 &&
	       bsearch(&pid, sorted->items, sorted->count, sizeof(*sorted->items), compare) != NULL;
}

static int add_pids(int dir_fd, void *context)
{
	autofree char *text = NULL;
	int r = fs_read(dir_fd, "cgroup.procs", PROCS_LIMIT, &text, NULL);
	if (r == -EOPNOTSUPP) { /* threaded: its processes are listed by the domain above it */
		return 0;
	}
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return fail(r, "read cgroup.procs");
	for (char *at = text; *at;) {
		pid_t pid = (pid_t)strtol(at, &at, 10);
		if (pid > 0) /* 0: a process outside of our PID namespace */
			pid_list_add(context, pid);
		at += *at == '\n';
	}
	return 0;
}

int cgroup_place_pids(const struct cgroup_place *place, struct pid_list *pids)
{
	struct cgroup_directory directory;
	int r = cgroup_directory_open(place, &directory);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(r, "open cgroup %s%s", place->mount_point, place->path);
	r = cgroup_walk(directory.fd, add_pids, pids);
	cgroup_directory_fini(&directory);
	return r;
}

const struct cgroup_place *cgroup_main_place(const struct cgroup_location *location)
{
	static const enum cgroup_controller by_preference[] = {
		CONTROLLER_FREEZER, CONTROLLER_PIDS, CONTROLLER_MEMORY};
	const struct cgroup_place *place = cgroup_v2_place(location);
	for (size_t i = 0; !place && i < array_length(by_preference); i++)
		place = cgroup_v1_place(location, by_preference[i]);
	return place || location->place_count == 0 ? place : &location->places[0];
}

int cgroup_pids(const struct cgroup_location *location, struct arena *arena, pid_t **ret_pids,
	size_t *ret_count)
{
	autofini(pid_list_fini) struct pid_list pids = {};
	const struct cgroup_place *place = cgroup_main_place(location);
	int r = place ? cgroup_place_pids(place, &pids) : 0;
	if (r < 0)
		return r;
	pid_list_sort(&pids);
	*ret_pids = arena_new(arena, pid_t, pids.count + 1);
	if (pids.count > 0)
		memcpy(*ret_pids, pids.items, pids.count * sizeof(pid_t));
	*ret_count = pids.count;
	return 0;
}

/* One pass: signals who is there and not in @done. Returns how many were new. */
static int signal_pass(const struct cgroup_place *place, int signal_number, struct pid_list *done)
{
	autofini(pid_list_fini) struct pid_list present = {};
	int r = cgroup_place_pids(place, &present);
	if (r < 0)
		return r;
	pid_list_sort(&present);
	int fresh = 0;
	for (size_t i = 0; i < present.count; i++) {
		if (pid_list_holds(done, present.items[i]))
			continue;
		if (kill(present.items[i], signal_number) < 0 && errno != ESRCH)
			return fail(-errno, "signal process %d", (int)present.items[i]);
		fresh++;
	}
	for (size_t i = 0; i < present.count; i++)
		pid_list_add(done, present.items[i]);
	pid_list_sort(done);
	return fresh;
}

static int signal_each(const struct cgroup_place *place, int signal_number)
{
	autofini(pid_list_fini) struct pid_list done = {};
	int fresh = 1;
	for (int pass = 0; fresh > 0 && pass < PASSES_MAX; pass++)
		fresh = signal_pass(place, signal_number, &done);
	return fresh < 0 ? fresh : 0;
}

/* v1: freeze, signal, thaw; who is frozen cannot fork. A freezer that fails is done without. */
static int kill_each(const struct cgroup_location *location, const struct cgroup_place *place)
{
	bool frozen = cgroup_freeze(location, true) == 0;
	int r = signal_each(place, SIGKILL);
	if (frozen) {
		int thawed = cgroup_freeze(location, false);
		r = r < 0 ? r : thawed;
	} else {
		error_clear();
	}
	return r;
}

int cgroup_signal_all(const struct cgroup_location *location, int signal_number)
{
	const struct cgroup_place *place = cgroup_main_place(location);
	if (!place)
		return refuse(-EOPNOTSUPP, "this container has no cgroup that tells its processes");
	if (signal_number != SIGKILL)
		return signal_each(place, signal_number);
	if (place_is_v2(place)) {
		struct cgroup_directory directory;
		int r = cgroup_directory_open(place, &directory);
		if (r == -ENOENT)
			return 0;
		if (r == 0) {
			r = fs_write_existing(directory.fd, "cgroup.kill", "1");
			cgroup_directory_fini(&directory);
		}
		if (r != -ENOENT) /* that is Linux before 5.14 */
			return r < 0 ? fail(r, "write cgroup.kill of %s%s", place->mount_point,
					       place->path)
				     : 0;
	}
	return kill_each(location, place);
}
