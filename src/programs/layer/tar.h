// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The tar format, both ways: the members of an archive, not the files of a tree.
 *
 * Read are ustar and pax (POSIX.1-2017, pax "File Format"), the old format of V7, GNU's (long
 * names, base-256 numbers, sparse files of the old kind) and GNU's sparse files in pax (0.0, 0.1,
 * 1.0; GNU tar manual, "Storing Sparse Files"), and star's extended attributes (SCHILY.xattr.*),
 * which is what Docker, Podman, BuildKit, GNU tar and bsdtar write. Where readers differ, it is
 * done as Go's archive/tar does it, because that is what made and unpacked the world's layers:
 * links and directories have no data, pax's global headers count for nothing, an archive may end
 * without its two blocks of zeros.
 *
 * Why not libarchive: it passes names through the process's character set (a static program has
 * none, and names that are not text get lost), and it brings libxml2, ICU and nettle with it; and
 * this is the parser that all foreign bytes meet first: it is small, keeps no memory for each
 * member, and is fuzzed (tests/fuzz/fuzz_layer.c).
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TAR_BLOCK 512
#define TAR_PATH_MAX 4095                /* of names and link targets; PATH_MAX less its NUL */
#define TAR_HEADER_MAX ((size_t)4 << 20) /* of one member's extended headers */
#define TAR_TIME_MAX (INT64_MAX / 2)     /* seconds before and after 1970 */
#define TAR_PIECES_MAX 1000000u          /* of a sparse file */

enum tar_kind {
	TAR_FILE,
	TAR_HARDLINK,
	TAR_SYMLINK,
	TAR_CHARACTER,
	TAR_BLOCK_DEVICE,
	TAR_DIRECTORY,
	TAR_FIFO,
	TAR_IGNORED, /* a volume's label and the like: nothing to unpack */
};

struct tar_attribute {
	const char *name;
	const void *value;
	size_t length;
};

/** A stretch of a sparse file that has data; between them are holes. */
struct tar_piece {
	uint64_t offset, length;
};

/** A member. Its strings live until the next call of tar_next(). */
struct tar_entry {
	enum tar_kind kind;
	const char *path, *link; /* as written, never NULL */
	uint32_t mode;           /* permission bits, 07777 */
	uint64_t uid, gid;
	uint64_t size;      /* of the file */
	uint64_t data_size; /* of what the archive has of it; the same unless it is sparse */
	struct timespec modified;
	uint32_t device_major, device_minor;
	const struct tar_attribute *attributes;
	size_t attribute_count;
	bool sparse;
	const struct tar_piece *pieces; /* ascending, of a sparse file alone */
	size_t piece_count;
};

/**
 * Where bytes come from: *ret_bytes is the next stretch, valid until the next call; *ret_length 0
 * at the end. Stretches but the last are multiples of TAR_BLOCK.
 */
struct tar_source {
	int (*next)(void *context, const unsigned char **ret_bytes, size_t *ret_length);
	void *context;
};

struct tar_reader {
	struct tar_source source;
	const unsigned char *at; /* unread bytes of the present stretch */
	size_t left;
	uint64_t data_left, padding; /* of the present member */
	uint64_t position;           /* for errors: bytes read */
	uint64_t attribute_room;
	struct text path, link, extended; /* what the present member's strings point into */
	struct tar_attribute *attributes;
	size_t attribute_count;
	struct tar_piece *pieces;
	size_t piece_count, piece_room;
	bool ended;
};

void tar_reader_init(struct tar_reader *reader, const struct tar_source *source);
void tar_reader_fini(struct tar_reader *reader);

/**
 * The next member; what is left of the present one is skipped. 1, or 0 at the end of the archive
 * (bytes may follow it). -EBADMSG with a story when it is damaged; errors of the source.
 */
[[nodiscard]] int tar_next(struct tar_reader *reader, struct tar_entry *ret_entry);

/** The next stretch of the member's data, *ret_length 0 at its end. Errors as tar_next(). */
[[nodiscard]] int tar_data(
	struct tar_reader *reader, const unsigned char **ret_bytes, size_t *ret_length);

/** True if these 512 bytes are a header: the checksum is right and they are not all zero. */
bool tar_looks_like_header(const unsigned char *block);

/* ---- writing --------------------------------------------------------------------------- */

/** Takes bytes; 0 or negative errno with a story. */
struct tar_sink {
	int (*put)(void *context, const void *bytes, size_t length);
	void *context;
};

/**
 * Writes a member's headers, in ustar where that suffices, with a pax header where not. The data
 * (entry->size bytes of a file) and tar_write_padding() follow. Attributes go to SCHILY.xattr.*.
 */
[[nodiscard]] int tar_write_header(const struct tar_sink *sink, const struct tar_entry *entry);
[[nodiscard]] int tar_write_padding(const struct tar_sink *sink, uint64_t size);

/** The two blocks of zeros. */
[[nodiscard]] int tar_write_end(const struct tar_sink *sink);

/* ---- shared by the chapters of the reader ------------------------------------------------- */

/** Facts of a pax header, by which those of the member's own header are replaced. */
struct tar_pax {
	bool has_size, has_uid, has_gid, has_modified, has_real_size;
	uint64_t size, uid, gid, real_size;
	struct timespec modified;
	const char *path, *link, *sparse_name; /* NULL: none */
	unsigned sparse_major, sparse_minor;
	bool sparse;
};

/** Reads a pax header's records; strings and attributes point into @bytes, which is changed. */
[[nodiscard]] int tar_pax_read(
	struct tar_reader *reader, char *bytes, size_t length, struct tar_pax *ret_pax);

/** Adds a piece to the reader's map. -EBADMSG: not ascending, or too many. */
[[nodiscard]] int tar_add_piece(struct tar_reader *reader, uint64_t offset, uint64_t length);

/**
 * An ACL in words becomes the value of system.posix_acl_access or …_default, in the same place,
 * which must have room. -EINVAL: it is none, or speaks of names without numbers. Tells no story.
 */
[[nodiscard]] int tar_acl_value(char *text, size_t room, size_t *ret_length);
