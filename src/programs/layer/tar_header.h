// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A header's block, field by field (POSIX.1-2017, pax, "ustar Interchange Format"). */

#include "tar.h"

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], modified[12], checksum[8], kind;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* ---- tar_read.c: the bytes ------------------------------------------------------------------ */

/** "damaged archive: <what>", and where. -EBADMSG. */
int tar_damaged(const struct tar_reader *reader, const char *what);

/** 1 while there are unread bytes (reader->at, reader->left), 0 at the end. */
[[nodiscard]] int tar_refill(struct tar_reader *reader);
void tar_consume(struct tar_reader *reader, size_t length);
[[nodiscard]] int tar_skip(struct tar_reader *reader, uint64_t length);

/** The next block in one piece, valid until the next call; 0 at the end of bytes. */
[[nodiscard]] int tar_next_block(struct tar_reader *reader, const unsigned char **ret_block);

/** A field's number; -EINVAL, -ERANGE without a story. */
[[nodiscard]] int tar_read_unsigned(const char *field, size_t length, uint64_t *ret);

/* ---- tar_sparse.c: maps -------------------------------------------------------------------- */

/** The map of GNU's old form, from the member's header on. Sets entry->size. */
[[nodiscard]] int tar_read_gnu_map(
	struct tar_reader *reader, const struct tar_header *header, struct tar_entry *entry);

/** The map of version 1.0, which stands before the member's data. */
[[nodiscard]] int tar_read_pax_map(struct tar_reader *reader);

/** The pieces must be as long as the data, and lie within the file. */
[[nodiscard]] int tar_check_map(struct tar_reader *reader, const struct tar_entry *entry);
