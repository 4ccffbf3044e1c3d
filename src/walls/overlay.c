// SPDX-License-Identifier: Apache-2.0

/*
 * Overlays of many layers. In: one line of mount data, as long as it must be. Out: a detached
 *mount.
 *
 * fsconfig(2) takes values of at most 255 bytes, an image's list of layers is longer than that from
 * the third layer on. In order of preference:
 *
 *	lowerdir=A:B	short enough
 *	lowerdir+=A	once for each layer (Linux 6.7)
 *	mount(2)	with layers named by descriptor, "/proc/self/fd/7": 4095 bytes are enough
 *			for 200 of them. It attaches at once, so it is done on top of the root and
 *			taken off again, which needs a mount namespace of our own.
 *
 * A path that is itself too long, or holds what separates paths, is named by descriptor as well.
 *
 * Id-mapped layers must be attached somewhere for overlayfs to take them (until Linux 6.15); a
 *child with a mount namespace of its own does that and ends. The overlay has its own references
 *then.
 */

#include "walls/overlay.h"

#include <sys/mount.h> /* before kernel.h, which defines what it lacks */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define VALUE_MAX 255
#define FULL_BYTES \
	(64u << 10)    /* an inode and a directory take less, but not always from what is told */
#define LAYERS_MAX 500 /* OVL_MAX_STACK, fs/overlayfs/params.h */

struct overlay {
	char *copy; /* of the data; what follows points into it */
	char **lowers;
	size_t lower_count;
	const char *upper, *work;
	char **rest;
	size_t rest_count;
	const char *label; /* SELinux context of its files; NULL: none */
	int *fds;          /* that names stand for */
	size_t fd_count;
};

static void overlay_fini(struct overlay *overlay)
{
	for (size_t i = 0; i < overlay->fd_count; i++)
		close_now(overlay->fds[i]);
	free(overlay->copy);
	free(overlay->lowers);
	free(overlay->rest);
	free(overlay->fds);
}

bool mount_is_overlay(const struct plan_mount *mount)
{
	return !mount->bind && mount->type && text_equal(mount->type, "overlay") && mount->data &&
	       strstr(mount->data, "lowerdir=");
}

/* ---- reading the data ---------------------------------------------------------------- */

