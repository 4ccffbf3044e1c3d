// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The grammars of --volume, --mount and --tmpfs (docker-run(1), podman-run(1)). Pure: nothing is
 * looked up. What they give has a kind, a destination and options; sources are as typed.
 */

#include "engine/container/request.h"

/** Many mounts, growing. */
struct run_mounts {
	struct run_mount *items;
	size_t count, room;
};

/** Room for one more; the new item is zero. */
struct run_mount *run_mounts_add(struct run_mounts *mounts, struct arena *arena);

/**
 * [SOURCE:]DESTINATION[:OPTIONS]. A source that begins with "/" or "." is a path (kind bind), any
 * other a volume's name; without one an anonymous volume is meant. -EINVAL with a story.
 */
[[nodiscard]] int run_volume_word(
	const char *word, struct arena *arena, struct run_mount *ret_mount);

/** Comma-separated KEY[=VALUE], quoted as CSV. *ret_glob: the source is a pattern. */
[[nodiscard]] int run_mount_word(
	const char *word, struct arena *arena, struct run_mount *ret_mount, bool *ret_glob);

/** DESTINATION[:OPTIONS] */
[[nodiscard]] int run_tmpfs_word(
	const char *word, struct arena *arena, struct run_mount *ret_mount);

/** [a-zA-Z0-9][a-zA-Z0-9_.-]* */
bool run_is_volume_name(const char *name);

/** "/a//b/../c/" → "/a/c"; NULL if it is not absolute or is the root. */
const char *run_clean_path(const char *path, struct arena *arena);

void run_strings_add(struct strings *strings, const char *word, struct arena *arena);
bool run_strings_have(const struct strings *strings, const char *word);
