// SPDX-License-Identifier: Apache-2.0

/*
 * `rung image mount`: an image's root tree as a directory of the host, read-only, to look at or
 * scan. The only mounts that rung makes on the host, so they are made by this verb alone and last
 * until `image unmount` or the end of the machine.
 *
 *	<state>/images/HEX    one for each mounted image
 */

#include <sys/mount.h> /* before kernel.h, which defines what it lacks */

#include "base/fs.h"
#include "base/kernel.h"
#include "verbs/image/common.h"

#include <fcntl.h>
#include <stdio.h>

struct image_mount_options {
	bool all;
	const char *format;
};

static const struct option image_mount_options[] = {
	{"-a, --all", "all images", flag_in(image_mount_options, all)},
	{"--format=FORMAT", "of the list: json, or a template",
		text_in(image_mount_options, format)},
	{},
};

static const char *place_of(const struct image *image, struct arena *arena)
{
	return arena_format(arena, "%s/%s", places_state("images", arena), digest_hex(image->id));
}

static int make_overlay(int fs, const struct strings *lowers)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < lowers->count; i++)
		r = kernel_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", lowers->items[i], 0);
	if (r != -EINVAL)
		return r;
	/* Before Linux 6.8 one string of at most 255 bytes. */
	autofini(text_fini) struct text data = {};
	for (size_t i = 0; i < lowers->count; i++)
		text_format(&data, "%s%s", i ? ":" : "", lowers->items[i]);
	return kernel_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", text_get(&data), 0);
}

/* A detached mount: an overlay wants two lower directories; one alone is shown as it is. */
static int open_layers(const struct strings *lowers)
{
	const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	if (lowers->count == 1) {
		autoclose int tree =
			kernel_open_tree(AT_FDCWD, lowers->items[0], OPEN_TREE_CLONE | O_CLOEXEC);
		int r = tree < 0 ? tree : kernel_mount_setattr(tree, "", AT_EMPTY_PATH, &read_only);
		return r < 0 ? r : take_fd(tree);
	}
	autoclose int fs = kernel_fsopen(lowers->count ? "overlay" : "tmpfs", FSOPEN_CLOEXEC);
	int r = fs < 0 ? fs : make_overlay(fs, lowers);
	if (r == 0)
		r = kernel_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : kernel_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
}

static int mount_layers(const char *place, const struct strings *lowers)
{
	autoclose int tree = open_layers(lowers);
	if (tree < 0)
		return tree;
	return kernel_move_mount(tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
}

static int mount_image(struct invocation *invocation, struct store *store, const char *word)
{
	struct arena *arena = invocation->arena;
	struct image image;
	struct strings lowers;
	int r = image_find(store, word, arena, &image);
	if (r < 0)
		return r;
	const char *place = place_of(&image, arena);
	if (!fs_is_mount_point(place)) {
		r = image_lowers(store, &image, arena, &lowers);
		if (r == 0)
			r = fs_make_dirs(place, 0700);
		if (r < 0)
			return r;
		r = mount_layers(place, &lowers);
		if (r < 0) {
			fail(r, "mount image %s", word);
			if (r == -EPERM)
				hint("mounting on the host is for root; rung create IMAGE and "
				     "rung cp copy files out of an image");
			return r;
		}
		image_note("mount", &image, word);
	}
	puts(place);
	return 0;
}

static void write_mount(struct json_writer *writer, struct invocation *invocation,
	const struct image *image, const char *place)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", image_shown_id(image->id, false, false, invocation->arena));
	json_write_string(writer, "id", digest_hex(image->id));
	json_write_string(writer, "Repository",
		image->names.count > 0
			? image_shown_name(invocation, image->names.items[0], invocation->arena)
			: "<none>");
	json_write_string(writer, "mountpoint", place);
	json_write_string(writer, "Mountpoint", place);
	json_close(writer);
}

