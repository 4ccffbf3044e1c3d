// SPDX-License-Identifier: Apache-2.0

/*
 * From our plan to the config.json of another runtime. A plan is OCI runtime-spec with few
 * additions; each is either said in the specification's words, or done by us before, or refused:
 *
 *	mount on "/"            a root path, where the overlay lies in the runtime's mount namespace
 *	other overlays, volumes that are filled, parts of binds, id-mapped mounts
 *	                        mounted below that root before the runtime sees it
 *	our own filter          spelled out for the program's capabilities
 *	a user's user namespace entered before; the runtime is its root
 *	Landlock                refused
 */

#include "base/error.h"
#include "base/log.h"
#include "rungs/foreign/internal.h"
#include "walls/overlay.h"
#include "walls/seccomp.h"

#include <linux/capability.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/syscall.h>

bool foreign_owns_users(const struct plan *plan)
{
	return geteuid() != 0 && plan->namespaces[PLAN_NS_USER].wanted;
}

/* ---- mounts ---------------------------------------------------------------------------------- */

static bool is_ours(const struct plan_mount *mount)
{
	bool mapped = mount->idmap || mount->idmap_recursive;
	return !mount->remount &&
	       (mount_is_overlay(mount) || mapped ||
		       (mount->bind && (mount->tmpcopyup || mount->source_below)));
}

static bool lies_below(const char *path, const char *above)
{
	size_t length = strlen(above);
	while (length && above[length - 1] == '/')
		length--;
	return length && strncmp(path, above, length) == 0 && path[length] == '/';
}

/* What is mounted first is covered by what the runtime mounts above it. */
static int check_covered(const struct plan *plan, size_t index)
{
	const char *path = plan->mounts[index].destination;
	for (size_t i = 0; i < index; i++)
		if (!is_ours(&plan->mounts[i]) && lies_below(path, plan->mounts[i].destination))
			return refuse(-EOPNOTSUPP,
				"mount %s: another runtime cannot do this below %s", path,
				plan->mounts[i].destination);
	return 0;
}

static bool is_mapped(const struct plan_id_maps *maps, uint64_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id >= maps->items[i].container_id &&
			id - maps->items[i].container_id < maps->items[i].size)
			return true;
	return false;
}

/* devpts refuses "gid=5" where that group is not mapped; without, the caller's group will do. */
static const char *without_group(
	const char *data, const struct plan_id_maps *groups, struct arena *arena)
{
	const char *word = data ? strstr(data, "gid=") : NULL;
	unsigned group;
	if (!word || sscanf(word, "gid=%u", &group) != 1 || is_mapped(groups, group))
		return data;
	size_t length = strcspn(word, ",");
	const char *after = word[length] ? word + length + 1 : "";
	return arena_format(arena, "%.*s%s", (int)(word - data), data, after);
}

/* In a user namespace: what its root may not mount is bound from the host, as we do it. */
static void fit_mount(const struct plan *plan, struct arena *arena, struct plan_mount *mount)
{
	if (!foreign_owns_users(plan) || mount->bind || !mount->type)
		return;
	mount->data = without_group(mount->data, &plan->gid_maps, arena);
	if (!text_equal(mount->type, "sysfs") || plan_new_namespace(plan, PLAN_NS_NETWORK))
		return;
	mount->type = "bind";
	mount->source = "/sys";
	mount->bind = mount->recursive = true;
	mount->data = NULL;
}

