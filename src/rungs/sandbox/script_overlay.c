// SPDX-License-Identifier: Apache-2.0

/*
 * Overlays of a scripted sandbox: host directories on top of each other, with or without a place to
 * write to. Mount data has its own punctuation; a path that holds any is named by a descriptor.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "rungs/sandbox/script_internal.h"
#include "walls/overlay.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LAYERS_MAX 500 /* the kernel's */

/* Descriptors that names stand for; open until the mount is made. */
struct names {
	int fds[LAYERS_MAX + 2];
	size_t count;
};

static void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		close_now(names->fds[i]);
}

static int add_descriptor(struct names *names, int dir_fd, const char *path, struct text *data)
{
	int fd = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "Can't find source path %s", path);
	names->fds[names->count++] = fd;
	text_add(data, fd_path(fd).text);
	return 0;
}

static int add_path(struct names *names, const char *path, struct text *data)
{
	if (strpbrk(path, "\":,\\"))
		return add_descriptor(names, AT_FDCWD, path, data);
	text_add(data, path);
	return 0;
}

/* Where what is written is forgotten: two directories that nobody inside ever sees. */
static int add_forgotten(struct script_room *room, struct names *names, struct text *data)
{
	char upper[32], work[32];
	unsigned number = room->caught_count++;
	(void)snprintf(upper, sizeof(upper), "upper-%u", number);
	(void)snprintf(work, sizeof(work), "work-%u", number);
	if (mkdirat(room->base_fd, upper, 0755) < 0 || mkdirat(room->base_fd, work, 0755) < 0)
		return fail(-errno, "Creating --tmp-overlay upperdir failed");
	text_add(data, ",upperdir=");
	int r = add_descriptor(names, room->base_fd, upper, data);
	text_add(data, ",workdir=");
	return r < 0 ? r : add_descriptor(names, room->base_fd, work, data);
}

static int write_data(struct script_room *room, const struct sandbox_operation *operation,
	struct names *names, struct text *data)
{
	if (operation->layer_count > LAYERS_MAX)
		return refuse(-E2BIG, "Can't make overlay mount on %s: more than %d layers",
			operation->destination, LAYERS_MAX);
	int r = 0;
	for (size_t i = 0; r == 0 && i < operation->layer_count; i++) {
		text_add(data, i ? ":" : "lowerdir=");
		r = add_path(names, operation->layers[i], data);
	}
	if (r == 0 && operation->temporary)
		r = add_forgotten(room, names, data);
	if (r == 0 && operation->source) {
		text_add(data, ",upperdir=");
		r = add_path(names, operation->source, data);
		text_add(data, ",workdir=");
		if (r == 0)
			r = add_path(names, operation->work, data);
	}
	text_add(data, ",userxattr");
	return r;
}

int script_mount_overlay(struct script_room *room, const struct sandbox_operation *operation)
{
	const char *destination = operation->destination;
	autofini(names_fini) struct names names = {};
	autofini(text_fini) struct text data = {};
	autoclose int point = script_mount_point(room, destination, true);
	if (point < 0)
		return point;
	int r = write_data(room, operation, &names, &data);
	if (r < 0)
		return r;
	/* Where an old kernel's overlay is put for a moment; see walls/overlay.c. */
	const struct plan plan = {.root_path = "/tmp"};
	const struct plan_mount mount = {
		.destination = destination, .type = "overlay", .data = text_get(&data)};
	const struct mount_room mount_room = {
		.root_fd = room->root_fd, .mount_label = room->script->file_label};
	autoclose int fd = overlay_open(&plan, &mount, &mount_room);
	if (fd == -ELOOP)
		return refuse(fd,
			"Can't make overlay mount on %s with options %s: Overlay directories may "
			"not overlap",
			destination, text_get(&data));
	if (fd < 0)
		return wrap(fd, "Can't make overlay mount on %s with options %s", destination,
			text_get(&data));
	r = script_attach(room, fd, point);
	return r < 0 ? fail(r, "Can't make overlay mount on %s", destination) : 0;
}