/* Cuts "a,\"b,c\",d" at commas outside of quotes and takes the quotes out. */
static char *next_option(char **rest)
{
	char *option = *rest, *to = option;
	bool quoted = false;
	if (!option)
		return NULL;
	const char *from = option;
	for (; *from && (quoted || *from != ','); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*rest = *from ? (char *)(uintptr_t)from + 1 : NULL;
	*to = '\0';
	return option;
}

/* "A:B\:C" → "A", "B:C" */
static void split_lowers(struct overlay *overlay, char *value)
{
	char *to = value;
	overlay->lowers[overlay->lower_count++] = value;
	for (const char *from = value; *from; from++) {
		if (*from == '\\' && from[1]) {
			*to++ = *++from;
		} else if (*from == ':') {
			*to++ = '\0';
			overlay->lowers[overlay->lower_count++] = to;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static int parse(const struct plan_mount *mount, struct overlay *overlay)
{
	size_t length = strlen(mount->data);
	overlay->copy = strdup(mount->data);
	overlay->lowers = calloc(length + 2, sizeof(char *));
	overlay->rest = calloc(length + 2, sizeof(char *));
	overlay->fds = calloc(LAYERS_MAX + 3, sizeof(int));
	if (!overlay->copy || !overlay->lowers || !overlay->rest || !overlay->fds)
		return fail(-ENOMEM, "overlay on %s", mount->destination);
	char *rest = overlay->copy, *option;
	while ((option = next_option(&rest))) {
		if (text_starts(option, "lowerdir=") && overlay->lower_count == 0)
			split_lowers(overlay, option + strlen("lowerdir="));
		else if (text_starts(option, "upperdir="))
			overlay->upper = option + strlen("upperdir=");
		else if (text_starts(option, "workdir="))
			overlay->work = option + strlen("workdir=");
		else if (*option)
			overlay->rest[overlay->rest_count++] = option;
	}
	if (overlay->lower_count > LAYERS_MAX)
		return refuse(-E2BIG, "overlay on %s: %zu layers are more than the kernel's %d",
			mount->destination, overlay->lower_count, LAYERS_MAX);
	return 0;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_plain(const char *path)
{
	return strlen(path) <= VALUE_MAX && !strpbrk(path, ":,\\\"");
}

/* The path itself, or a descriptor's; @buffer holds the latter. */
static const char *name(struct overlay *overlay, const char *path, bool always, char buffer[32])
{
	if (!always && is_plain(path))
		return path;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)fail(-errno, "overlay of %s", path);
		return NULL;
	}
	overlay->fds[overlay->fd_count++] = fd;
	(void)snprintf(buffer, 32, "/proc/self/fd/%d", fd);
	return buffer;
}

/* ---- the file system's context --------------------------------------------------------------- */

static int refused(int r, int context, const char *what)
{
	char words[256];
	ssize_t n = read(context, words, sizeof(words) - 1);
	if (n <= 2)
		return fail(r, "overlay: %s", what);
	words[n] = '\0';
	words[strcspn(words, "\n")] = '\0';
	return fail(r, "overlay: %s", words + 2);
}

static int set(int context, const char *key, const char *value)
{
	int r = value ? kernel_fsconfig(context, FSCONFIG_SET_STRING, key, value, 0)
		      : kernel_fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
	return r < 0 ? refused(r, context, key) : 0;
}

static int set_path(struct overlay *overlay, int context, const char *key, const char *path)
{
	char buffer[32];
	const char *value = path ? name(overlay, path, false, buffer) : NULL;
	return !path ? 0 : value ? set(context, key, value) : -ENOENT;
}

static int set_rest(const struct overlay *overlay, int context)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < overlay->rest_count; i++) {
		char *option = overlay->rest[i], *value = strchr(option, '=');
		if (value)
			*value++ = '\0';
		r = set(context, option, value);
		if (value)
			value[-1] = '=';
	}
	return r;
}

/* All in one value; false if it is too long or not as plain as that. */
static bool join_lowers(const struct overlay *overlay, char out[VALUE_MAX + 1])
{
	size_t length = 0;
	for (size_t i = 0; i < overlay->lower_count; i++) {
		if (!is_plain(overlay->lowers[i]))
			return false;
		int n = snprintf(out + length, VALUE_MAX + 1 - length, "%s%s", i ? ":" : "",
			overlay->lowers[i]);
		length += (size_t)n;
		if (length > VALUE_MAX)
			return false;
	}
	return true;
}

/* -EOPNOTSUPP without a story: this kernel cannot take them one by one. */
static int set_lowers(struct overlay *overlay, int context)
{
	char joined[VALUE_MAX + 1];
	if (join_lowers(overlay, joined))
		return set(context, "lowerdir", joined);
	for (size_t i = 0; i < overlay->lower_count; i++) {
		char buffer[32];
		const char *value = name(overlay, overlay->lowers[i], false, buffer);
		if (!value)
			return -ENOENT;
		int r = kernel_fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", value, 0);
		if (r == -EINVAL && i == 0)
			return -EOPNOTSUPP;
		if (r < 0)
			return refused(r, context, overlay->lowers[i]);
	}
	return 0;
}

static int create(struct overlay *overlay, unsigned attributes)
{
	autoclose int context = kernel_fsopen("overlay", FSOPEN_CLOEXEC);
	if (context < 0)
		return fail(context, "file system type overlay");
	int r = kernel_fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if (r == 0)
		r = set_rest(overlay, context);
	if (r == 0 && overlay->label)
		r = set(context, "context", overlay->label);
	if (r == 0)
		r = set_lowers(overlay, context);
	if (r == 0)
		r = set_path(overlay, context, "upperdir", overlay->upper);
	if (r == 0)
		r = set_path(overlay, context, "workdir", overlay->work);
	if (r < 0)
		return r;
	r = kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return refused(r, context, "mount");
	int fd = kernel_fsmount(context, FSMOUNT_CLOEXEC, attributes);
	return fd < 0 ? refused(fd, context, "mount") : fd;
}

/* ---- the old way --------------------------------------------------------------------------------
 */

static int add_name(struct overlay *overlay, const char *key, const char *path, struct text *data)
{
	char buffer[32];
	const char *value = name(overlay, path, true, buffer);
	if (value)
		text_format(data, "%s%s", key, value);
	return value ? 0 : -ENOENT;
}

static unsigned long old_flags(uint64_t attributes)
{
	return (attributes & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0) |
	       (attributes & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0) |
	       (attributes & MOUNT_ATTR_NODEV ? MS_NODEV : 0) |
	       (attributes & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0);
}

static int create_by_mount(struct overlay *overlay, const char *on, unsigned attributes)
{
	autofini(text_fini) struct text data = {};
	int r = 0;
	for (size_t i = 0; r == 0 && i < overlay->lower_count; i++)
		r = add_name(overlay, i ? ":" : "lowerdir=", overlay->lowers[i], &data);
	if (r == 0 && overlay->upper)
		r = add_name(overlay, ",upperdir=", overlay->upper, &data);
	if (r == 0 && overlay->work)
		r = add_name(overlay, ",workdir=", overlay->work, &data);
	if (r < 0)
		return r;
	for (size_t i = 0; i < overlay->rest_count; i++)
		text_format(&data, ",%s", overlay->rest[i]);
	if (data.length >= 4096)
		return refuse(-E2BIG, "overlay: %zu layers are too many for this kernel",
			overlay->lower_count);
	if (mount("overlay", on, "overlay", old_flags(attributes), text_get(&data)) < 0)
		return fail(-errno, "mount an overlay of %zu layers", overlay->lower_count);
	int fd = kernel_open_tree(AT_FDCWD, on, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	(void)kernel_umount(on, MNT_DETACH);
	return fd < 0 ? fail(fd, "overlay") : fd;
}

/* ---- id-mapped layers
 * ------------------------------------------------------------------------------ */

struct answer {
	int fd;
	char story[1024], advice[512];
};

struct helper {
	struct overlay *overlay;
	unsigned attributes;
	int userns_fd;
	struct answer *answer;
};

/* Each layer becomes a directory "0", "1" … of the present one, which also makes for short names.
 */
static int map_layer(const struct helper *helper, int directory, size_t index)
{
	const char *path = helper->overlay->lowers[index];
	char place[16];
	(void)snprintf(place, sizeof(place), "%zu", index);
	autoclose int layer = kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (layer < 0)
		return fail(layer, "layer %s", path);
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)helper->userns_fd};
	int r = kernel_mount_setattr(layer, "", AT_EMPTY_PATH, &attributes);
	if (r < 0) {
		r = fail(r, "map the ids of layer %s", path);
		hint("its file system cannot be mounted with other ids; ext4, xfs and btrfs can, "
		     "overlays and network file systems cannot");
		return r;
	}
	if (mkdirat(directory, place, 0700) < 0)
		return fail(-errno, "layer %s", path);
	r = kernel_move_mount(layer, "", directory, place, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "layer %s", path) : 0;
}

