// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Permissions: what a walled-in program may have of the machine, in words that a person writes on
 * the command line and in profiles, and reads in questions and reports.
 *
 *	home, home:ro            the person's home directory
 *	read=PATH                see it
 *	write=PATH               see it and change it for good
 *	exec=PATH                see it and run programs in it
 *	net, net=HOST[:PORT]     the network; a name, *.name, address or address/prefix
 *	listen=PORT              be reached at this port of the host
 *	dbus=NAME                talk to a name of the session's D-Bus ("system:NAME": the system's)
 *	env=NAME                 keep this variable of the environment
 *	device=PATH              a device of /dev
 *	display audio gpu camera usb ssh-agent clipboard notifications ptrace userns
 *
 * One word is one permission; whether it is given, refused or asked about is said beside it.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum permission_kind {
	PERMISSION_HOME,
	PERMISSION_READ,
	PERMISSION_WRITE,
	PERMISSION_EXEC,
	PERMISSION_NET,
	PERMISSION_LISTEN,
	PERMISSION_DISPLAY,
	PERMISSION_AUDIO,
	PERMISSION_GPU,
	PERMISSION_CAMERA,
	PERMISSION_USB,
	PERMISSION_DBUS,
	PERMISSION_SSH_AGENT,
	PERMISSION_CLIPBOARD,
	PERMISSION_NOTIFICATIONS,
	PERMISSION_ENV,
	PERMISSION_DEVICE,
	PERMISSION_PTRACE,
	PERMISSION_USERNS, /* user namespaces of its own, for programs that wall themselves in */
	PERMISSION_COUNT,
};

enum permission_answer { PERMISSION_ALLOW, PERMISSION_DENY, PERMISSION_ASK };

struct permission {
	enum permission_kind kind;
	enum permission_answer answer;
	bool read_only; /* home:ro */
	/*
	 * An absolute path without ".", ".." and double slashes; a host (lower case, brackets of an
	 * IPv6 address taken off); a name. NULL: all of that kind ("net").
	 */
	const char *value;
	uint16_t port; /* of net and listen; 0: any */
};

/** In the order written: of two that speak of the same thing the later one holds. */
struct permissions {
	struct permission *items;
	size_t count;
};

/** What "~" and relative paths in words stand for. */
struct permission_place {
	const char *home;      /* absolute; NULL: "~" is refused */
	const char *directory; /* absolute; NULL: relative paths are refused */
};

/** "allow", "deny", "ask". */
extern const char *const permission_answer_names[];

/** "read", "ssh-agent", …: the word without its value. */
const char *permission_kind_name(enum permission_kind kind);

/** What it means and why it matters, one phrase for questions and help. */
const char *permission_kind_meaning(enum permission_kind kind);

/** True for those whose value is a path of the host. */
bool permission_has_path(enum permission_kind kind);

/** Reads one word. -EINVAL with a story that names the word. */
[[nodiscard]] int permission_parse(const char *word, enum permission_answer answer,
	const struct permission_place *place, struct arena *arena, struct permission *ret);

/** The word again, as permission_parse() reads it. */
const char *permission_word(const struct permission *permission, struct arena *arena);

/** Adds one at the end. */
void permissions_add(
	struct permissions *permissions, const struct permission *permission, struct arena *arena);

/**
 * The last one of this kind and value (NULL: the one that stands for all); NULL if nothing was
 * said. Paths and hosts are compared as they are written: what covers what is decided by those who
 * put up the wall.
 */
const struct permission *permissions_find(
	const struct permissions *permissions, enum permission_kind kind, const char *value);

/** Whether a kind without a value ("audio", "net") is allowed. */
bool permissions_allow(const struct permissions *permissions, enum permission_kind kind);

/** Whether @path is @tree or lies below it; both absolute and clean. */
bool path_is_below(const char *path, const char *tree);

/**
 * An absolute path made clean: "." and ".." resolved by words alone, double and trailing slashes
 * removed; "~" and relative ones by @place. -EINVAL with a story.
 */
[[nodiscard]] int path_clean(const char *path, const struct permission_place *place,
	struct arena *arena, const char **ret_path);
