// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A command line of rung-layer, and the works that it can ask for. */

#include "report.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/** Descriptors are -1 where none was given. */
struct layer_command {
	int input, blob, tree, output, report, user_namespace, members, trees;
	const char *digest, *diff_id, *directory, *overlay, *path, *name;
	const char *exclude[256]; /* NULL at the end */
	size_t exclude_count;
	uint64_t size, entries_max, bytes_max;
	enum compression compression;
	int level;
	unsigned strip;
	uid_t uid;
	gid_t gid;
	bool has_owner, no_owners, keep_kinds, follow, has_latest_time;
	int64_t latest_time;
};

/* Each: 0 and the report's facts, or negative errno with a story. */
[[nodiscard]] int layer_unpack(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_decode(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_extract(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_pack(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_archive(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_encode(const struct layer_command *command, struct report *report);
[[nodiscard]] int layer_split(const struct layer_command *command, struct report *report);
