// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What rung hands to the stage, and what the stage answers.
 *
 * The last steps before a container's own program are not taken by rung itself but by
 * a tiny static program, the stage, started from a sealed memory file. So no process
 * inside a container ever has a host file as /proc/self/exe that could be opened for
 * writing or started by "#!/proc/self/exe" (CVE-2019-5736), and a created container that
 * waits for its start costs some ten pages.
 *
 * The handoff is one flat block in a second memory file: this header, then everything
 * it points to by offset from the block's start; offset 0 means "none". This header is
 * compiled by glibc's and musl's compilers alike: fixed-size types only.
 */

#include <stddef.h>
#include <stdint.h>

#define HANDOFF_MAGIC 0x676e7572u /* "rung" */

enum handoff_flags {
	HANDOFF_WAIT_FOR_START = 1 << 0,
	HANDOFF_NO_NEW_PRIVILEGES = 1 << 1,
	HANDOFF_SET_CAPABILITIES = 1 << 2,
	HANDOFF_DIE_WITH_STARTER = 1 << 3,
};

/** An array of offsets to NUL-terminated strings. */
struct handoff_strings {
	uint32_t offsets, count;
};

struct handoff_hook {
	uint32_t path;
	struct handoff_strings arguments, environment;
	uint32_t timeout_s; /* 0: none */
};

struct handoff {
	uint32_t magic, total_bytes, flags;

	/* Descriptors the stage inherits; -1: none. */
	int32_t report_fd;   /* to the starter: struct handoff_report; closed by a good exec */
	int32_t start_fd;    /* listening socket: somebody connects to start the container */
	int32_t proc_fd;     /* a procfs of our own, to write security labels through */
	int32_t landlock_fd; /* ruleset for landlock_restrict_self(2) */
	int32_t notify_fd;   /* connected socket that gets the seccomp listener */

	uint32_t preserved_fds; /* 3 .. 3+n-1 stay open for the program */
	uint32_t last_capability;
	uint32_t uid, gid;
	uint32_t groups, group_count; /* array of uint32_t */
	uint64_t bounding, effective, inheritable, permitted, ambient;

	struct handoff_strings arguments, environment;
	uint32_t working_directory;
	uint32_t apparmor_profile, selinux_label;

	uint32_t seccomp, seccomp_bytes, seccomp_flags; /* array of struct sock_filter */
	uint32_t notify_state;                          /* JSON sent along with the listener */

	uint32_t hooks, hook_count; /* startContainer: array of struct handoff_hook */
	uint32_t hook_state;        /* JSON for their standard input */
};

enum handoff_report_kind {
	HANDOFF_READY = 1, /* prepared: now waiting for the start, or about to be the program */
	HANDOFF_FAILED,    /* error and text say why; the process ends */
	HANDOFF_WARNING,   /* text is told, the work goes on */
};

#define HANDOFF_REPORT_TEXT 2048

/** One datagram. Text and advice are NUL-terminated; text says all but strerror(error). */
struct handoff_report {
	uint32_t kind;
	int32_t error;       /* positive errno; 0: the text says it all */
	int32_t exit_status; /* 126, 127: the program is at fault; 0 otherwise */
	char text[HANDOFF_REPORT_TEXT];
	char advice[512];
};

/** The length of one without text and advice, which is what a good start sends. */
#define HANDOFF_REPORT_BARE offsetof(struct handoff_report, text)
