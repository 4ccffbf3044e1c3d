// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Logs that were written to systemd's journal, read back by its own program. */

#include "engine/instance/instance.h"

struct journal_question {
	bool follow, timestamps;
	const char *since, *until, *tail; /* as typed; NULL: not asked */
};

/** Runs journalctl(1) for the container's lines. Returns its status; negative errno, a story. */
[[nodiscard]] int journal_show(const struct instance *instance,
	const struct journal_question *question, struct arena *arena);
