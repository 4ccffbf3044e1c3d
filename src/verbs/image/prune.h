// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "verbs/image/common.h"

/**
 * Removes images that no container uses: those without a name, or all; then collects what nobody
 * needs, waiting for those who use images just now. Adds a line for each to names.
 */
[[nodiscard]] int image_prune(struct invocation *invocation, struct store *store, bool all,
	const struct option_list *filters, struct text *names,
	struct store_collected *ret_collected);
