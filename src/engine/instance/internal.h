// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share; see instance.h for what leaves it. */

#include "base/process.h"
#include "engine/instance/instance.h"

/* ---- record.c: the files of an instance ------------------------------------------- */

/** <data>/containers and <data>/names. */
const char *instance_containers(struct arena *arena);
const char *instance_names(struct arena *arena);

/** Fills in where it is, from its id. */
void instance_place(struct instance *instance, struct arena *arena);

/** Reads it as it is written, without asking whether that is true. -ENOENT without a story. */
[[nodiscard]] int instance_read(const char *id, struct arena *arena, struct instance *ret_instance);

/**
 * True for errors that say only that nothing can be written here: the disk is full, the quota is
 * used up, the file system is read-only. What is true is true all the same.
 */
bool instance_is_unwritable(int r);

/** True for 64 hexadecimal digits. */
bool instance_is_id(const char *word);

/* ---- settle.c: what is true -------------------------------------------------------- */

struct process_id instance_process(const struct instance *instance);
struct process_id instance_monitor(const struct instance *instance);

/**
 * Makes the state true: an end that nobody dealt with is dealt with. Waits at most @patience_ms for
 * a monitor that is doing so. Returns -ENOENT without a story if it is gone now.
 */
[[nodiscard]] int instance_settle(struct instance *instance, struct arena *arena, int patience_ms);

/** The same for the holder of the lock; leaves alone what a living monitor will deal with. */
[[nodiscard]] int instance_settle_locked(struct instance *instance, struct arena *arena);

/** Looks at a directory: an instance, one that is half made, or one that is half removed. */
void instance_sweep_one(const char *name, struct arena *arena);

/** Looks at a few entries and removes what killed commands left. */
void instance_sweep(void);

/* ---- ended.c: the end of the processes ----------------------------------------------- */

/**
 * For the holder of the lock, when the first process is dead: its rung's record goes, the state
 * says so, the event is noted. The restart policy and --rm are the caller's business.
 * @when: when it ended; NULL: now. Where instance_is_unwritable(r) the state in memory is true and
 * the monitor's note stays for whoever comes next.
 */
[[nodiscard]] int instance_record_end(
	struct instance *instance, struct arena *arena, int exit_code, const char *when);

/* ---- remove.c -------------------------------------------------------------------------- */

/** For the holder of the lock, without processes: everything goes. */
[[nodiscard]] int instance_erase(struct instance *instance, struct arena *arena, bool volumes);

/* ---- names.c --------------------------------------------------------------------------- */

/** Takes a name for an id. -EEXIST without a story; *ret_owner (in @arena) is who has it. */
[[nodiscard]] int instance_claim_name(
	const char *name, const char *id, struct arena *arena, const char **ret_owner);

/** Lets a name go, if it is that id's. */
void instance_drop_name(const char *name, const char *id, struct arena *arena);

/** True if there is one of this id, or somebody is just making it. */
bool instance_is_there(const char *id, struct arena *arena);

/** The id that a name stands for; NULL. */
const char *instance_name_owner(const char *name, struct arena *arena);

/** <state>/run/<id>, when there is no monitor any more. */
[[nodiscard]] int instance_remove_run_directory(
	const struct instance *instance, struct arena *arena);

/** Throws away what a creation that failed has made; the story stays. */
void instance_abandon(struct instance *instance, struct arena *arena);

/** Removes its anonymous volumes; what others use stays. */
void instance_remove_volumes(const struct instance *instance, struct arena *arena);

/* ---- depend.c ---------------------------------------------------------------------------- */

/** Notes with those whose namespaces it shares that it does, or (never fails) no longer does. */
int instance_tell_peers(const struct instance *instance, bool depends, struct arena *arena);

/** Those that share its namespaces. */
[[nodiscard]] int instance_dependents(const struct instance *instance, struct arena *arena,
	struct instance **ret_dependents, size_t *ret_count);

/* ---- event.c --------------------------------------------------------------------------- */

/** "die" with its exit code. */
void instance_event_end(const struct instance *instance, int exit_code);
