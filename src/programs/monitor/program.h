// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What can be done to the program from outside: input, its terminal's size, signals. */

#include "engine/instance/wire.h"
#include "monitor.h"

struct program {
	struct loop *loop;
	struct loop_watch *watch;
	int input_fd; /* -1: closed */
	int pidfd;    /* the caller's */
	bool terminal;
	bool new_line; /* the last byte of input ended a line */
	void (*on_room)(void *context);
	void *context;
};

/** @on_room is called while program_watch() is on and the program can take input. */
[[nodiscard]] int program_init(struct program *program, struct loop *loop,
	const struct stream_settings *settings, int pidfd, void (*on_room)(void *context),
	void *context);
void program_fini(struct program *program);

/** How many bytes it took; all of them when nobody will ever read them. Never waits. */
[[nodiscard]] size_t program_write(
	struct program *program, const unsigned char *bytes, size_t length);

void program_watch(struct program *program, bool on);

/** Closes its standard input; a terminal is told that its input ends here. */
void program_end_input(struct program *program);

bool program_takes_input(const struct program *program);

/** @redraw: also where the size is what it was, so that the program shows itself to who comes. */
void program_resize(const struct program *program, const struct wire_size *size, bool redraw);

void program_signal(const struct program *program, int number);
