// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to the profiles: the numbers of limits. */

#include "engine/sandbox/profile_text.h"

/**
 * "2g", "1.5", "100", "1h30m" in the units of struct profile_limits. -EINVAL with a story; 0, which
 * would mean no limit, is refused.
 */
[[nodiscard]] int profile_read_amount(
	enum profile_limit limit, const char *text, uint64_t *ret_amount);
