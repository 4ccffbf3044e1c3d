// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the chapters of this folder share. Nothing outside of it includes this file.
 *
 *	detect.c      which hierarchies there are, where they are mounted, where we are
 *	path.c        what a cgroup path may look like
 *	needs.c       which controllers a set of limits calls for
 *	locate.c      plan → paths (no effects); delegate.c for ordinary users
 *	record.c      location ↔ JSON
 *	create.c      directories, controllers, cpusets; extend.c for a later update,
 *	              join.c for a later process
 *	apply.c       who writes what; apply_v1.c, apply_v2.c, convert.c, devices_*.c
 *	processes.c   pids, signals; freeze.c; walk.c for the cgroups below ours
 *	destroy.c, stats*.c, oom.c
 *	systemd.c     the scope; slice.c names, property.c annotations, bus*.c D-Bus
 */

#include "base/arena.h"
#include "base/text.h"
#include "walls/cgroup/cgroup.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- detect.c ------------------------------------------------------------ */

/** One hierarchy of this machine as this process sees it. */
struct hierarchy {
	const char *controllers; /* as in struct cgroup_place */
	const char *mount_point; /* NULL: not mounted where we can find it */
	const char *own_path;    /* of this process, below the mount point; begins with "/" */
};

#define HIERARCHIES_MAX 32 /* 13 controllers and some named ones; more are not looked at */

struct hierarchies {
	struct hierarchy items[HIERARCHIES_MAX];
	size_t count;
	bool only_v2; /* no v1 hierarchy is mounted at all */
};

/**
 * Looks for v2 and for the v1 hierarchies that have one of these controllers (bits);
 * EVERY_HIERARCHY finds the others too.
 */
#define EVERY_HIERARCHY (~0U)
[[nodiscard]] int cgroup_detect(
	unsigned controllers, struct arena *arena, struct hierarchies *ret_found);

/** The v2 hierarchy, or the v1 one with this controller ("" asks for v2). NULL if there is none. */
const struct hierarchy *hierarchy_with(const struct hierarchies *found, const char *controller);

/** True if the hierarchy has one of these controllers. */
bool hierarchy_serves(const char *controllers, unsigned mask);

/** True if the comma separated list (or "name=…") holds this name. "" holds only "". */
bool controllers_hold(const char *list, const char *name);

/**
 * The path of process @pid ("self", "1", …) in the hierarchy that holds @controller, from
 * /proc/PID/cgroup. NULL if it is in none, or the file cannot be read.
 */
const char *process_cgroup_path(const char *pid, const char *controller, struct arena *arena);

/* ---- path.c -------------------------------------------------------------- */

/** 0, or -EINVAL with a story: empty, ".", "..", "//", control characters, too long. */
[[nodiscard]] int cgroup_path_check(const char *path);

/* ---- needs.c ------------------------------------------------------------- */

enum cgroup_controller {
	CONTROLLER_CPU,
	CONTROLLER_CPUACCT,
	CONTROLLER_CPUSET,
	CONTROLLER_MEMORY,
	CONTROLLER_PIDS,
	CONTROLLER_IO,
	CONTROLLER_HUGETLB,
	CONTROLLER_RDMA,
	CONTROLLER_NET_CLS,
	CONTROLLER_NET_PRIO,
	CONTROLLER_DEVICES,
	CONTROLLER_FREEZER,
	CONTROLLER_PERF_EVENT,
	CONTROLLER_MISC,
	CONTROLLER_DMEM,
	CONTROLLER_SYSTEMD, /* none, but the hierarchy that systemd keeps its units in */
	CONTROLLER_COUNT,
};

struct controller_facts {
	const char *v1_name; /* NULL: v1 has no such controller */
	const char *v2_name; /* NULL: v2 has no such controller */
	const char *limit;   /* how its limits are called in messages */
};
extern const struct controller_facts controller_facts[CONTROLLER_COUNT];

#define CONTROLLER_BIT(controller) (1U << (controller))

/** Controllers whose files are written for these resources. */
unsigned cgroup_wanted(const struct plan_resources *resources);
/** Those without which a limit would be lost: "unlimited" asks for nothing. */
unsigned cgroup_required(const struct plan_resources *resources);
/** Controllers that count for `stats` and for out-of-memory messages, wanted if they exist. */
unsigned cgroup_accounting(void);
/** v2 controllers that the keys of "unified" belong to; -EINVAL with a story for a bad key. */
[[nodiscard]] int cgroup_unified_controllers(
	const struct plan_resources *resources, unsigned *ret_mask);

/* ---- places -------------------------------------------------------------- */

