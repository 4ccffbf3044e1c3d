// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One line that says how far something is. It is drawn only on a terminal, at
 * most ten times a second, so that progress never costs more than the work, and
 * it is gone when the work is done.
 *
 *	debian:12  [########          ]  12.3MB / 48.5MB  8.1MB/s
 */

#include "base/text.h"

struct progress {
	int fd;
	bool drawn;
	const char *label;
	uint64_t total;   /* 0: not known */
	int64_t start_ms; /* when it began */
	int64_t next_ms;  /* not drawn before */
};

/** Begins; label must live as long. total_bytes 0: nobody knows. */
void progress_start(struct progress *progress, int fd, const char *label, uint64_t total_bytes);

/** Says how much is done; draws if it is time. */
void progress_update(struct progress *progress, uint64_t done_bytes);

/** Takes the line away. */
void progress_fini(struct progress *progress);

/** The line itself, at most width columns wide. */
void progress_line(const struct progress *progress, uint64_t done_bytes, int64_t now_ms,
	unsigned width, struct text *out);
