// SPDX-License-Identifier: Apache-2.0

/*
 * v2: sharing controllers out, from the root down to a cgroup's parent.
 *
 * cgroup.controllers lists what a cgroup got from above, cgroup.subtree_control
 * what its children get. One write enables several ("+memory +pids"), but fails as a whole
 * when one of them is missing, so what is there is read first.
 *
 * What a limit needs and cannot be had is an error. What only counts for
 * statistics is left out with a debug line: a cgroup that has processes of its
 * own (EBUSY) or belongs to root (EACCES) above ours is no reason to refuse
 * a container without limits.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>

#define CONTROLLERS_LIMIT 4096

static int read_mask(int dir_fd, const char *file, unsigned *ret_mask)
{
	autofree char *text = NULL;
	int r = fs_read(dir_fd, file, CONTROLLERS_LIMIT, &text, NULL);
	if (r < 0)
		return r;
	unsigned mask = 0;
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (controller_facts[c].v2_name && words_hold(text, controller_facts[c].v2_name))
			mask |= CONTROLLER_BIT(c);
	*ret_mask = mask;
	return 0;
}

static unsigned first_of(unsigned mask)
{
	return (unsigned)__builtin_ctz(mask);
}

static int refuse_missing(const struct cgroup_place *place, const char *level, unsigned lost)
{
	const struct controller_facts *facts = &controller_facts[first_of(lost)];
	int r = refuse(-ENODEV,
		"%s: the cgroup v2 controller \"%s\" is not available in %s/%s "
		"(cgroup.controllers)",
		facts->limit, facts->v2_name ? facts->v2_name : facts->v1_name, place->mount_point,
		level);
	if (!facts->v2_name)
		hint("cgroup v2 has no such limit");
	else if (geteuid() != 0)
		hint("delegate it: `systemctl edit user@.service`, [Service] Delegate=cpu cpuset "
		     "io memory pids, then log in again");
	else
		hint("the kernel lacks it, or it is bound to a v1 hierarchy (/proc/cgroups)");
	return r;
}

static int refuse_write(
	const struct cgroup_place *place, const char *level, unsigned lost, const char *text, int r)
{
	const struct controller_facts *facts = &controller_facts[first_of(lost)];
	r = fail(r, "%s: write \"%s\" to %s/%s/cgroup.subtree_control", facts->limit, text,
		place->mount_point, level);
	if (r == -EBUSY)
		hint("processes live in this very cgroup, so the kernel refuses to share out its "
		     "controllers: move them into a cgroup below it");
	else if (r == -EOPNOTSUPP)
		hint("this cgroup is threaded: it has no controllers of whole processes to share");
	else if (r == -EACCES || r == -EPERM)
		hint("this user may not share out controllers here; use --systemd-cgroup");
	return r;
}

static int share_level(int mount_fd, const struct cgroup_place *place, const char *level,
	unsigned wanted, unsigned required)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	autoclose int fd = kernel_openat2(mount_fd, level[0] ? level : ".", &how);
	if (fd < 0)
		return fail(fd, "open cgroup %s/%s", place->mount_point, level);
	unsigned shared = 0, available = 0;
	int r = read_mask(fd, "cgroup.subtree_control", &shared);
	if (r == 0 && (wanted & ~shared) == 0)
		return 0;
	if (r == 0)
		r = read_mask(fd, "cgroup.controllers", &available);
	if (r < 0)
		return fail(r, "read the controllers of cgroup %s/%s", place->mount_point, level);
	if (required & ~available)
		return refuse_missing(place, level, required & ~available);

	unsigned missing = wanted & available & ~shared;
	if (!missing)
		return 0;
	autofini(text_fini) struct text text = {};
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (missing & CONTROLLER_BIT(c))
			text_format(&text, "%s+%s", text.length ? " " : "",
				controller_facts[c].v2_name);
	r = fs_write_existing(fd, "cgroup.subtree_control", text_get(&text));
	if (r == 0)
		return 0;
	if (required & missing)
		return refuse_write(place, level, required & missing, text_get(&text), r);
	step("cgroup %s/%s does not share out %s: %s", place->mount_point, level, text_get(&text),
		strerror(-r));
	return 0;
}

/* Controllers that v2 does without: CPU time is counted always, devices are a BPF program. */
static unsigned only_files(unsigned mask)
{
	return mask & ~(CONTROLLER_BIT(CONTROLLER_CPUACCT) | CONTROLLER_BIT(CONTROLLER_DEVICES) |
			      CONTROLLER_BIT(CONTROLLER_FREEZER));
}

int cgroup_share_controllers(
	int mount_fd, const struct cgroup_place *place, unsigned wanted, unsigned required)
{
	wanted = only_files(wanted);
	required = only_files(required);
	if (!wanted)
		return 0;
	autofini(arena_fini) struct arena arena = {};
	char *walk = arena_strdup(&arena, place->path + 1);
	int r = share_level(mount_fd, place, "", wanted, required);
	for (char *c = walk; r == 0 && *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		r = share_level(mount_fd, place, walk, wanted, required);
		*c = '/';
	}
	return r;
}