static inline bool place_is_v2(const struct cgroup_place *place)
{
	return place->controllers[0] == '\0';
}

const struct cgroup_place *cgroup_v2_place(const struct cgroup_location *location);
const struct cgroup_place *cgroup_v1_place(
	const struct cgroup_location *location, enum cgroup_controller controller);

/** True if systemd puts the first process into the v2 place, as it does for scopes only. */
static inline bool cgroup_is_scope(const struct cgroup_location *location)
{
	return location->manager == CGROUP_SYSTEMD && text_ends(location->scope, ".scope");
}

/** A cgroup's directory, opened once; its files are reached by name. */
struct cgroup_directory {
	int fd;
	const struct cgroup_place *place;
	bool borrowed; /* the descriptor belongs to the location */
};

/**
 * Opens a place by openat2(RESOLVE_BENEATH, NO_SYMLINKS, NO_XDEV) from its mount
 * point. Negative errno without a story, as a missing one is often no error.
 */
[[nodiscard]] int cgroup_directory_open(
	const struct cgroup_place *place, struct cgroup_directory *ret_directory);
/** The same for one of the location's places, by the descriptor that it keeps, if any. */
[[nodiscard]] int cgroup_directory_of(const struct cgroup_location *location,
	const struct cgroup_place *place, struct cgroup_directory *ret_directory);
void cgroup_directory_fini(struct cgroup_directory *directory);

/** One write of one cgroup file; the story names limit, file, value and a remedy. */
[[nodiscard, gnu::format(printf, 4, 5)]] int cgroup_write(const struct cgroup_directory *directory,
	const char *limit, const char *file, const char *format, ...);

/** Starts the story of a failed write; @r negative errno. Returns r. */
int cgroup_write_failed(const struct cgroup_directory *directory, const char *limit,
	const char *file, const char *value, int r);

/** Reads a small cgroup file and strips the line feed at its end; no story. */
[[nodiscard]] int cgroup_read(const struct cgroup_directory *directory, const char *file,
	struct arena *arena, const char **ret_text);
/** A file that is one number; "max" and what does not fit is UINT64_MAX. */
[[nodiscard]] int cgroup_read_u64(
	const struct cgroup_directory *directory, const char *file, uint64_t *ret_value);
/** The number behind "key " in a file of such lines (memory.events, cpu.stat). -ENOENT: no such. */
[[nodiscard]] int cgroup_read_key(const struct cgroup_directory *directory, const char *file,
	const char *key, uint64_t *ret_value);

/** True if @word is one of the blank separated words of @text. */
bool words_hold(const char *text, const char *word);

/* ---- delegate.c ---------------------------------------------------------- */

/**
 * Where a new cgroup named by a relative path may be put in this hierarchy: "" for
 * its root, else a path. -EACCES: nowhere; -EBUSY: only below our own cgroup, whose processes
 * keep v2 from sharing out controllers (@limits). Neither tells a story.
 */
[[nodiscard]] int cgroup_delegated_base(
	const struct hierarchy *hierarchy, bool limits, struct arena *arena, const char **ret_base);

/** True if this path, or the nearest ancestor that exists, is ours to write. */
bool cgroup_path_writable(const struct hierarchy *hierarchy, const char *path);

/** Our effective user as the first user namespace numbers it, which is how systemd names things. */
uid_t outer_user(void);
/** True in any user namespace but the first. */
bool in_user_namespace(void);

/* ---- create.c ------------------------------------------------------------ */

/** Makes one place; *ret_made: how many of its components, counted from the end, are new. */
[[nodiscard]] int cgroup_place_make(const struct cgroup_place *place, size_t *ret_made);
/** Removes the last @made components again; for the way out of an error. */
void cgroup_place_unmake(const struct cgroup_place *place, size_t made);
[[nodiscard]] int cgroup_place_enter(const struct cgroup_place *place, pid_t pid);

/**
 * Lets the children of every cgroup above @path use these v2 controllers. What @required
 * holds and cannot be had is an error, the rest is for the statistics and passed over.
 */
[[nodiscard]] int cgroup_share_controllers(
	int mount_fd, const struct cgroup_place *place, unsigned wanted, unsigned required);

/* ---- apply --------------------------------------------------------------- */

typedef int cgroup_apply_function(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update);

cgroup_apply_function cgroup_apply_memory_v1, cgroup_apply_cpu_v1, cgroup_apply_cpuset_v1,
	cgroup_apply_pids, cgroup_apply_io_v1, cgroup_apply_hugetlb_v1, cgroup_apply_rdma,
	cgroup_apply_net_cls, cgroup_apply_net_prio, cgroup_apply_devices_v1;
