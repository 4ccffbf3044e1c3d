// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Moving mounts into the sandbox, by small processes of their own that live in its mount namespace.
 * move_mount(2) waits for the lock of the directory that it covers; whoever holds that lock may be
 * waiting for an answer of the door, so the door itself must never wait for it. And these helpers
 * hold no FUSE descriptor: if rung-door dies while one waits, the door is closed by its death, all
 * are told ENOTCONN, and the helper gets the lock and ends.
 */

#include "base/loop.h"

struct mounter;

struct mounter_settings {
	int namespace_fd;     /* the sandbox's mount namespace */
	const int *door_fds;  /* the mounts of the doors */
	const int *close_fds; /* what helpers must not hold */
	size_t door_count, close_count;
};

/** The settings are copied, but not what they point to. Starts one helper. Tells a story. */
[[nodiscard]] int mounter_new(
	struct loop *loop, const struct mounter_settings *settings, struct mounter **ret);
void mounter_free(struct mounter *mounter);

/** 0 or negative errno. */
typedef void (*mounter_done)(int result, void *context);

/**
 * Moves the detached mount at @tree_fd (the caller's to close) over @path below door number @door;
 * "" is the door itself. -EXDEV: something is mounted there or above it already. Maybe called
 * back from inside. Tells a story, and calls nobody, when it could not even begin.
 */
[[nodiscard]] int mounter_put(struct mounter *mounter, int tree_fd, size_t door, const char *path,
	mounter_done done, void *context);
