// SPDX-License-Identifier: Apache-2.0

/*
 * The child of a scripted sandbox, from its birth to the fork of the program.
 *
 *	ids        its own alone, onto whom it is to be inside. A devpts needs a root in the user
 *	           namespace that mounts it: then it is root here, and gets back who it is to be
 *	           in a second user namespace inside the first
 *	root       the operations (script_root.c)
 *	doors      no further user namespaces, if that is wanted: the first one's limit is set to
 *the one that is about to be made, and nobody in that has rights over the limit program
 *script_program.c
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/sandbox/script_internal.h"
#include "walls/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- what is told ------------------------------------------------------------------------ */

void script_tell(int channel_fd, uint32_t kind, int exit_status)
{
	struct handoff_report report = {.kind = kind, .exit_status = exit_status};
	ssize_t n = write(channel_fd, &report, HANDOFF_REPORT_BARE);
	(void)n; /* a monitor that is gone needs no news */
}

void script_tell_failure(int channel_fd)
{
	struct handoff_report report = {.kind = HANDOFF_FAILED};
	(void)snprintf(report.text, sizeof(report.text), "%s", error_text());
	(void)snprintf(report.advice, sizeof(report.advice), "%s", error_hint());
	ssize_t n = write(channel_fd, &report, sizeof(report));
	(void)n;
}

/* ---- ids ------------------------------------------------------------------------------------ */

static bool new_userns(const struct sandbox_script *script)
{
	return script->namespaces & CLONE_NEWUSER;
}

static int write_own(const struct script_child *child, const char *path, const char *text)
{
	int r = fs_write_existing(child->proc_fd, path, text);
	return r < 0 ? fail(r, "write /proc/%s", path) : 0;
}

static int write_maps(const struct script_child *child, uid_t uid, uid_t outer_uid, gid_t gid,
	gid_t outer_gid, bool deny_groups)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "%u %u 1\n", uid, outer_uid);
	int r = write_own(child, "self/uid_map", text);
	if (r < 0)
		return wrap(r, "setting up uid map");
	if (deny_groups)
		r = write_own(child, "self/setgroups", "deny");
	if (r < 0)
		return wrap(r, "error writing to setgroups");
	(void)snprintf(text, sizeof(text), "%u %u 1\n", gid, outer_gid);
	r = write_own(child, "self/gid_map", text);
	return r < 0 ? wrap(r, "setting up gid map") : 0;
}

static bool makes_devices(const struct sandbox_script *script)
{
	for (size_t i = 0; i < script->operation_count; i++)
		if (script->operations[i].kind == SANDBOX_DEVICES)
			return true;
	return false;
}

/* A joined namespace may know other ids than ours. */
static int take_ids(const struct script_child *child)
{
	const struct sandbox_script *script = child->script;
	if (script->userns_fd < 0)
		return 0;
	if (script->uid != child->outer_uid && setuid(script->uid) < 0)
		return fail(-errno, "unable to switch to uid %u", script->uid);
	if (script->gid != child->outer_gid && setgid(script->gid) < 0)
		return fail(-errno, "unable to switch to gid %u", script->gid);
	return 0;
}

static int enter_userns(struct script_child *child)
{
	const struct sandbox_script *script = child->script;
	int r = 0;
	if (new_userns(script) || script->userns_fd >= 0)
		r = script_drop_bounding(script->capabilities);
	if (r == 0)
		r = take_ids(child);
	child->first_uid = script->uid;
	child->first_gid = script->gid;
	if (r < 0 || !new_userns(script) || script->userns_block_fd >= 0)
		return r;
	if (makes_devices(script))
		child->first_uid = child->first_gid = 0;
	return write_maps(child, child->first_uid, child->outer_uid, child->first_gid,
		child->outer_gid, true);
}

/* ---- the second user namespace -----------------------------------------------------------------
 */

static int enter_second_userns(const struct script_child *child)
{
	const struct sandbox_script *script = child->script;
	if (script->second_userns_fd >= 0 && setns(script->second_userns_fd, CLONE_NEWUSER) < 0)
		return fail(-errno, "Setting userns2 failed");
	bool other = child->first_uid != script->uid || child->first_gid != script->gid;
	if (!new_userns(script) || script->userns_block_fd >= 0 ||
		(!other && !script->disable_userns))
		return 0;
	int r = 0;
	if (script->disable_userns)
		r = write_own(child, "sys/user/max_user_namespaces", "1");
	if (r < 0)
		return wrap(r, "sysctl user.max_user_namespaces = 1");
	if (unshare(CLONE_NEWUSER) < 0)
		return fail(-errno, "unshare user ns");
	r = script_drop_bounding(script->capabilities);
	return r < 0 ? r
		     : write_maps(child, script->uid, child->first_uid, script->gid,
			       child->first_gid, false);
}

static int check_userns_disabled(const struct sandbox_script *script)
{
	if (!script->disable_userns && !script->assert_userns_disabled)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return 0;
	return refuse(-EPERM, "creation of new user namespaces was not disabled as requested");
}

/* ---- in order
 * -------------------------------------------------------------------------------------- */

/* False when the monitor is gone. */
static bool wait_at_gate(const struct script_child *child)
{
	char go;
	ssize_t n;
	do
		n = child->gated ? recv(child->channel_fd, &go, sizeof(go), 0) : 1;
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static int build(struct script_child *child)
{
	struct sandbox_script *script = child->script;
	int r = enter_userns(child);
	step("ids mapped");
	if (r == 0 && script->namespaces & CLONE_NEWNET)
		r = netns_loopback_up();
	if (r < 0)
		return r;
	child->umask = umask(0);
	child->old_directory = get_current_dir_name();
	r = script_build_root(script);
	if (r == 0)
		r = enter_second_userns(child);
	return r < 0 ? r : check_userns_disabled(script);
}

int script_child_live(struct script_child *child)
{
	struct sandbox_script *script = child->script;
	/* Whoever reads there waits for the end of it, perhaps before he lets us go. */
	close_now(script->info_fd);
	close_now(script->status_fd);
	if (!wait_at_gate(child))
		return 1;
	child->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = child->proc_fd < 0 ? fail(-errno, "Can't open /proc") : build(child);
	step("root entered");
	if (r == 0)
		return script_become(child);
	script_tell_failure(child->channel_fd);
	return 1;
}
