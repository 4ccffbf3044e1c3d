// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Bubblewrap's command line (bwrap.c, bwrap_options.c, bwrap_parse.c). */

#include "base/arena.h"
#include "rungs/sandbox/script.h"

/** The bubblewrap whose command line this is; Flatpak and others compare it. */
#define BWRAP_VERSION "0.11.1"

/** What to do with an option; its operands are described in the option's row. */
enum bwrap_action {
	BWRAP_FLAG,    /* a bool of struct bwrap_wishes */
	BWRAP_UNSHARE, /* a namespace */
	BWRAP_TEXT,    /* a string of struct bwrap_wishes */
	BWRAP_FD,      /* a descriptor of struct bwrap_wishes */
	BWRAP_BIND,
	BWRAP_BIND_FD,
	BWRAP_MOUNT, /* an operation with a destination alone */
	BWRAP_DATA,  /* an operation with a descriptor and a destination */
	BWRAP_HELP,
	BWRAP_VERSION_OPTION,
	BWRAP_ARGS,
	BWRAP_ARGV0,
	BWRAP_UNSHARE_ALL,
	BWRAP_SHARE_NET,
	BWRAP_ID,
	BWRAP_HOSTNAME,
	BWRAP_SETENV,
	BWRAP_UNSETENV,
	BWRAP_CLEARENV,
	BWRAP_LOCK_FILE,
	BWRAP_OVERLAY_SRC,
	BWRAP_OVERLAY,
	BWRAP_TMP_OVERLAY,
	BWRAP_RO_OVERLAY,
	BWRAP_SYMLINK,
	BWRAP_SECCOMP,
	BWRAP_ADD_SECCOMP,
	BWRAP_CAP,
	BWRAP_PERMS,
	BWRAP_SIZE,
	BWRAP_CHMOD,
};

/* Of BWRAP_BIND, BWRAP_BIND_FD and BWRAP_DATA, in bwrap_option.detail. */
enum { BWRAP_READONLY = 1, BWRAP_DEVICES = 2, BWRAP_OPTIONAL = 4, BWRAP_PLAIN_FILE = 8 };

/** A row of the table; text lies inside it, see cli/option.h. */
struct bwrap_option {
	char name[26];
	char operands[20];
	char help[78];
	uint8_t count; /* of operands */
	uint8_t action;
	uint32_t detail;
};

/** Ends with an empty name. */
extern const struct bwrap_option bwrap_options[];

/** What the options have said so far. */
struct bwrap_wishes {
	struct arena *arena;
	struct sandbox_script script;
	size_t operation_room, filter_room, lock_room;
	bool unshare_user, unshare_user_try, unshare_cgroup, unshare_cgroup_try;
	bool level_prefix;
	const char *argv0;
	bool uid_given, gid_given;
	const char *hostname;
	unsigned parsed; /* words from --args */

	/* For the next operation. */
	int perms;     /* -1: none */
	uint64_t size; /* 0: none */
	const char **layers;
	size_t layer_count;

	bool help, version; /* asked for: nothing else counts */
};

/**
 * Reads options up to the command. *words and *count are what is left. Negative with a story, in
 * bubblewrap's words. Sets and unsets variables of this process as it goes.
 */
[[nodiscard]] int bwrap_parse(struct bwrap_wishes *wishes, const char ***words, size_t *count);

/** What was asked for as a whole: what goes together, and what is not possible here. */
[[nodiscard]] int bwrap_check(struct bwrap_wishes *wishes);

/** Said at once on standard error: what holds is not what was written. */
[[gnu::format(printf, 2, 3)]] void bwrap_warn(
	const struct bwrap_wishes *wishes, const char *format, ...);
