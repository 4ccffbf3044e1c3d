// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Talking with CRIU, the program that writes a tree of processes into files and makes processes out
 * of such files: `criu swrk`, its protocol for other programs (criu's rpc.proto).
 */

#include "base/process.h"

struct arena;

/**
 * Fields of its message criu_opts, by their numbers. Descriptors of directories are meant as they
 * are in the process that asks (criu opens /proc/PID/fd/N), those to inherit as they are in criu.
 */
enum criu_option {
	CRIU_IMAGES_DIR_FD = 1,
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,
	CRIU_EXT_SHARING = 29,
	CRIU_EXT_MASTERS = 30,
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_JOIN_NS = 39,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_CONFIG_FILE = 51,
	CRIU_LSM_PROFILE = 53,
	CRIU_CGROUP_YARD = 60,
	CRIU_LSM_MOUNT_CONTEXT = 63,
	CRIU_NETWORK_LOCK = 64,
};

enum criu_request { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4 };

/* Options are put together as bytes; one that is given twice becomes a list. */
void criu_put_number(struct text *options, enum criu_option option, uint64_t value);
/** Nothing is put for NULL. */
void criu_put_text(struct text *options, enum criu_option option, const char *value);
/** The small messages that have two texts: a namespace to join, a cgroup root (@first NULL). */
void criu_put_pair(
	struct text *options, enum criu_option option, const char *first, const char *second);
/** A descriptor of criu's by the name that the images know it by. */
void criu_put_inherited(struct text *options, const char *key, int fd);

/**
 * The program: @asked if given, else as PATH says, else in the directories of system programs.
 * -ENOENT with a story that says how to get it.
 */
[[nodiscard]] int criu_find(const char *asked, struct arena *arena, const char **ret_path);

struct criu {
	struct process_child process;
	int socket_fd;
};

/** The number that the socket has in criu; other descriptors for it come after. */
#define CRIU_FIRST_FREE_FD 4

/** Starts it; it waits for a request. @fds: 0, 1, 2 and from CRIU_FIRST_FREE_FD on. */
[[nodiscard]] int criu_start(
	const char *program, const struct process_fd *fds, size_t fd_count, struct criu *ret_criu);

/** Ends it if it still runs. */
void criu_fini(struct criu *criu);

/**
 * Called when criu says how far it is: "setup-namespaces", "post-restore", "orphan-pts-master" and
 * others. @pid: the first process, 0 if it does not say; @fd: a descriptor that came along, or -1,
 * not the handler's to close. A negative return makes criu stop and undo.
 */
typedef int criu_handler(void *context, const char *event, pid_t pid, int fd);

/**
 * Asks for one thing and waits until it is done. Returns the restored process's pid (0 for the
 * other requests). -EIO without a story: criu could not do it, its log says why.
 */
[[nodiscard]] int criu_ask(struct criu *criu, enum criu_request request, const struct text *options,
	criu_handler *handler, void *context);

/** Tells the story that a log of criu's ends with: "checkpoint x: Can't lookup …". Returns -EIO. */
int criu_tell(const char *what, const char *id, const char *directory, const char *log_name);
