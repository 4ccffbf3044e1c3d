// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Members become files. In: an archive's members, in any order, from anybody. Out: a tree, of which
 * no member was made outside; or a story about the member that was wrong.
 *
 * A layer (options.overlay is set) is unpacked into a directory of its own that overlayfs will put
 * on others: ".wh.name" becomes a character device 0:0, ".wh..wh..opq" an attribute of its
 * directory (OCI image specification, layer.md, "Whiteouts"). Whiteouts are about lower layers
 * only, so they never touch what the same layer brings, in whichever order the two come.
 */

#include "report.h"
#include "tar.h"

#include <stdbool.h>
#include <sys/types.h>

struct extract_options {
	int tree_fd;
	const char *directory; /* where members go, below the tree; NULL: the tree itself */
	const char *
		overlay; /* "trusted.overlay." or "user.overlay.": it is a layer; NULL: it is not */
	bool no_owners;  /* files belong to us: there are no other ids here */
	bool has_owner;  /* all files belong to these */
	uid_t uid;
	gid_t gid;
	bool keep_kinds; /* a directory is not replaced by something else, nor the other way round
			  */
	unsigned strip;  /* leading components that are taken off names */
	uint64_t entries_max, bytes_max; /* against bombs; 0: the usual */
};

/** Reads the archive to its end. Adds to *report. Tells a story. */
[[nodiscard]] int extract(const struct tar_source *source, const struct extract_options *options,
	struct report *report);

/**
 * "./a//b/../c/" → "a/c" in *ret, "" for the tree itself; a leading "/" counts for nothing. 1:
 * done; 0: nothing is left after strip components. -EBADMSG with a story for what leads out of the
 * tree, -ENAMETOOLONG for components of more than 255 bytes.
 */
[[nodiscard]] int extract_clean_path(const char *path, unsigned strip, struct text *ret);
