// SPDX-License-Identifier: Apache-2.0

/*
 * What a cgroup path may look like. Refusing is simpler than repairing: a path
 * that needs "..", "//" or a control character to say where it leads was made by
 * accident or by an attacker (crun's delegate cgroup escapes, fixed 1.27 to 1.29).
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <limits.h>

static int component_check(const char *path, const char *component, size_t length)
{
	if (length == 0)
		return refuse(-EINVAL, "cgroup path \"%s\" has an empty component", path);
	if (length > NAME_MAX)
		return refuse(-EINVAL, "cgroup path \"%s\" has a component of more than %d bytes",
			path, NAME_MAX);
	if (component[0] == '.' && (length == 1 || (length == 2 && component[1] == '.')))
		return refuse(
			-EINVAL, "cgroup path \"%s\" has \".\" or \"..\" as a component", path);
	return 0;
}

int cgroup_path_check(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return refuse(-EINVAL, "a cgroup path has control characters in it");
	if (strlen(path) >= PATH_MAX / 2)
		return refuse(-EINVAL, "a cgroup path has more than %d bytes", PATH_MAX / 2);

	const char *rest = path + (path[0] == '/');
	for (;;) {
		size_t length = strcspn(rest, "/");
		int r = component_check(path, rest, length);
		if (r < 0)
			return r;
		if (rest[length] == '\0')
			return 0;
		rest += length + 1;
	}
}
