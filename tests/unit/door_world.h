// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A sandbox as small as can be, for tests of rung-door: namespaces, one door, a program that is a
 * function of the test, and the test itself as the person who answers.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <sys/types.h>

struct world {
	char directory[64]; /* of everything below; removed at the end */
	char tree[96];      /* what the door stands for */
	char socket[96];
	char memory[96];
	char learned[96];
	pid_t supervisor, program;
	int control, front, go, result;
	int signal_fd; /* the program reads here what world_go() says after the first time */
	bool ended;
	int status;
};

struct world_settings {
	const char *tree;               /* NULL: a new directory with a few files */
	const char *allow, *deny, *ask; /* to read these, below the tree */
	const char *otherwise;          /* NULL: "ask" */
	bool learn;
	bool survives;                             /* the program outlives rung-door */
	int (*program)(const struct world *world); /* what it returns is its exit status */
};

/** Starts all; the program runs after world_go(). False, and a reason told, where it cannot be. */
bool world_start(struct world *world, const struct world_settings *settings);
void world_go(struct world *world);

/** The next question or other message, as JSON; fails the test after 20 s. */
const char *world_next(const struct world *world, struct arena *arena);
/** The next question must be about this ("read", below the tree: "letters/a"); returns its id. */
unsigned world_expect(const struct world *world, const char *kind, const char *name);
/** @name: what the answer is for; NULL: what was asked. */
void world_answer(const struct world *world, unsigned id, const char *answer, const char *name);

/** No question was put meanwhile. */
void world_expect_silence(const struct world *world);
/** The program's exit status; fails the test after 20 s. */
int world_end_of_program(struct world *world);
/** Ends rung-door and waits for it; what it wrote is there then. */
void world_stop(struct world *world);
/** The end of it all; returns rung-door's status. */
int world_end(struct world *world);
