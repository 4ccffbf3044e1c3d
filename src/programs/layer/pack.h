// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of packing share: a walk through a tree, and what is known of its files. */

#include "base/arena.h"
#include "encode.h"
#include "tar.h"

#include <sys/stat.h>

/** The first name of a file that has several. */
struct pack_link {
	struct pack_link *next;
	dev_t device;
	ino_t inode;
	const char *path;
};

#define PACK_LINK_BUCKETS 4096

struct packer {
	const struct layer_command *command;
	struct report *report;
	struct encode *encode;
	struct tar_sink sink;
	struct text path; /* of the present member, in the tree; "" is the tree */
	struct text name; /* and in the archive */
	struct arena arena;
	struct pack_link *links[PACK_LINK_BUCKETS];
	/* The present member's attributes. */
	struct tar_attribute attributes[256];
	char names[65536], values[262144];
};

/** A file's place: by descriptor if it is open (fd >= 0), else as a name in a directory. */
struct pack_place {
	int parent_fd, fd;
	const char *name;
};

/**
 * The attributes that go into an archive: not overlayfs' own, not those of this machine's security
 * modules. Tells a story.
 */
[[nodiscard]] int pack_attributes(
	struct packer *packer, const struct pack_place *place, struct tar_entry *entry);

/** What an overlay has noted: "opaque" and the like. The value's length, 0 if there is none. */
size_t pack_overlay_attribute(const struct packer *packer, const struct pack_place *place,
	const char *name, char *value, size_t room);
