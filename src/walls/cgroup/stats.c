// SPDX-License-Identifier: Apache-2.0
#include "walls/cgroup/internal.h"

int cgroup_stats_write(const struct cgroup_location *location, struct text *out)
{
	text_add(out, "{}");
	return 0;
}
