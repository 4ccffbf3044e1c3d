// SPDX-License-Identifier: Apache-2.0
#include "walls/lsm.h"

#include "base/error.h"
#include "base/fs.h"

#include <fcntl.h>

bool lsm_has_apparmor(void)
{
	autofree char *answer = NULL;
	int r = fs_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &answer, NULL);
	return r == 0 && answer[0] == 'Y';
}

bool lsm_has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static bool unconfined(const char *profile)
{
	return text_empty(profile) || text_equal(profile, "unconfined");
}

const char *lsm_profile(const struct plan_process *process)
{
	const char *profile = process->apparmor_profile;
	return unconfined(profile) && !lsm_has_apparmor() ? NULL : profile;
}

int lsm_check_process(const struct plan_process *process)
{
	if (!unconfined(process->apparmor_profile) && !lsm_has_apparmor()) {
		int r = refuse(-EOPNOTSUPP, "AppArmor profile %s: AppArmor is not enabled here",
			process->apparmor_profile);
		hint("run without a profile: --security-opt apparmor=unconfined");
		return r;
	}
	if (!text_empty(process->selinux_label) && !lsm_has_selinux()) {
		int r = refuse(-EOPNOTSUPP, "SELinux label %s: SELinux is not enabled here",
			process->selinux_label);
		hint("run without a label: --security-opt label=disable");
		return r;
	}
	return 0;
}

int lsm_check(const struct plan *plan)
{
	if (!text_empty(plan->mount_label) && !lsm_has_selinux())
		return refuse(-EOPNOTSUPP, "mount label %s: SELinux is not enabled here",
			plan->mount_label);
	return plan->has_process ? lsm_check_process(&plan->process) : 0;
}
