// SPDX-License-Identifier: Apache-2.0

/*
 * Maps of sparse files: which stretches have data. GNU's old form keeps them in the header and
 * blocks behind it, version 1.0 of its pax form in front of the data; versions 0.0 and 0.1 are
 * records of the pax header (tar_pax.c). A map that does not fit the data, or is out of order, is
 * damage.
 */

#include "base/error.h"
#include "tar_header.h"

#include <errno.h>
#include <stdlib.h>

/* GNU's old sparse files: four pieces in the header where the prefix is otherwise. */
struct gnu_piece {
	char offset[12], length[12];
};
#define GNU_HEADER_PIECES 4
#define GNU_BLOCK_PIECES 21

struct gnu_header {
	char before[386];
	struct gnu_piece pieces[GNU_HEADER_PIECES];
	char extended, real_size[12], rest[17];
};
_Static_assert(sizeof(struct gnu_header) == TAR_BLOCK, "a header is a block");

struct gnu_block {
	struct gnu_piece pieces[GNU_BLOCK_PIECES];
	char extended, rest[7];
};
_Static_assert(sizeof(struct gnu_block) == TAR_BLOCK, "a map's block is a block");

int tar_add_piece(struct tar_reader *reader, uint64_t offset, uint64_t length)
{
	uint64_t end = 0;
	if (reader->piece_count > 0) {
		const struct tar_piece *last = &reader->pieces[reader->piece_count - 1];
		end = last->offset + last->length;
	}
	if (offset < end || offset > INT64_MAX || length > INT64_MAX - offset)
		return tar_damaged(reader, "a sparse file's map is out of order");
	if (reader->piece_count == TAR_PIECES_MAX)
		return tar_damaged(reader, "a sparse file in more than a million pieces");
	if (reader->piece_count == reader->piece_room) {
		size_t room = reader->piece_room ? reader->piece_room * 2 : 64;
		struct tar_piece *pieces = realloc(reader->pieces, room * sizeof(*pieces));
		if (!pieces)
			return fail(-ENOMEM, "a sparse file's map");
		reader->pieces = pieces;
		reader->piece_room = room;
	}
	reader->pieces[reader->piece_count++] = (struct tar_piece){offset, length};
	return 0;
}

static int add_gnu_pieces(struct tar_reader *reader, const struct gnu_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count && pieces[i].offset[0] != '\0'; i++) {
		uint64_t offset, length;
		if (tar_read_unsigned(pieces[i].offset, 12, &offset) < 0 ||
			tar_read_unsigned(pieces[i].length, 12, &length) < 0)
			return tar_damaged(reader, "a sparse file's map is no number");
		int r = tar_add_piece(reader, offset, length);
		if (r < 0)
			return r;
	}
	return 0;
}

int tar_read_gnu_map(
	struct tar_reader *reader, const struct tar_header *plain, struct tar_entry *entry)
{
	const struct gnu_header *header = (const struct gnu_header *)plain;
	reader->piece_count = 0;
	if (tar_read_unsigned(header->real_size, sizeof(header->real_size), &entry->size) < 0)
		return tar_damaged(reader, "a sparse file's size is no number");
	bool more = header->extended != 0;
	int r = add_gnu_pieces(reader, header->pieces, GNU_HEADER_PIECES);
	while (r >= 0 && more) {
		const unsigned char *block;
		r = tar_next_block(reader, &block);
		if (r <= 0)
			return r < 0 ? r
				     : tar_damaged(reader, "it ends within a sparse file's map");
		const struct gnu_block *pieces = (const struct gnu_block *)block;
		more = pieces->extended != 0;
		r = add_gnu_pieces(reader, pieces->pieces, GNU_BLOCK_PIECES);
	}
	entry->sparse = true;
	return r < 0 ? r : 0;
}

/* A line of the map that stands before the data in version 1.0; *budget bytes may still be read. */
static int read_map_number(struct tar_reader *reader, uint64_t *budget, uint64_t *ret)
{
	uint64_t value = 0;
	for (unsigned digits = 0; digits < 20; digits++) {
		int r = *budget > 0 ? tar_refill(reader) : 0;
		if (r <= 0)
			return r < 0 ? r
				     : tar_damaged(reader, "it ends within a sparse file's map");
		unsigned char c = reader->at[0];
		tar_consume(reader, 1);
		--*budget;
		if (c == '\n' && digits > 0) {
			*ret = value;
			return 0;
		}
		if (c < '0' || c > '9' || value > (UINT64_MAX >> 1) / 10)
			break;
		value = value * 10 + (c - '0');
	}
	return tar_damaged(reader, "a sparse file's map is no number");
}

int tar_read_pax_map(struct tar_reader *reader)
{
	uint64_t budget = reader->data_left, count = 0, offset = 0, length = 0;
	reader->piece_count = 0;
	int r = read_map_number(reader, &budget, &count);
	for (uint64_t i = 0; r >= 0 && i < count; i++) {
		r = read_map_number(reader, &budget, &offset);
		if (r >= 0)
			r = read_map_number(reader, &budget, &length);
		if (r >= 0)
			r = tar_add_piece(reader, offset, length);
	}
	if (r < 0)
		return r;
	uint64_t used = reader->data_left - budget;
	uint64_t fill = (TAR_BLOCK - used % TAR_BLOCK) % TAR_BLOCK;
	if (fill > budget)
		return tar_damaged(reader, "it ends within a sparse file's map");
	reader->data_left = budget - fill;
	return tar_skip(reader, fill);
}

/* The pieces must be as long as the data, and lie within the file. */
int tar_check_map(struct tar_reader *reader, const struct tar_entry *entry)
{
	uint64_t data = 0, end = 0;
	for (size_t i = 0; i < reader->piece_count; i++) {
		data += reader->pieces[i].length;
		end = reader->pieces[i].offset + reader->pieces[i].length;
	}
	if (end > entry->size || entry->size > INT64_MAX || data != reader->data_left)
		return tar_damaged(reader, "a sparse file's map does not fit its data");
	return 0;
}
