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

/* On another mount than its parent. */
static bool is_mounted(const char *path)
{
	uint64_t own, parents;
	autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int parent = fd < 0 ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return parent >= 0 && kernel_mount_id(fd, &own) == 0 &&
	       kernel_mount_id(parent, &parents) == 0 && own != parents;
}

static int mount_layers(const char *place, const struct strings *lowers)
{
	if (lowers->count == 0)
		return mount("empty", place, "tmpfs", MS_RDONLY, "size=4k") < 0 ? -errno : 0;
	if (lowers->count == 1) {
		if (mount(lowers->items[0], place, NULL, MS_BIND, NULL) < 0)
			return -errno;
		if (mount(NULL, place, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0)
			return 0;
		int r = -errno;
		(void)umount2(place, MNT_DETACH);
		return r;
	}
	autofini(text_fini) struct text data = {};
	for (size_t i = 0; i < lowers->count; i++)
		text_format(&data, "%s%s", i ? ":" : "lowerdir=", lowers->items[i]);
	return mount("overlay", place, "overlay", MS_RDONLY, text_get(&data)) < 0 ? -errno : 0;
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
	if (!is_mounted(place)) {
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
		if (is_mounted(place))
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
	if (!is_mounted(place))
		return must ? refuse(-EINVAL, "image %s is not mounted",
				      image_shown_id(image->id, false, false, invocation->arena))
			    : 0;
	if (umount2(place, UMOUNT_NOFOLLOW | (options->force ? MNT_DETACH : 0)) < 0)
		return fail(-errno, "unmount %s", place);
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
