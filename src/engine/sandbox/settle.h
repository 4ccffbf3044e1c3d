// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Writing down what the originals of changes are like (base.h): when runs end, and when an apply
 * has been taken back, for that gave the originals another time of change.
 */

#include "engine/sandbox/journal.h"

/**
 * After runs (@undone NULL): of each change that is not known yet, with a doubt where its original
 * has changed already. After @undone was taken back: of its changes alone, without a doubt. The
 * caller has the exclusive lock. Tells a story.
 */
[[nodiscard]] int settle(int sandbox_fd, const struct journal *undone);
