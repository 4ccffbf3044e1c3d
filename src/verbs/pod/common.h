// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the verbs of pods share. */

#include "cli/complete.h"
#include "cli/verb.h"
#include "engine/instance/pod.h"
#include "verbs/pod/list.h"

struct pods_wishes {
	bool all, latest, ignore;
};

/**
 * Those that the arguments name, or all, or the one made last. Those that do not exist are told and
 * counted in *ret_missing. -EINVAL with a story where none was named.
 */
[[nodiscard]] int pods_find(const struct invocation *invocation, const struct pods_wishes *wishes,
	struct pod **ret_pods, size_t *ret_count, unsigned *ret_missing);

#define POD_DECLARE_(name) extern const struct verb verb_##name;
POD_INNER_VERBS(POD_DECLARE_)
#undef POD_DECLARE_
