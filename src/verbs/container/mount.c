// SPDX-License-Identifier: Apache-2.0

/*
 * `rung mount`: a container's files as a directory of the host. One that runs has its root under
 * /proc, where it can be read and written as it lives; nothing is mounted for that. One that does
 * not run is shown as it is on disk, read-only: its overlay must have but one writer, and that is
 * the container's next start.
 *
 *	<state>/mounts/ID    one for each mounted container
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/output.h"
#include "engine/container/idmap.h"
#include "engine/instance/tree.h"
#include "plan/json_write.h"
#include "verbs/container/container.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct mount_options {
	bool all, latest, no_trunc;
	const char *format;
};

static const struct option mount_options[] = {
	{"-a, --all", "all containers", flag_in(mount_options, all)},
	{"-l, --latest", "the container that was created last", flag_in(mount_options, latest)},
	{"--format=FORMAT", "of the list: json, or a template", text_in(mount_options, format)},
	{"--no-trunc", "whole ids in the list", flag_in(mount_options, no_trunc)},
	{},
};

static const char *place_of(const struct instance *instance, struct arena *arena)
{
	return arena_format(arena, "%s/%s", places_state("mounts", arena), instance->id);
}

static int mount_stack(const struct instance *instance, const char *place, struct arena *arena)
{
	if (!run_is_host_root()) {
		int r = refuse(-EPERM, "mounting on the host is for root");
		hint("rung cp and rung export bring files out of a container");
		return r;
	}
	int r = fs_make_dirs(place, 0700);
	if (r < 0)
		return r;
	autoclose int stack = instance_open_stack(instance, arena);
	if (stack < 0)
		return stack;
	r = kernel_move_mount(stack, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "mount on %s", place) : 0;
}

static int mount_one(const struct instance *instance, struct arena *arena, const char **ret_path)
{
	if (instance_is_alive(instance) && instance->state.pid > 0) {
		*ret_path = arena_format(arena, "/proc/%d/root", (int)instance->state.pid);
		return 0;
	}
	const char *place = place_of(instance, arena);
	int r = fs_is_mount_point(place) ? 0 : mount_stack(instance, place, arena);
	if (r < 0)
		return wrap(r, "mount %s", instance->name);
	instance_event(instance, "mount", NULL, 0);
	*ret_path = place;
	return 0;
}

static int list_mounts(struct invocation *invocation)
{
	static const struct output_column columns[] = {
		{"ID"}, {"Name", .hidden = true}, {"Mountpoint"}, {}};
	const struct mount_options *options = options_of(invocation, mount_options);
	struct arena *arena = invocation->arena;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		const char *place = place_of(&instances[i], arena);
		if (!fs_is_mount_point(place))
			continue;
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "ID",
			options->no_trunc ? instances[i].id
					  : arena_strndup(arena, instances[i].id, 12));
		json_write_string(&writer, "Name", instances[i].name);
		json_write_string(&writer, "Mountpoint", place);
		json_close(&writer);
	}
	json_close(&writer);
	const struct output output = {
		.columns = columns, .format = options->format, .no_heading = true};
	return output_rows(&output, &rows);
}

static int run_mount(struct invocation *invocation)
{
	const struct mount_options *options = options_of(invocation, mount_options);
	struct several several;
	if (!options->all && !options->latest && !invocation->argument_count)
		return list_mounts(invocation);
	int r = several_find(invocation,
		&(const struct several_wishes){.all = options->all, .latest = options->latest},
		&several);
	if (r < 0)
		return r;
	several.quiet = true;
	for (size_t i = 0; i < several.count; i++) {
		const char *path = NULL;
		r = mount_one(&several.items[i], invocation->arena, &path);
		several_said(&several, &several.items[i], r);
		if (r == 0 && invocation->argument_count == 1)
			puts(path);
		else if (r == 0)
			printf("%.12s %s\n", several.items[i].id, path);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_mount = {
	.name = "mount",
	.summary = "show a container's files as a directory",
	.arguments = "[CONTAINER...]",
	verb_options(mount_options),
	.completers = container_completers,
	.description =
		"Prints where a container's files are. Of one that runs that is its own root, to "
		"read and to write; one that does not run is mounted read-only, for root. Without "
		"a CONTAINER it lists what is mounted.",
	.examples = "Which files it has\n$ ls $(rung mount web)\n",
	.run = run_mount,
};

/* ---- unmount ------------------------------------------------------------------------------ */

struct unmount_options {
	bool all, latest, force;
};

static const struct option unmount_options[] = {
	{"-a, --all", "all that are mounted", flag_in(unmount_options, all)},
	{"-l, --latest", "the container that was created last", flag_in(unmount_options, latest)},
	{"-f, --force", "also while somebody uses it", flag_in(unmount_options, force)},
	{},
};

static int run_unmount(struct invocation *invocation)
{
	const struct unmount_options *options = options_of(invocation, unmount_options);
	struct arena *arena = invocation->arena;
	struct several several;
	int r = several_find(invocation,
		&(const struct several_wishes){.all = options->all, .latest = options->latest},
		&several);
	if (r < 0)
		return r;
	for (size_t i = 0; i < several.count; i++) {
		const char *place = place_of(&several.items[i], arena);
		if (!fs_is_mount_point(place)) {
			if (!options->all)
				several_said(&several, &several.items[i], 0);
			continue;
		}
		r = kernel_umount(place, options->force ? MNT_DETACH : 0);
		if (r < 0)
			r = fail(r, "unmount %s", place);
		else
			(void)rmdir(place);
		several_said(&several, &several.items[i], r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_unmount = {
	.name = "unmount",
	.aliases = "umount",
	.summary = "undo a mount",
	.arguments = "[CONTAINER...]",
	verb_options(unmount_options),
	.completers = container_completers,
	.run = run_unmount,
};
