// SPDX-License-Identifier: Apache-2.0

/*
 * One cgroup's directory and its files. A place is opened once, contained by
 * construction: from its mount point, beneath it, over no link and no other
 * mount. From then on its files are names relative to the descriptor, each
 * written by one write(2), as cgroup files want it.
 *
 * What can go wrong is told with the limit, the file, the value and, where the
 * kernel's errno has one usual meaning, with what to do.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define CGROUP_FILE_LIMIT (4UL * 1024 * 1024)

int cgroup_directory_open(const struct cgroup_place *place, struct cgroup_directory *ret_directory)
{
	/* openat(): musl's open() sets FD_CLOEXEC once more by a call of its own. */
	autoclose int mount_fd =
		openat(AT_FDCWD, place->mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (mount_fd < 0)
		return -errno;
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	const char *below = place->path[1] ? place->path + 1 : ".";
	int fd = kernel_openat2(mount_fd, below, &how);
	if (fd < 0)
		return fd;
	*ret_directory = (struct cgroup_directory){.fd = fd, .place = place};
	return 0;
}

int cgroup_directory_of(const struct cgroup_location *location, const struct cgroup_place *place,
	struct cgroup_directory *ret_directory)
{
	size_t index = (size_t)(place - location->places);
	if (!location->directory_fds || location->directory_fds[index] < 0)
		return cgroup_directory_open(place, ret_directory);
	*ret_directory = (struct cgroup_directory){
		.fd = location->directory_fds[index], .place = place, .borrowed = true};
	return 0;
}

void cgroup_directory_fini(struct cgroup_directory *directory)
{
	if (!directory->borrowed)
		scope_close(&directory->fd);
	directory->fd = -1;
}

const struct cgroup_place *cgroup_v2_place(const struct cgroup_location *location)
{
	for (size_t i = 0; i < location->place_count; i++)
		if (place_is_v2(&location->places[i]))
			return &location->places[i];
	return NULL;
}

const struct cgroup_place *cgroup_v1_place(
	const struct cgroup_location *location, enum cgroup_controller controller)
{
	const char *name = controller_facts[controller].v1_name;
	for (size_t i = 0; name && i < location->place_count; i++)
		if (controllers_hold(location->places[i].controllers, name))
			return &location->places[i];
	return NULL;
}

static void hint_for(const struct cgroup_directory *directory, const char *file, int r)
{
	char controller[32];
	snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."), file);
	switch (r) {
	case -ENOENT:
		if (place_is_v2(directory->place))
			hint("the controller \"%s\" is not enabled for this cgroup: see %s/"
			     "cgroup.controllers; for ordinary users `systemctl edit "
			     "user@.service`, "
			     "[Service] Delegate=cpu cpuset io memory pids",
				controller, directory->place->mount_point);
		else
			hint("this kernel was built or started without it");
		break;
	case -EACCES:
	case -EPERM:
		if (text_starts(file, "devices.") && !in_user_namespace())
			hint("a cgroup cannot allow what the one above it denies: inside of "
			     "another container the outer one must be allowed the device "
			     "(--device-cgroup-rule, --privileged)");
		hint("the cgroup, or one above it, does not let this user do so");
		break;
	case -EROFS:
		hint("%s is mounted read-only", directory->place->mount_point);
		break;
	default:
		break;
	}
}

int cgroup_write_failed(const struct cgroup_directory *directory, const char *limit,
	const char *file, const char *value, int r)
{
	r = fail(r, "%s: write \"%s\" to %s%s/%s", limit, value, directory->place->mount_point,
		directory->place->path, file);
	hint_for(directory, file, r);
	return r;
}

int cgroup_write(const struct cgroup_directory *directory, const char *limit, const char *file,
	const char *format, ...)
{
	char value[512];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	int r = length < 0 || (size_t)length >= sizeof(value)
			? -E2BIG
			: fs_write_existing(directory->fd, file, value);
	return r < 0 ? cgroup_write_failed(directory, limit, file, value, r) : 0;
}

int cgroup_read(const struct cgroup_directory *directory, const char *file, struct arena *arena,
	const char **ret_text)
{
	autofree char *text = NULL;
	size_t length;
	int r = fs_read(directory->fd, file, CGROUP_FILE_LIMIT, &text, &length);
	if (r < 0)
		return r;
	if (length > 0 && text[length - 1] == '\n')
		length--;
	*ret_text = arena_strndup(arena, text, length);
	return 0;
}

int cgroup_read_u64(const struct cgroup_directory *directory, const char *file, uint64_t *ret_value)
{
	char text[64];
	int r = fs_read_small(directory->fd, file, text, sizeof(text));
	if (r < 0)
		return r;
	if (r > 0 && text[r - 1] == '\n')
		text[r - 1] = '\0';
	r = text_equal(text, "max") ? -ERANGE : parse_uint64(text, UINT64_MAX, ret_value);
	if (r == -ERANGE) {
		*ret_value = UINT64_MAX;
		r = 0;
	}
	return r;
}

int cgroup_read_key(const struct cgroup_directory *directory, const char *file, const char *key,
	uint64_t *ret_value)
{
	char text[4096];
	size_t key_length = strlen(key);
	int r = fs_read_small(directory->fd, file, text, sizeof(text));
	if (r < 0)
		return r;
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, key, key_length) == 0 && line[key_length] == ' ')
			return parse_uint64(line + key_length + 1, UINT64_MAX, ret_value);
	return -ENOENT;
}