static int map_layers(const struct helper *helper)
{
	static const char shelf[] = "/sys"; /* no image's layers are there */
	struct overlay *overlay = helper->overlay;
	struct mount_attr cut = {.propagation = MS_PRIVATE};
	if (unshare(CLONE_NEWNS) < 0)
		return fail(-errno, "create a mount namespace");
	int r = kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &cut);
	if (r < 0)
		return fail(r, "cut the mount namespace off");
	autoclose int room = mount_new_filesystem("tmpfs", "tmpfs", "mode=0700", 0);
	if (room < 0)
		return room;
	r = kernel_move_mount(room, "", AT_FDCWD, shelf, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "mount on %s", shelf);
	for (size_t i = 0; r == 0 && i < overlay->lower_count; i++)
		r = map_layer(helper, room, i);
	if (r == 0 && fchdir(room) < 0)
		r = fail(-errno, "enter %s", shelf);
	static char places[LAYERS_MAX][4];
	for (size_t i = 0; i < overlay->lower_count; i++) {
		(void)snprintf(places[i], sizeof(places[i]), "%u", (unsigned)i % 1000);
		overlay->lowers[i] = places[i];
	}
	if (r < 0)
		return r;
	r = create(overlay, helper->attributes);
	if (r != -EOPNOTSUPP || *error_text())
		return r;
	if (mkdirat(room, "overlay", 0700) < 0)
		return fail(-errno, "create a mount point");
	return create_by_mount(overlay, "overlay", helper->attributes);
}

