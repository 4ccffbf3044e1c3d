// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of the extraction share; see extract.h for what leaves it. */

#include "base/arena.h"
#include "extract.h"
#include "tree.h"

/** A name that waits for the end: a directory for its time, a link for what it leads to. */
struct extract_later {
	struct extract_later *next;
	char *path, *link; /* link: a hard link's; NULL: a directory's time */
	struct timespec modified;
};

struct extractor {
	const struct extract_options *options;
	struct report *report;
	struct tar_reader reader;
	struct tree tree;
	struct text path, link; /* the present member's, clean */
	size_t prefix;          /* length of options->directory and its slash in path */
	uid_t own_uid;
	gid_t own_gid;
	bool inherits; /* the tree has default ACLs, which new files would get */
	struct arena arena;
	struct extract_later *directories, **last_directory, *links, **last_link;
};

/** The file's bytes into fd. */
[[nodiscard]] int extract_content(
	struct extractor *extractor, const struct tar_entry *entry, int fd);

/**
 * Owner, mode, attributes and times of a member that was just made, by descriptor where there is
 * one (fd >= 0), else by name. Directories get their time at the end. Tells a story.
 */
[[nodiscard]] int extract_metadata(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int fd);
