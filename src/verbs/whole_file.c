// SPDX-License-Identifier: Apache-2.0

#include "verbs/whole_file.h"

#include "base/error.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int whole_file_open(
	const char *path, unsigned mode, struct arena *arena, struct whole_file *ret_file)
{
	struct stat about;
	struct whole_file file = {.path = path};
	bool special = stat(path, &about) == 0 && !S_ISREG(about.st_mode);
	if (!special)
		file.temporary = arena_format(arena, "%s.rung-%d", path, (int)getpid());
	file.fd = special ? open(path, O_RDWR | O_CLOEXEC | O_NOCTTY)
			  : open(file.temporary, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, mode);
	if (file.fd < 0 && special)
		file.fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (file.fd < 0)
		return fail(-errno, "%s", path);
	*ret_file = file;
	return 0;
}

int whole_file_finish(struct whole_file *file, int r)
{
	if (file->fd >= 0 && r >= 0 && file->temporary && rename(file->temporary, file->path) < 0)
		r = fail(-errno, "%s", file->path);
	if (file->fd >= 0 && r < 0 && file->temporary)
		(void)unlink(file->temporary);
	close_now(file->fd);
	return r;
}
