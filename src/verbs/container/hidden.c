// SPDX-License-Identifier: Apache-2.0

#include "verbs/container/hidden.h"

#include "base/scope.h"

int container_hidden_paths(
	const struct instance *instance, struct arena *arena, struct strings *ret_paths)
{
	static const char *const always[] = {"/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts",
		"/etc/resolv.conf", "/etc/mtab", "/run/secrets", "/run/.containerenv",
		"/.dockerenv"};
	struct run_request request = {};
	int r = instance_load_request(instance, arena, &request);
	if (r < 0)
		return r;
	const struct run_resolved *resolved = &request.resolved;
	const char **paths = arena_new(arena, const char *,
		array_length(always) + resolved->mount_count + resolved->secret_count +
			request.files.tmpfs.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < array_length(always); i++)
		paths[count++] = always[i];
	for (size_t i = 0; i < resolved->mount_count; i++)
		paths[count++] = resolved->mounts[i].destination;
	for (size_t i = 0; i < resolved->secret_count; i++)
		if (!resolved->secrets[i].environment && resolved->secrets[i].target &&
			resolved->secrets[i].target[0] == '/')
			paths[count++] = resolved->secrets[i].target;
	*ret_paths = (struct strings){paths, count};
	return 0;
}
