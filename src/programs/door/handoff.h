// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What rung gives to rung-door: one JSON object in an anonymous file, and the descriptors that it
 * names by number.
 *
 *	name         of the sandbox, for people
 *	program      the absolute path of what runs inside; answers are remembered for it
 *	permissions  ["allow read=/usr", "ask read=/home/u", "deny net=example.org", …]
 *	granted      ["allow read=/home/u/project", …] what stands within doors already
 *	default      what no permission speaks of: "ask", "deny" or "allow-and-record"
 *	home         what the permission "home" stands for
 *	learn        write a profile of all that was wanted to this file at the end
 *	audit        say at the end what would have been denied
 *	host_mounts, sandbox_mounts   the two mount namespaces
 *	fuse         [{"fd": 7, "mount": 8, "path": "/home/u"}, …], see rungs/sandbox/doors_files.h
 *	net          [9, …] what the net door serves, in the order of plan/net_door.h
 *	control      a socket to rung: "ready" is said once; its end ends the doors
 *	socket       where other front ends may answer, see docs/ask-socket.md
 *	memory       the file of remembered answers
 *	terminal     a descriptor of the person's terminal, where it is not the controlling one
 *	no_terminal, no_desktop       do not ask there
 */

#include "ask.h"
#include "files.h"
#include "policy.h"

struct handoff_fds {
	int *items;
	size_t count;
};

struct handoff {
	struct policy_settings policy;
	struct ask_settings ask;
	const char *learn; /* NULL: no */
	bool audit;
	int host_mounts, sandbox_mounts, control; /* -1: none */
	struct file_door_place *places;
	size_t place_count;
	struct handoff_fds net;
};

/** Its strings live in the arena. Descriptors become close-on-exec. Tells a story. */
[[nodiscard]] int handoff_read(int fd, struct arena *arena, struct handoff *ret);

/** The same from text, descriptors untouched. */
[[nodiscard]] int handoff_parse(
	const char *text, size_t length, struct arena *arena, struct handoff *ret);
