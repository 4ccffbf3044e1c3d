// SPDX-License-Identifier: Apache-2.0

/* What bubblewrap's options say together, and what this machine can do of it. */

#include "base/error.h"
#include "base/fs.h"
#include "verbs/sandbox/bwrap.h"
#include "walls/lsm.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/stat.h>

static int check_userns(const struct bwrap_wishes *wishes)
{
	const struct sandbox_script *script = &wishes->script;
	if (script->userns_block_fd >= 0 && !wishes->unshare_user)
		return refuse(-EINVAL, "--userns-block-fd requires --unshare-user");
	if (script->userns_block_fd >= 0 && script->info_fd < 0)
		return refuse(-EINVAL, "--userns-block-fd requires --info-fd");
	if (script->userns_fd >= 0 && wishes->unshare_user)
		return refuse(-EINVAL, "--userns not compatible --unshare-user");
	if (script->userns_fd >= 0 && wishes->unshare_user_try)
		return refuse(-EINVAL, "--userns not compatible --unshare-user-try");
	if (script->disable_userns && !wishes->unshare_user)
		return refuse(-EINVAL, "--disable-userns requires --unshare-user");
	if (script->disable_userns && script->userns_block_fd >= 0)
		return refuse(
			-EINVAL, "--disable-userns is not compatible with  --userns-block-fd");
	return 0;
}

static bool file_says(const char *path, const char *text)
{
	char bytes[32];
	return fs_read_small(AT_FDCWD, path, bytes, sizeof(bytes)) > 0 && text_starts(bytes, text);
}

/* What root tries; others have no choice. */
static bool userns_possible(void)
{
	return access("/proc/self/ns/user", F_OK) == 0 &&
	       !file_says("/sys/module/user_namespace/parameters/enable", "N") &&
	       !file_says("/proc/sys/user/max_user_namespaces", "0\n");
}

static int choose_namespaces(struct bwrap_wishes *wishes)
{
	struct sandbox_script *script = &wishes->script;
	if (getuid() != 0 && script->userns_fd < 0)
		wishes->unshare_user = true;
	if (wishes->unshare_user || (wishes->unshare_user_try && userns_possible()))
		script->namespaces |= CLONE_NEWUSER;
	bool cgroup = access("/proc/self/ns/cgroup", F_OK) == 0;
	if (wishes->unshare_cgroup && !cgroup)
		return refuse(-EOPNOTSUPP, "Cannot create new cgroup namespace because the kernel "
					   "does not support it");
	if (cgroup && (wishes->unshare_cgroup || wishes->unshare_cgroup_try))
		script->namespaces |= CLONE_NEWCGROUP;
	return 0;
}

static int check_needs(const struct bwrap_wishes *wishes)
{
	const struct sandbox_script *script = &wishes->script;
	bool userns = script->namespaces & CLONE_NEWUSER || script->userns_fd >= 0;
	if (!userns && script->uid != getuid())
		return refuse(-EINVAL, "Specifying --uid requires --unshare-user or --userns");
	if (!userns && script->gid != getgid())
		return refuse(-EINVAL, "Specifying --gid requires --unshare-user or --userns");
	if (wishes->hostname && !(script->namespaces & CLONE_NEWUTS))
		return refuse(-EINVAL, "Specifying --hostname requires --unshare-uts");
	if (script->as_pid_1 && !(script->namespaces & CLONE_NEWPID))
		return refuse(-EINVAL, "Specifying --as-pid-1 requires --unshare-pid");
	if (script->as_pid_1 && script->lock_file_count)
		return refuse(-EINVAL, "Specifying --as-pid-1 and --lock-file is not permitted");
	if ((script->exec_label || script->file_label) && !lsm_has_selinux())
		return refuse(-EOPNOTSUPP, "labeling not supported on this system");
	return 0;
}

int bwrap_check(struct bwrap_wishes *wishes)
{
	int r = check_userns(wishes);
	if (r == 0)
		r = choose_namespaces(wishes);
	return r < 0 ? r : check_needs(wishes);
}
