// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share; see foreign.h for what leaves it. */

#include "rungs/foreign/foreign.h"

/* ---- config.c: the plan as the runtime gets it ---------------------------------------------- */

/**
 * What is left for the runtime of @plan: its own copy, whose strings and lists are @plan's or live
 * in @arena. What it cannot express (id-mapped layers, volumes that start with the image's files)
 * is in @ret_ours, indices into plan->mounts, and is mounted before by view_enter(). The cgroup
 * path is filled in. -EOPNOTSUPP with a story: no config.json can say this.
 */
struct foreign_plan {
	struct plan plan;
	size_t *ours, ours_count;
};
[[nodiscard]] int foreign_config(const struct plan *plan, const struct container_record *record,
	struct arena *arena, struct foreign_plan *ret_foreign);

/** True where the container's user namespace is made by us and not by the runtime. */
bool foreign_owns_users(const struct plan *plan);

/* ---- view.c: the surroundings in which the runtime works ------------------------------------ */

/** Taken by the caller, entered by the child that becomes the runtime. */
struct foreign_view {
	const struct plan *plan;
	const struct foreign_plan *roots; /* NULL: the root is not needed */
	int users_fd;                     /* user namespace to be in; -1: ours */
};

/** @inside: a process whose user namespace it is; 0: a new one with the plan's maps. */
[[nodiscard]] int view_open(const struct plan *plan, pid_t inside, struct foreign_view *ret_view);
void view_fini(struct foreign_view *view);

/** In the child. Tells a story. */
[[nodiscard]] int view_enter(const struct foreign_view *view);

/* ---- call.c: one command of the runtime ----------------------------------------------------- */

struct foreign_call {
	const struct container_record *record;
	struct foreign_view *view;
	const char *const *words; /* the command and what follows; NULL at the end */
	bool streams;             /* it gets our standard streams: they become the program's */
	/*
	 * It runs in a scope of the user's systemd: from a login session an ordinary user may move
	 * nothing into the container's, but from one scope to the other he may (cgroups(7),
	 * "Delegation").
	 */
	bool in_scope;
	unsigned preserved_fds;
};

/**
 * Runs it to its end. Its last word in the log becomes the story; error_exit_status() is 126 or 127
 * where that says that the program was not to be run.
 */
[[nodiscard]] int foreign_call(const struct foreign_call *call);

/**
 * An empty file of ours for the runtime to write: what it made itself would belong to the root of
 * its user namespace, who need not be us (--userns keep-id).
 */
[[nodiscard]] int foreign_make_file(int directory_fd, const char *name);

/** Where the record lies, as a path; in @arena. */
[[nodiscard]] int foreign_directory(
	const struct container_record *record, struct arena *arena, const char **ret_path);
