// SPDX-License-Identifier: Apache-2.0

/*
 * The connection between a client and a monitor: made, accepted, found. Carrying the bytes is
 * attach_client.c.
 */

#include "engine/instance/attach.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/instance/detach_keys.h"
#include "plan/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * The directory's path may be longer than a socket's address (108 bytes): it is reached through its
 * descriptor, whose name is short.
 */
static int address(const char *run_directory, int *ret_directory_fd, struct sockaddr_un *ret)
{
	int fd = open(run_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/" ATTACH_SOCKET, fd_path(fd).text);
	*ret_directory_fd = fd;
	return 0;
}

int attach_listen(const char *run_directory)
{
	autoclose int directory_fd = -1;
	struct sockaddr_un name;
	int r = address(run_directory, &directory_fd, &name);
	if (r < 0)
		return fail(r, "open %s", run_directory);
	(void)unlinkat(directory_fd, ATTACH_SOCKET, 0);
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "create a socket");
	/* Nobody can connect before listen(2), so the mode is there in time. */
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
		chmod(name.sun_path, 0600) < 0 || listen(fd, 16) < 0)
		return fail(-errno, "listen on %s/" ATTACH_SOCKET, run_directory);
	return take_fd(fd);
}

int attach_pair(int *ret_client_fd, int *ret_monitor_fd)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	*ret_client_fd = ends[0];
	*ret_monitor_fd = ends[1];
	return 0;
}

int attach_connect(const char *run_directory)
{
	autoclose int directory_fd = -1;
	struct sockaddr_un name;
	int r = address(run_directory, &directory_fd, &name);
	if (r < 0)
		return fail(r, "open %s", run_directory);
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, "create a socket");
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return fail(-errno, "reach the container's monitor at %s/" ATTACH_SOCKET,
			run_directory);
	return take_fd(fd);
}

const char *attach_default_keys(struct arena *arena)
{
	const char *directory = getenv("DOCKER_CONFIG"), *home = places_home();
	const char *path = directory ? arena_format(arena, "%s/config.json", directory)
			   : home    ? arena_format(arena, "%s/.docker/config.json", home)
				     : NULL;
	autofree char *bytes = NULL;
	size_t length;
	autofini(json_document_fini) struct json_document document = {};
	struct detach_keys unused;
	struct json keys;
	if (path && fs_read(AT_FDCWD, path, 1 << 20, &bytes, &length) == 0 &&
		json_parse(bytes, length, path, arena, &document) == 0 &&
		json_find(&document.top, "detachKeys", &keys) && keys.value->type == JSON_STRING &&
		detach_keys_read(keys.value->text, &unused) == 0)
		return arena_strdup(arena, keys.value->text);
	error_clear();
	return ATTACH_DETACH_KEYS;
}

int attach_check_detach_keys(const char *keys)
{
	struct detach_keys unused;
	return keys ? detach_keys_read(keys, &unused) : 0;
}