/* The child shares our table of descriptors: what it opens, we have. */
static int create_mapped(struct helper *helper)
{
	struct answer *answer = mmap(
		NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		return fail(-errno, "overlay");
	answer->fd = -ECHILD;
	struct clone_args arguments = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		answer->fd = map_layers(helper);
		(void)snprintf(answer->story, sizeof(answer->story), "%s", error_text());
		(void)snprintf(answer->advice, sizeof(answer->advice), "%s", error_hint());
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	int r = pid < 0 ? fail(pid, "fork") : answer->fd;
	if (pid > 0 && r < 0)
		r = error_adopt(r, answer->story, answer->advice);
	(void)munmap(answer, sizeof(*answer));
	return r;
}

/* ---- all of it
 * ----------------------------------------------------------------------------------------- */

static int open_mapped(
	const struct plan *plan, const struct plan_mount *mount, struct overlay *overlay)
{
	const struct plan_id_maps *uids =
		mount->uid_maps.count ? &mount->uid_maps : &plan->uid_maps;
	const struct plan_id_maps *gids =
		mount->gid_maps.count ? &mount->gid_maps : &plan->gid_maps;
	if (!uids->count || !gids->count)
		return refuse(-EINVAL, "overlay on %s: the container has no id mappings",
			mount->destination);
	autoclose int userns = userns_open(uids, gids);
	if (userns < 0)
		return userns;
	struct helper helper = {.overlay = overlay,
		.attributes = (unsigned)(mount->attributes_set | mount->recursive_set),
		.userns_fd = userns};
	return create_mapped(&helper);
}

/*
 * Where the kernel cannot make its work directory it says so in its log, mounts read-only, and
 * reports success. The program would find that out file by file.
 */
static int check_writable(const struct overlay *overlay, unsigned attributes, int fd)
{
	struct statvfs about;
	if (fd < 0 || !overlay->upper || attributes & MOUNT_ATTR_RDONLY ||
		fstatvfs(fd, &about) < 0 || !(about.f_flag & ST_RDONLY))
		return fd;
	/* It tells the numbers of the upper directory's file system. */
	bool full = about.f_bavail * about.f_frsize < FULL_BYTES || about.f_favail == 0;
	(void)close(fd);
	return fail(full ? -ENOSPC : -EROFS, "mount the overlay: the kernel cannot write to %s",
		overlay->work);
}

int overlay_open(
	const struct plan *plan, const struct plan_mount *mount, const struct mount_room *room)
{
	autofini(overlay_fini) struct overlay overlay = {.label = room->mount_label};
	unsigned attributes = (unsigned)(mount->attributes_set | mount->recursive_set);
	int r = parse(mount, &overlay);
	if (r < 0)
		return r;
	if (mount->idmap || mount->idmap_recursive)
		return check_writable(&overlay, attributes, open_mapped(plan, mount, &overlay));
	r = check_writable(&overlay, attributes, create(&overlay, attributes));
	if (r == -EOPNOTSUPP && !*error_text() && room->root_fd >= 0)
		r = check_writable(&overlay, attributes,
			create_by_mount(&overlay, plan->root_path, attributes));
	if (r == -EOPNOTSUPP && !*error_text())
		return refuse(
			r, "overlay on %s: too many layers for this kernel", mount->destination);
	return r;
}
