// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "walls/mounts.h"

/** True for a mount that overlay_open() makes. */
bool mount_is_overlay(const struct plan_mount *mount);

/**
 * A detached overlay (Documentation/filesystems/overlayfs.rst) from a mount's data: "lowerdir=" as
 * mount(8) writes it, of any length and any number of layers, "upperdir=", "workdir=" and flags.
 *
 * With @mount->idmap the lower layers, not the overlay, which cannot be, are seen through the
 * container's id maps; that needs the host's privileges (Linux 5.19). Tells a story.
 */
[[nodiscard]] int overlay_open(
	const struct plan *plan, const struct plan_mount *mount, const struct mount_room *room);