static int divide_mounts(const struct plan *plan, struct arena *arena, struct foreign_plan *to)
{
	struct plan_mount *theirs = arena_new(arena, struct plan_mount, plan->mount_count + 1);
	size_t count = 0;
	to->ours = arena_new(arena, size_t, plan->mount_count + 1);
	for (size_t i = 0; i < plan->mount_count; i++) {
		if (is_ours(&plan->mounts[i])) {
			int r = check_covered(plan, i);
			if (r < 0)
				return r;
			to->ours[to->ours_count++] = i;
			continue;
		}
		theirs[count] = plan->mounts[i];
		fit_mount(plan, arena, &theirs[count++]);
	}
	to->plan.mounts = theirs;
	to->plan.mount_count = count;
	return 0;
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static void spell_out_filter(struct arena *arena, struct plan *plan)
{
	const char *policy = plan_annotation(plan, FILTER_ANNOTATION);
	if (plan->has_seccomp || !policy || !text_equal(policy, FILTER_ANNOTATION_DEFAULT))
		return;
	seccomp_policy_for(&plan->process.capabilities, arena, &plan->seccomp);
	plan->has_seccomp = true;
}

/*
 * Capabilities that we lack cannot be given: other runtimes fail there, the program shall go
 * without, as it does behind walls of ours. Whoever enters a user namespace has all in it.
 */
static int clamp_capabilities(struct plan *plan)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (plan->namespaces[PLAN_NS_USER].wanted)
		return 0;
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(-errno, "read capabilities");
	uint64_t have = data[0].permitted | (uint64_t)data[1].permitted << 32;
	struct plan_capabilities *wanted = &plan->process.capabilities;
	if ((wanted->permitted | wanted->bounding) & ~have)
		warn("rung itself lacks capabilities 0x%llx: the container goes without",
			(unsigned long long)((wanted->permitted | wanted->bounding) & ~have));
	wanted->bounding &= have;
	wanted->permitted &= have;
	wanted->effective &= have;
	wanted->inheritable &= have;
	wanted->ambient &= have;
	return 0;
}

/*
 * All agree on absolute paths. Where we are in v2 alone, that of our own place, since an ordinary
 * user may only go where he was delegated to.
 */
static void name_cgroup(
	const struct container_record *record, struct arena *arena, struct plan *plan)
{
	const struct cgroup_location *cgroup = &record->cgroup;
	if (cgroup->manager == CGROUP_DISABLED || cgroup->place_count == 0)
		plan->cgroups_path = NULL;
	else if (cgroup->manager == CGROUP_SYSTEMD && !plan->cgroups_path)
		plan->cgroups_path = arena_format(
			arena, "%s:rung:%s", cgroup->slice ? cgroup->slice : "", record->id);
	else if (cgroup->manager == CGROUP_SYSTEMD)
		return;
	else if (cgroup->place_count == 1 && cgroup->places[0].controllers[0] == '\0')
		plan->cgroups_path = cgroup->places[0].path;
	else if (!plan->cgroups_path || plan->cgroups_path[0] != '/')
		plan->cgroups_path = arena_format(arena, "/%s%s",
			plan->cgroups_path ? plan->cgroups_path : "rung-",
			plan->cgroups_path ? "" : record->id);
}

int foreign_config(const struct plan *plan, const struct container_record *record,
	struct arena *arena, struct foreign_plan *ret_foreign)
{
	struct foreign_plan foreign = {.plan = *plan};
	/* What has come since is read all the same, but older ones refuse a version they do not
	 * know (crun 1.8: "unknown version specified"). */
	foreign.plan.oci_version = "1.0.2";
	if (plan->landlock.given) {
		int r = refuse(-EOPNOTSUPP, "%s knows no Landlock rules", record->runtime);
		hint("run it without --runtime");
		return r;
	}
	int r = divide_mounts(plan, arena, &foreign);
	if (r < 0)
		return r;
	spell_out_filter(arena, &foreign.plan);
	name_cgroup(record, arena, &foreign.plan);
	r = clamp_capabilities(&foreign.plan);
	if (r < 0)
		return r;
	if (foreign_owns_users(plan)) {
		foreign.plan.namespaces[PLAN_NS_USER] = (struct plan_namespace_entry){};
		foreign.plan.uid_maps = foreign.plan.gid_maps = (struct plan_id_maps){};
	}
	*ret_foreign = foreign;
	return 0;
}
