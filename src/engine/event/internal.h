// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to engine/event: the files' names and what both sides need. */

#include "engine/event/event.h"

#define EVENT_FILE "events.log"
#define EVENT_OLD_FILE "events.log.1"

/** Nanoseconds after 1970. */
int64_t event_now(void);

/** The data directory; negative errno without a story. */
int event_open_directory(struct arena *arena);

/** filter.c */
bool event_fits(const struct event *event, const struct event_query *query);
