// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the readers and writers of archives share; archive.h is their door. */

#include "engine/image/archive.h"
#include "engine/image/internal.h"
#include "engine/image/pairs.h"
#include "engine/registry/reference.h"

struct layer_member;

/* ---- load.c, load_oci.c ---------------------------------------------------------- */

struct loading {
	struct store *store;
	struct arena *arena;
	bool local;
	struct archive_images *loaded;
	int scratch_fd, members_fd, trees_fd;
	struct layer_member *members;
	size_t count;
	int directory_fd; /* of a layout that is a directory; then there are no members */
	struct image_pairs pairs;
};

/** The file behind a name in the archive, links followed; NULL. */
const struct layer_member *load_find(const struct loading *loading, const char *name);

/** Reads a document of the archive. Tells a story. */
[[nodiscard]] int load_read(
	const struct loading *loading, const char *name, char **ret_text, size_t *ret_length);

/** Adds to what is told of the load. */
void load_note(struct loading *loading, const char *id, const char *name);

/** An OCI image layout, out of the members or of directory_fd. */
[[nodiscard]] int load_oci(struct loading *loading);

/* ---- tar.c: the archives that save writes ------------------------------------------- */

struct tar_writer {
	int fd;
	bool seekable;
	int64_t time; /* of all members, seconds */
};

void tar_writer_init(struct tar_writer *writer, int fd);

/** A file of which all bytes are here. Tells a story. */
[[nodiscard]] int tar_add_bytes(
	struct tar_writer *writer, const char *name, const void *bytes, size_t length);

/** A file copied from a descriptor, of which exactly size bytes must come. */
[[nodiscard]] int tar_add_file(struct tar_writer *writer, const char *name, int fd, uint64_t size);

/** A directory. */
[[nodiscard]] int tar_add_directory(struct tar_writer *writer, const char *name);

/** A file of unknown size that write() puts at the output's present end; seekable output only. */
[[nodiscard]] int tar_add_written(struct tar_writer *writer, const char *name,
	int (*write)(int output_fd, void *context), void *context);

[[nodiscard]] int tar_end(struct tar_writer *writer);

/** Copies size bytes between descriptors in the kernel where it can. */
[[nodiscard]] int copy_bytes(int input_fd, int output_fd, uint64_t size);
