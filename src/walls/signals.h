// SPDX-License-Identifier: Apache-2.0
#pragma once

/**
 * "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3", "SIGRTMAX-1" → number; -EINVAL. "0" is the empty
 * signal of kill(2). Numbers above SIGRTMAX are refused.
 */
[[nodiscard]] int signal_by_name(const char *name);