static int list_mounts(struct invocation *invocation, struct store *store)
{
	static const struct output_column columns[] = {
		{"ID", .hidden = true}, {"Repository"}, {"Mountpoint", "MOUNTPOINT"}, {}};
	const struct image_mount_options *options = options_of(invocation, image_mount_options);
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	struct image *images;
	size_t count;
	int r = image_list(store, invocation->arena, &images, &count);
	if (r < 0)
		return r;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		const char *place = place_of(&images[i], invocation->arena);
		if (fs_is_mount_point(place))
			write_mount(&writer, invocation, &images[i], place);
	}
	json_close(&writer);
	const struct output output = {
		.columns = columns, .format = options->format, .no_heading = true};
	return output_rows(&output, &rows);
}

static int run_mount(struct invocation *invocation)
{
	const struct image_mount_options *options = options_of(invocation, image_mount_options);
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	int status = 0, r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r < 0)
		return r;
	if (!options->all && invocation->argument_count == 0)
		return list_mounts(invocation, &store);
	struct image *images = NULL;
	size_t count = 0;
	if (options->all)
		r = image_list(&store, invocation->arena, &images, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (mount_image(invocation, &store, images[i].id) < 0)
			status = image_tell(invocation, invocation->failure_status);
	}
	for (size_t i = 0; r == 0 && i < invocation->argument_count; i++) {
		if (mount_image(invocation, &store, invocation->arguments[i]) < 0)
			status = image_tell(invocation, invocation->failure_status);
	}
	return r < 0 ? r : status;
}

const struct verb verb_image_mount = {
	.name = "mount",
	.summary = "show the files of an image as a directory",
	.arguments = "[IMAGE...]",
	.failure_status = 125,
	verb_options(image_mount_options),
	.completers = image_completers,
	.run = run_mount,
	.description = "Mounts the images' root trees read-only and prints where. Without an "
		       "IMAGE it lists what is mounted. For root.",
};

/* ---- unmount ------------------------------------------------------------------------- */

struct image_unmount_options {
	bool all, force;
};

static const struct option image_unmount_options[] = {
	{"-a, --all", "all that are mounted", flag_in(image_unmount_options, all)},
	{"-f, --force", "also while somebody is in there", flag_in(image_unmount_options, force)},
	{},
};

static int unmount(struct invocation *invocation, const struct image *image, bool must)
{
	const struct image_unmount_options *options = options_of(invocation, image_unmount_options);
	const char *place = place_of(image, invocation->arena);
	if (!fs_is_mount_point(place))
		return must ? refuse(-EINVAL, "image %s is not mounted",
				      image_shown_id(image->id, false, false, invocation->arena))
			    : 0;
	int r = kernel_umount(place, options->force ? MNT_DETACH : 0);
	if (r < 0)
		return fail(r, "unmount %s", place);
	(void)rmdir(place);
	puts(digest_hex(image->id));
	image_note("unmount", image, NULL);
	return 0;
}

static int run_unmount(struct invocation *invocation)
{
	const struct image_unmount_options *options = options_of(invocation, image_unmount_options);
	if (options->all == (invocation->argument_count > 0))
		return usage_error(invocation, "which image? name one, or --all");
	autofini(store_fini) struct store store = STORE_NONE;
	struct image *images = NULL, image;
	size_t count = 0;
	int status = 0, r = image_store_open(invocation, &store);
	if (r == 0 && options->all)
		r = image_list(&store, invocation->arena, &images, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (unmount(invocation, &images[i], false) < 0)
			status = image_tell(invocation, invocation->failure_status);
	}
	for (size_t i = 0; i < invocation->argument_count; i++) {
		r = image_find(&store, invocation->arguments[i], invocation->arena, &image);
		if (r == 0)
			r = unmount(invocation, &image, true);
		if (r < 0)
			status = image_tell(invocation, invocation->failure_status);
	}
	return status;
}

const struct verb verb_image_unmount = {
	.name = "unmount",
	.aliases = "umount",
	.summary = "take away the directories of image mount",
	.arguments = "[IMAGE...]",
	.failure_status = 125,
	verb_options(image_unmount_options),
	.completers = image_completers,
	.run = run_unmount,
};
