// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the files of a scripted sandbox share. */

#include "rungs/container/handoff.h"
#include "rungs/sandbox/script.h"

/* Beside handoff_report's own kinds, bare ones. READY: the program is about to be executed. */
enum script_report_kind {
	SCRIPT_ENDED = 32, /* exit_status is the program's */
	SCRIPT_BORN,       /* sent with our pid by who was cloned by an intermediate process */
};

/** The child, seen from inside. */
struct script_child {
	struct sandbox_script *script;
	int channel_fd; /* to the monitor */
	bool gated;     /* it lets us go by a datagram */
	uid_t outer_uid;
	gid_t outer_gid;
	/* In the user namespace that owns the mounts. */
	uid_t first_uid;
	gid_t first_gid;
	int proc_fd; /* the host's /proc: for what remains to be done inside */
	mode_t umask;
	char *old_directory; /* NULL: it has no name */
};

/** script_inside.c: everything until the program runs. Returns the status to exit with. */
[[nodiscard]] int script_child_live(struct script_child *child);

/** Sends the present story, by write(2), which filters of system calls leave to everybody. */
void script_tell_failure(int channel_fd);
void script_tell(int channel_fd, uint32_t kind, int exit_status);

/* ---- script_root.c -------------------------------------------------------------------- */

struct script_room {
	struct sandbox_script *script;
	int base_fd; /* a tmpfs that nobody inside will see: what is caught, and what is bound */
	int root_fd; /* the new root, the topmost mount there */
	unsigned caught_count;
};

/** Carries out all operations and makes the result the root of this process. */
[[nodiscard]] int script_build_root(struct sandbox_script *script);

/** Makes the destination's parents with the mode that suits @mode (-1: none asked for). */
[[nodiscard]] int script_make_parents(
	const struct script_room *room, const char *destination, int mode);

/** A directory or a file to mount on; an O_PATH descriptor. */
[[nodiscard]] int script_mount_point(
	const struct script_room *room, const char *destination, bool directory);

/** Mounts what is detached there; on "/" it becomes the root. */
[[nodiscard]] int script_attach(struct script_room *room, int mount_fd, int point_fd);

/** The host's tree at @path with bubblewrap's attributes, detached. Tells no story. */
[[nodiscard]] int script_clone(const char *path, bool readonly, bool devices);

/** Mount data with the label for new files; @data may be NULL. */
struct text;
void script_add_label(const struct sandbox_script *script, struct text *data);

/* ---- script_system.c: /proc and /dev --------------------------------------------------- */

[[nodiscard]] int script_mount_proc(
	struct script_room *room, const struct sandbox_operation *operation);
[[nodiscard]] int script_mount_devices(
	struct script_room *room, const struct sandbox_operation *operation);

/* ---- script_overlay.c ---------------------------------------------------------------------- */

[[nodiscard]] int script_mount_overlay(
	struct script_room *room, const struct sandbox_operation *operation);

/* ---- script_program.c ---------------------------------------------------------------------- */

/** Gives up all capabilities but those wanted, forks if there is to be an init, executes. */
[[nodiscard]] int script_become(struct script_child *child);

/** Closes all descriptors from 3 on but those in @kept, which is sorted; -1 is none. */
void script_close_others(int *kept, size_t count);

/** Leaves only @wanted in the bounding set. */
[[nodiscard]] int script_drop_bounding(uint64_t wanted);

/** All three sets of this thread; inheritable ones are those permitted, as for ambient ones. */
[[nodiscard]] int script_set_capabilities(
	uint64_t effective, uint64_t permitted, uint64_t inheritable);