cgroup_apply_function cgroup_apply_memory_v2, cgroup_apply_cpu_v2, cgroup_apply_cpuset_v2,
	cgroup_apply_io_v2, cgroup_apply_hugetlb_v2, cgroup_apply_devices_v2, cgroup_apply_unified;

/** config-linux.md writes "cpus"; both versions' files have the same names. */
[[nodiscard]] int cgroup_apply_cpuset(
	const struct cgroup_directory *directory, const struct plan_resources *resources);

/** What both versions do alike, with names of their own. */
struct cgroup_rate_keys {
	const char *read_bps, *write_bps, *read_iops, *write_iops;
};
typedef int cgroup_throttle_function(const struct cgroup_directory *directory, const char *key,
	const struct plan_throttle *item);
[[nodiscard]] int cgroup_apply_rates(const struct cgroup_directory *directory,
	const struct plan_resources *resources, const struct cgroup_rate_keys *keys,
	cgroup_throttle_function *throttle);
/** @suffix: of the file with the limit, behind hugetlb.SIZE. */
[[nodiscard]] int cgroup_apply_huge_pages(const struct cgroup_directory *directory,
	const struct plan_resources *resources, const char *suffix);

/** Files that both versions have (convert.c has the values). */
[[nodiscard]] int cgroup_check_memory_usage(const struct cgroup_directory *directory,
	const char *usage_file, const struct plan_resources *resources);

/* ---- convert.c: numbers of v1, in which the specification thinks, for v2 ---- */

/** 2..262144 → 1..10000, 1024 → 100; 0 stays 0 ("not given"). */
uint64_t cgroup_weight_of_shares(uint64_t shares);
/** blkio 10..1000 → io.weight 1..10000. */
uint64_t cgroup_io_weight(uint64_t block_weight);
/**
 * memory.swap.max for "memory+swap" (v1 memsw) and memory limit, both 0 for "not given" and
 * -1 for "unlimited". *ret_swap gets -1 for "max"; *ret_given false: nothing to write.
 * -EINVAL with a story when there is no such swap limit.
 */
[[nodiscard]] int cgroup_swap_of_memsw(
	int64_t memsw, int64_t memory, bool *ret_given, int64_t *ret_swap);
/** The page size of a huge page limit becomes part of a file name. -EINVAL with a story. */
[[nodiscard]] int cgroup_check_page_size(const char *name);
/** -1 → "max"; the buffer belongs to the returned value. */
struct limit_text {
	char text[24];
};
struct limit_text limit_text(int64_t value);

/* ---- devices: what both versions allow on top of the rules ------------------ */

extern const struct plan_device_rule cgroup_default_devices[];
extern const size_t cgroup_default_device_count;

struct bpf_insn;
/** The program for these rules, in the arena; see devices_bpf.c. */
void cgroup_device_program(const struct plan_device_rule *rules, size_t count, struct arena *arena,
	struct bpf_insn **ret_program, size_t *ret_length);

/* ---- walk.c -------------------------------------------------------------- */

/** Called with a directory; @name is its last component ("" for the top). */
typedef int cgroup_visitor(int dir_fd, void *context);

/** Visits a cgroup and all below it, the deepest first. Holds one descriptor at a time. */
[[nodiscard]] int cgroup_walk(int top_fd, cgroup_visitor *visitor, void *context);

/** Removes all cgroups below this one (not itself). -EBUSY while processes are in one. */
[[nodiscard]] int cgroup_remove_below(int top_fd);

/* ---- processes.c, freeze.c ------------------------------------------------- */

struct pid_list {
	pid_t *items;
	size_t count, room;
};
void pid_list_fini(struct pid_list *list);
void pid_list_sort(struct pid_list *list); /* and drops what is there twice */
bool pid_list_holds(const struct pid_list *sorted, pid_t pid);

/** Appends the processes of one place and below. 0 when the place is gone. */
[[nodiscard]] int cgroup_place_pids(const struct cgroup_place *place, struct pid_list *pids);

/** The place whose cgroup.procs is asked who is in the container; NULL: none. */
const struct cgroup_place *cgroup_main_place(const struct cgroup_location *location);

/**
 * Waits until cgroup.events (v2) says "key value". 0, -ETIMEDOUT, or what reading says (-ENODEV:
 * the cgroup is gone). No story.
 */
[[nodiscard]] int cgroup_wait_event(
	const struct cgroup_directory *directory, const char *key, uint64_t value, int timeout_ms);

static inline void sleep_ms(unsigned ms)
{
	(void)usleep(ms * 1000);
}
