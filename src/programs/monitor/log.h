// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Writes a container's log in the forms of engine/instance/logs.h. Nothing here blocks longer than
 * a moment and nothing fails: what cannot be kept is counted, said in the log as soon as it can be
 * written again, and said at once through a callback.
 */

#include "engine/instance/logs.h"

#include <stddef.h>

enum log_stream { LOG_OUTPUT, LOG_ERROR_STREAM, LOG_STREAM_COUNT };

/** Is told once for each spell of trouble, in words for a person. */
typedef void (*log_trouble)(const char *words, void *context);

/** There is one log in a process. @settings must outlive it. */
void log_begin(const struct logs_settings *settings, log_trouble trouble, void *context);

/** Keeps these bytes; what is one line is one record, however many calls it came in. */
void log_write(enum log_stream stream, const void *bytes, size_t length);

/** Keeps what was held back, and closes. */
void log_end(void);

/** How many bytes of output could not be kept so far. */
uint64_t log_lost_bytes(void);
