// SPDX-License-Identifier: Apache-2.0
#pragma once

/* One entry to systemd's journal, without its library. */

#include "engine/instance/logs.h"

#include <stddef.h>

/**
 * Sends a line. @partial: it goes on in the next one. Waits at most a moment for a journal that is
 * busy; then -EAGAIN. No story.
 */
[[nodiscard]] int journal_send(const struct logs_settings *settings, bool error_stream,
	const char *line, size_t length, bool partial);

void journal_close(void);
