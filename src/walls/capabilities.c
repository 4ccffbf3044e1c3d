// SPDX-License-Identifier: Apache-2.0
/*
 * The wanted sets in, the possible ones out. A bounding set is asked for bit by bit
 * because the question costs a tenth of a microsecond and needs no /proc.
 */
#include "walls/capabilities.h"

#include "base/log.h"
#include "plan/oci.h"

#include <linux/capability.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static bool known(int capability)
{
	return prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
}

int capabilities_last(void)
{
	static _Atomic int answer = -1;
	int last = atomic_load_explicit(&answer, memory_order_relaxed);
	if (last >= 0)
		return last;
	last = CAP_LAST_CAP; /* of the headers, so one or two questions are enough */
	while (last < 63 && known(last + 1))
		last++;
	while (last > 0 && !known(last))
		last--;
	atomic_store_explicit(&answer, last, memory_order_relaxed);
	return last;
}

uint64_t capabilities_all(void)
{
	return UINT64_MAX >> (63 - capabilities_last());
}

struct plan_capabilities capabilities_possible(const struct plan_capabilities *wanted)
{
	uint64_t all = capabilities_all();
	uint64_t unknown = (wanted->bounding | wanted->effective | wanted->inheritable |
				   wanted->permitted | wanted->ambient) &
			   ~all;
	for (int i = 0; i < 64; i++)
		if (unknown >> i & 1) {
			const char *name = plan_capability_name(i);
			warn("capability %s is unknown to this kernel and left out",
				name ? name : "of a number without name");
		}

	struct plan_capabilities possible = {
		.given = wanted->given,
		.bounding = wanted->bounding & all,
		.effective = wanted->effective & all,
		.inheritable = wanted->inheritable & all,
		.permitted = wanted->permitted & all,
		.ambient = wanted->ambient & all,
	};
	uint64_t refused = possible.ambient & ~(possible.permitted & possible.inheritable);
	for (int i = 0; i < 64; i++)
		if (refused >> i & 1)
			warn("%s cannot be ambient: it is not both permitted and inheritable",
				plan_capability_name(i));
	possible.ambient &= ~refused;
	return possible;
}
