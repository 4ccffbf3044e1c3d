// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Staying with a program in the foreground: signals go to it, a terminal's bytes and size go both
 * ways, its exit status becomes ours.
 */

#include "rungs/container/container.h"

#include <stdbool.h>
#include <termios.h>

struct attendant {
	int console_fd;  /* for container_request.console_fd; -1 without a relay */
	int receiver_fd; /* where the terminal's master arrives */
	int master;
	int signal_fd;
	bool raw; /* our terminal was changed and must be changed back */
	/*
	 * Looks at what the person typed before the program gets it. May write up to 16 bytes more
	 * than there were to @out. True: the person leaves. NULL: nobody looks. The caller's to set
	 * between attend_begin() and attend().
	 */
	bool (*filter)(void *context, const unsigned char *typed, size_t length, unsigned char *out,
		size_t *ret_length);
	void *filter_context;
	struct termios saved;
};

/**
 * To be called before the program is started, so that no signal is lost in between. @relay: give it
 * a terminal of ours and carry its bytes.
 */
[[nodiscard]] int attend_begin(bool relay, struct attendant *ret_attendant);

/** attend() returns this when the person has left by the filter's word; the program goes on. */
#define ATTEND_DETACHED 1000

/** Waits for the end. Returns the exit status, 128 + n for signal n; negative errno. */
[[nodiscard]] int attend(struct attendant *attendant, const struct container_process *process);

/**
 * For a process of its own after ATTEND_DETACHED: takes what the program writes to its terminal, so
 * that it does not wait for us, until it has ended.
 */
void attend_detached(const struct attendant *attendant, const struct container_process *process);

/** Gives our terminal back as it was. */
void attend_fini(struct attendant *attendant);
