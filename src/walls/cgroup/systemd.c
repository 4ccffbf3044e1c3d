// SPDX-License-Identifier: Apache-2.0
#include "walls/cgroup/systemd.h"

#include "base/error.h"

#include <errno.h>

int cgroup_systemd_locate(const char *cgroups_path, const char *id, struct arena *arena,
	struct cgroup_location *location, const char **ret_path)
{
	return refuse(-EOPNOTSUPP, "the systemd cgroup driver is not there yet");
}

int cgroup_systemd_enter(const struct cgroup_location *location, const struct plan *plan, pid_t pid)
{
	return refuse(-EOPNOTSUPP, "the systemd cgroup driver is not there yet");
}

int cgroup_systemd_update(
	const struct cgroup_location *location, const struct plan_resources *resources)
{
	return refuse(-EOPNOTSUPP, "the systemd cgroup driver is not there yet");
}

int cgroup_systemd_stop(const struct cgroup_location *location)
{
	return refuse(-EOPNOTSUPP, "the systemd cgroup driver is not there yet");
}
