// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Sandboxes: what rung knows about programs of this system that run walled in.
 *
 *	permissions, profile, limits  →  sandbox_compose()  →  a plan, for rungs/sandbox
 *	what runs                     →  records below places_state("sandbox")
 *	what is kept                  →  below places_data()/sandbox/NAME (trees.h)
 */

#include "base/process.h"
#include "plan/permission.h"
#include "plan/plan.h"
#include "rungs/sandbox/sandbox.h"

/** What becomes of what the program writes outside of its write permissions. */
enum sandbox_writes {
	SANDBOX_DISCARD, /* forgotten at the end */
	SANDBOX_KEEP,    /* kept below the sandbox's name */
	SANDBOX_ASK,     /* kept until the person has answered at the end */
};
extern const char *const sandbox_writes_names[];

/** What happens where no permission speaks. */
enum sandbox_asking {
	SANDBOX_NOT_ASKING,
	SANDBOX_ASKING,   /* the person is asked */
	SANDBOX_LEARNING, /* it is allowed, and a profile is written at the end */
	SANDBOX_AUDITING, /* it is allowed, and told at the end */
};

struct sandbox_limits {
	uint64_t memory_bytes, disk_bytes; /* 0: none */
	int64_t cpus_billionths;           /* 1500000000: one and a half; 0: none */
	uint64_t pids;
	int64_t time_ms;
	bool held_by_groups; /* memory, CPUs and processes: see groups.h */
};

struct sandbox_wishes {
	const char *directory;  /* of a named sandbox, for caught writes; NULL: on a tmpfs */
	int directory_fd;       /* the same, by sandbox_open() */
	const char *state_path; /* of the record: sockets and cookies are made beside it; NULL */
	const char *name;       /* for people; NULL */
	struct permissions permissions;
	enum sandbox_asking asking;
	const char *learn_file; /* where the profile goes */
	struct sandbox_limits limits;
	const char *program;                   /* as given */
	struct strings arguments, environment; /* environment: NAME=VALUE from the command line */
	const char *working_directory;
	bool new_session;
};

/**
 * Makes plan and request. Looks at the host's directories, makes nothing but the trees of a named
 * sandbox. Tells a story. The plan's strings live in the plan's arena.
 */
[[nodiscard]] int sandbox_compose(const struct sandbox_wishes *wishes, struct plan *ret_plan,
	struct sandbox_request *ret_request);

/* ---- what runs -------------------------------------------------------------------------- */

struct sandbox_record {
	const char *id, *name; /* name: of a named one, else "" */
	int64_t pid;           /* of PID 1, outside */
	uint64_t start_time;
	const char *started; /* RFC 3339 */
	const char *profile, *writes;
	struct strings arguments, permissions;
	const char *path; /* what the names of its files begin with; ".enter" is the socket */
};

/** A new one's id, and its path, in a directory that is there. No file of it is made yet. */
[[nodiscard]] int sandbox_record_begin(
	struct arena *arena, const char **ret_id, const char **ret_path);

/** Listens on the enter socket of that path. Returns a descriptor. */
[[nodiscard]] int sandbox_record_listen(const char *path);

[[nodiscard]] int sandbox_record_write(const struct sandbox_record *record);

/** Removes its files. @bare: there are none but record and socket. */
void sandbox_record_end(const char *path, bool bare);

/** Those that run, in the order of their start. What killed ones left is removed on the way. */
[[nodiscard]] int sandbox_list(
	struct arena *arena, struct sandbox_record **ret_records, size_t *ret_count);

/** By name, id or its beginning. -ENOENT with a story. */
[[nodiscard]] int sandbox_find(
	const char *name, struct arena *arena, struct sandbox_record *ret_record);

/** places_data()/sandbox/NAME. */
const char *sandbox_directory(const char *name, struct arena *arena);
