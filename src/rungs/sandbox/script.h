// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A sandbox that is put together step by step, as bubblewrap's command line says it: which
 * namespaces to leave, and a list of operations that fill an empty root in their order. Nothing is
 * added to it and nothing is assumed; who wants a sandbox that is safe by itself takes
 * sandbox_run().
 *
 *	rung (monitor)                     child
 *	---------------------------------------------------------------------
 *	joins user and pid namespaces
 *	clone3                        →    born in the new ones
 *	tells who it is, lets it go   →    maps ids, carries out the operations, enters the root
 *	                                   forks: the child stays as init, its child is the program
 *	leaves with its status        ←    the program ends; init stays until all the others have
 *
 * What it means for others is bubblewrap's: signals to the monitor are not handed on, descriptors
 * that are open go on to the program, and without a pid namespace there is no init.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_operation_kind {
	SANDBOX_BIND,             /* source on destination; or fd, where that is >= 0 */
	SANDBOX_OVERLAY,          /* layers, and source and work to write to */
	SANDBOX_PROC,             /* procfs of the new pid namespace, or the host's */
	SANDBOX_DEVICES,          /* a small /dev */
	SANDBOX_TMPFS,            /* mode, size_bytes */
	SANDBOX_MESSAGE_QUEUES,   /* mqueue_overview(7) */
	SANDBOX_DIRECTORY,        /* mode, if it is made */
	SANDBOX_FILE,             /* what fd holds */
	SANDBOX_DATA,             /* the same as a mount of its own */
	SANDBOX_SYMBOLIC_LINK,    /* to source */
	SANDBOX_REMOUNT_READONLY, /* this mount, not those below */
	SANDBOX_HOST_NAME,        /* destination is the name */
	SANDBOX_MODE,             /* of what exists */
};

struct sandbox_operation {
	enum sandbox_operation_kind kind;
	const char *source;      /* a host path, resolved when the sandbox starts */
	const char *work;        /* of a writable overlay */
	const char *destination; /* in the new root; the way to it is made */
	const char **layers;     /* of an overlay, the topmost first; host paths */
	size_t layer_count;
	int fd;              /* -1: none; closed when it has been used */
	int tree_fd;         /* the room's own; begins as -1 */
	int mode;            /* -1: none was asked for */
	uint64_t size_bytes; /* 0: the kernel's own limit */
	bool readonly, devices;
	bool optional;  /* nothing is done where the source does not exist */
	bool temporary; /* an overlay that forgets what is written */
};

/** A compiled filter of system calls: an array of struct sock_filter. */
struct sandbox_filter_program {
	void *bytes;
	size_t length_bytes;
};

#define SANDBOX_ALL_CAPABILITIES_MARK (1ull << 63)

/** Descriptors are -1 where there is none. Strings live as long as the run. */
struct sandbox_script {
	struct sandbox_operation *operations; /* sources are replaced by what they resolve to */
	size_t operation_count;

	unsigned namespaces;  /* CLONE_NEW…, without CLONE_NEWNS, which is always there */
	int userns_fd;        /* to join first */
	int second_userns_fd; /* to join when the root stands */
	int pidns_fd;         /* to be born in; with CLONE_NEWPID: in a child of it */
	uid_t uid;            /* inside, with a new or a joined user namespace */
	gid_t gid;
	bool disable_userns, assert_userns_disabled;
	uint64_t capabilities;   /* of the program; with the mark: those of them that it can have */
	bool capabilities_given; /* else root keeps what it has */

	const char *directory; /* NULL: where we are, or $HOME, or / */
	bool new_session, die_with_parent, as_pid_1;
	const char *const *lock_files; /* paths inside; held by init */
	size_t lock_file_count;
	int sync_fd;         /* held by init, or by the program where there is none */
	int block_fd;        /* a byte here lets the program start */
	int userns_block_fd; /* a byte here says that somebody has written the id maps */
	int info_fd;         /* gets pid and namespaces as JSON, then is closed */
	int status_fd;       /* the same as a line, and a line with the exit status */
	const struct sandbox_filter_program *filters; /* applied in this order */
	size_t filter_count;
	int filter_fd;          /* one more, read just before it is applied */
	const char *exec_label; /* SELinux contexts: of the program, of new file systems */
	const char *file_label;
	const char *terminal; /* of the host, becomes /dev/console where a /dev is made */

	const char *program;    /* looked for in $PATH */
	char *const *arguments; /* with argv[0]; the environment is this process's own */
};

/** Nothing to do, as who we are, with the capabilities that root has and others have not. */
void sandbox_script_init(struct sandbox_script *ret_script);

/**
 * Reads a filter to its end. Its memory is the caller's. Tells a story.
 */
[[nodiscard]] int sandbox_filter_read(int fd, struct sandbox_filter_program *ret_program);

/**
 * Starts it and waits for the program's end, not for that of what it leaves running. *ret_status
 * is the exit status, 128 + n for a signal. Negative with a story if it could not be started.
 * Changes this process for good: it closes its other descriptors and gives up its powers.
 */
[[nodiscard]] int sandbox_script_run(struct sandbox_script *script, int *ret_status);
