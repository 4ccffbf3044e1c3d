// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The root file system as a whole: attach it, hide parts of it, move into it. All of it happens
 * in a mount namespace of our own, by descriptors.
 */

#include "plan/plan.h"

/**
 * Cuts this mount namespace off from the host's (rslave, or what rootfsPropagation asks for) and
 * mounts the root directory on itself, as pivot_root(2) wants it. Returns a descriptor of the
 * attached root.
 */
[[nodiscard]] int rootfs_attach(const struct plan *plan);

/**
 * What masks are made of. Taken from the host before the container's root is entered, and checked
 * to be what it says it is (CVE-2025-31133).
 */
struct rootfs_mask {
	int null_fd;  /* the host's /dev/null, character device 1:3 */
	int empty_fd; /* an empty read-only tmpfs, -1 until first used */
};

[[nodiscard]] int rootfs_mask_init(struct rootfs_mask *ret_mask);
void rootfs_mask_fini(struct rootfs_mask *mask);

/** Hides one path: a file by the null device, a directory by an empty one. Absent paths are fine.
 */
[[nodiscard]] int rootfs_hide(int root_fd, struct rootfs_mask *mask, const char *path);

/** Makes one path and all below it read-only. Absent paths are fine. */
[[nodiscard]] int rootfs_make_readonly(int root_fd, const char *path);

/** Makes the root mount itself read-only. */
[[nodiscard]] int rootfs_seal(int root_fd);

enum rootfs_entry {
	ROOTFS_PIVOT,  /* pivot_root(2) and drop the old root */
	ROOTFS_MOVE,   /* --no-pivot: for a root on initramfs, which cannot be pivoted away */
	ROOTFS_CHROOT, /* no mount namespace of our own */
};

/** Makes root_fd the root and working directory of this process. */
[[nodiscard]] int rootfs_enter(int root_fd, enum rootfs_entry how);

/** Sets the propagation of the new root, after entering (rootfsPropagation). */
[[nodiscard]] int rootfs_set_propagation(unsigned long propagation);
