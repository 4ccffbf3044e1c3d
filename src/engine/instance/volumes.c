// SPDX-License-Identifier: Apache-2.0

/* Volumes that nobody gave a name: they go with their container. */

#include "engine/volume/volume.h"

#include "base/error.h"
#include "engine/instance/internal.h"

void instance_remove_volumes(const struct instance *instance, struct arena *arena)
{
	struct run_request request;
	if (instance_load_request(instance, arena, &request) < 0) {
		error_clear();
		return;
	}
	const struct run_resolved *resolved = &request.resolved;
	for (size_t i = 0; i < resolved->mount_count; i++) {
		const struct run_mount *mount = &resolved->mounts[i];
		struct volume volume;
		if (!mount->anonymous || mount->kind != RUN_MOUNT_VOLUME)
			continue;
		if (volume_find(request.data_root, mount->name, arena, &volume) < 0 ||
			!volume.anonymous || volume_remove(request.data_root, &volume) < 0)
			error_clear();
	}
}
