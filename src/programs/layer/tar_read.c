// SPDX-License-Identifier: Apache-2.0

/*
 * Headers and data of an archive; see tar.h. Extended headers are in tar_pax.c.
 *
 * In: stretches of bytes from whoever has them. Out: members, one at a time, and their data without
 * a copy. Everything is hostile: a size is believed only as far as bytes come, numbers are checked
 * before they are added, and what one member may hold of memory is bounded (tar.h).
 */

#include "base/error.h"
#include "tar_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* GNU's old sparse files: four pieces in the header where the prefix is otherwise, 21 in each
 * block. */
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

static int damaged(const struct tar_reader *reader, const char *what)
{
	return refuse(-EBADMSG, "damaged archive: %s (before byte %llu)", what,
		(unsigned long long)reader->position);
}

void tar_reader_init(struct tar_reader *reader, const struct tar_source *source)
{
	*reader = (struct tar_reader){.source = *source};
}

void tar_reader_fini(struct tar_reader *reader)
{
	text_fini(&reader->path);
	text_fini(&reader->link);
	text_fini(&reader->extended);
	free(reader->attributes);
	free(reader->pieces);
	*reader = (struct tar_reader){};
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* 1 while there are unread bytes, 0 at the end. */
static int refill(struct tar_reader *reader)
{
	if (reader->left > 0)
		return 1;
	if (reader->ended)
		return 0;
	int r = reader->source.next(reader->source.context, &reader->at, &reader->left);
	if (r < 0)
		return r;
	reader->ended = reader->left == 0;
	return !reader->ended;
}

static void consume(struct tar_reader *reader, size_t length)
{
	reader->at += length;
	reader->left -= length;
	reader->position += length;
}

static int skip(struct tar_reader *reader, uint64_t length)
{
	while (length > 0) {
		int r = refill(reader);
		if (r <= 0)
			return r < 0 ? r : damaged(reader, "it ends within a member");
		size_t step = length < reader->left ? (size_t)length : reader->left;
		consume(reader, step);
		length -= step;
	}
	return 0;
}

/* The next block in one piece; 0 at the end of bytes. */
static int next_block(struct tar_reader *reader, const unsigned char **ret_block)
{
	int r = refill(reader);
	if (r <= 0)
		return r;
	if (reader->left < TAR_BLOCK)
		return damaged(reader, "it ends within a header");
	*ret_block = reader->at;
	consume(reader, TAR_BLOCK);
	return 1;
}

int tar_data(struct tar_reader *reader, const unsigned char **ret_bytes, size_t *ret_length)
{
	if (reader->data_left == 0) {
		*ret_length = 0;
		return 0;
	}
	int r = refill(reader);
	if (r <= 0)
		return r < 0 ? r : damaged(reader, "it ends within a member");
	size_t length = reader->data_left < reader->left ? (size_t)reader->data_left : reader->left;
	*ret_bytes = reader->at;
	*ret_length = length;
	reader->data_left -= length;
	consume(reader, length);
	return 0;
}

/* All of the member's data, a header's text, into memory; a NUL is put behind it. */
static int collect(struct tar_reader *reader, uint64_t size, struct text *ret)
{
	if (size > TAR_HEADER_MAX)
		return damaged(reader, "an extended header of more than 4 MiB");
	ret->length = 0;
	while (reader->data_left > 0) {
		const unsigned char *bytes = NULL;
		size_t length = 0;
		int r = tar_data(reader, &bytes, &length);
		if (r < 0)
			return r;
		text_add_bytes(ret, bytes, length);
	}
	text_add_bytes(ret, "", 1);
	ret->length--;
	return skip(reader, reader->padding);
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* GNU and star: the first bit says that the rest is a binary number, most significant first. */
static int read_binary(const unsigned char *field, size_t length, int64_t *ret)
{
	bool negative = field[0] == 0xff;
	uint64_t value = negative ? UINT64_MAX : field[0] & 0x7fu;
	for (size_t i = 1; i < length; i++) {
		if (value >> 55 != (negative ? 0x1ff : 0))
			return -ERANGE;
		value = value << 8 | field[i];
	}
	*ret = (int64_t)value;
	return 0;
}

/* Octal digits with blanks before, a blank or NUL behind; an empty field is 0. */
static int read_number(const char *field, size_t length, int64_t *ret)
{
	if ((unsigned char)field[0] & 0x80)
		return read_binary((const unsigned char *)field, length, ret);
	size_t i = 0;
	while (i < length && field[i] == ' ')
		i++;
	uint64_t value = 0;
	for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (unsigned)(field[i] - '0'); /* at most 12 digits: 36 bits */
	if (i < length && field[i] != ' ' && field[i] != '\0')
		return -EINVAL;
	*ret = (int64_t)value;
	return 0;
}

static int read_unsigned(const char *field, size_t length, uint64_t *ret)
{
	int64_t value;
	int r = read_number(field, length, &value);
	if (r < 0 || value < 0)
		return r < 0 ? r : -ERANGE;
	*ret = (uint64_t)value;
	return 0;
}

/* The sum of all bytes with blanks for the field itself; V7's summed signed characters. */
static bool checksum_is_right(const unsigned char *block)
{
	const struct tar_header *header = (const struct tar_header *)block;
	int64_t written, plain = 0, with_signs = 0;
	if (read_number(header->checksum, sizeof(header->checksum), &written) < 0)
		return false;
	size_t first = offsetof(struct tar_header, checksum);
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool own = i >= first && i < first + sizeof(header->checksum);
		plain += own ? ' ' : block[i];
		with_signs += own ? ' ' : (signed char)block[i];
	}
	return written == plain || written == with_signs;
}

static bool is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

bool tar_looks_like_header(const unsigned char *block)
{
	return !is_zero(block) && checksum_is_right(block);
}

/* ---- sparse files -----------------------------------------------------------------------------
 */

int tar_add_piece(struct tar_reader *reader, uint64_t offset, uint64_t length)
{
	uint64_t end = 0;
	if (reader->piece_count > 0) {
		const struct tar_piece *last = &reader->pieces[reader->piece_count - 1];
		end = last->offset + last->length;
	}
	if (offset < end || offset > INT64_MAX || length > INT64_MAX - offset)
		return damaged(reader, "a sparse file's map is out of order");
	if (reader->piece_count == TAR_PIECES_MAX)
		return damaged(reader, "a sparse file in more than a million pieces");
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
		if (read_unsigned(pieces[i].offset, 12, &offset) < 0 ||
			read_unsigned(pieces[i].length, 12, &length) < 0)
			return damaged(reader, "a sparse file's map is no number");
		int r = tar_add_piece(reader, offset, length);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_gnu_sparse(
	struct tar_reader *reader, const struct gnu_header *header, struct tar_entry *entry)
{
	reader->piece_count = 0;
	if (read_unsigned(header->real_size, sizeof(header->real_size), &entry->size) < 0)
		return damaged(reader, "a sparse file's size is no number");
	bool more = header->extended != 0;
	int r = add_gnu_pieces(reader, header->pieces, GNU_HEADER_PIECES);
	while (r >= 0 && more) {
		const unsigned char *block;
		r = next_block(reader, &block);
		if (r <= 0)
			return r < 0 ? r : damaged(reader, "it ends within a sparse file's map");
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
		int r = *budget > 0 ? refill(reader) : 0;
		if (r <= 0)
			return r < 0 ? r : damaged(reader, "it ends within a sparse file's map");
		unsigned char c = reader->at[0];
		consume(reader, 1);
		--*budget;
		if (c == '\n' && digits > 0) {
			*ret = value;
			return 0;
		}
		if (c < '0' || c > '9' || value > (UINT64_MAX >> 1) / 10)
			break;
		value = value * 10 + (c - '0');
	}
	return damaged(reader, "a sparse file's map is no number");
}

static int read_pax_map(struct tar_reader *reader)
{
	uint64_t budget = reader->data_left, count, offset, length;
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
		return damaged(reader, "it ends within a sparse file's map");
	reader->data_left = budget - fill;
	return skip(reader, fill);
}

/* The pieces must be as long as the data, and lie within the file. */
static int check_map(struct tar_reader *reader, const struct tar_entry *entry)
{
	uint64_t data = 0, end = 0;
	for (size_t i = 0; i < reader->piece_count; i++) {
		data += reader->pieces[i].length;
		end = reader->pieces[i].offset + reader->pieces[i].length;
	}
	if (end > entry->size || entry->size > INT64_MAX || data != reader->data_left)
		return damaged(reader, "a sparse file's map does not fit its data");
	return 0;
}

/* ---- headers ------------------------------------------------------------------------------------
 */

static enum tar_kind kind_of(char flag, bool *ret_known)
{
	*ret_known = true;
	switch (flag) {
	case '\0':
	case '0':
	case '7': /* contiguous: as any file */
	case 'S':
		return TAR_FILE;
	case '1':
		return TAR_HARDLINK;
	case '2':
		return TAR_SYMLINK;
	case '3':
		return TAR_CHARACTER;
	case '4':
		return TAR_BLOCK_DEVICE;
	case '5':
	case 'D': /* GNU's, of incremental archives: a directory and its list of names */
		return TAR_DIRECTORY;
	case '6':
		return TAR_FIFO;
	case 'V':
	case 'g':
		return TAR_IGNORED;
	default:
		*ret_known = false;
		return TAR_IGNORED;
	}
}

static void clear(struct text *text)
{
	text->length = 0;
	if (text->bytes)
		text->bytes[0] = '\0';
}

static void set_field(struct text *text, const char *field, size_t length)
{
	text_add_bytes(text, field, strnlen(field, length));
}

/* "prefix/name" of ustar; GNU keeps times where the prefix is, star a shorter one. */
static void set_names(struct tar_reader *reader, const struct tar_header *header)
{
	clear(&reader->path);
	clear(&reader->link);
	if (memcmp(header->magic, "ustar", 6) == 0 && header->prefix[0] != '\0') {
		bool star = memcmp(header->rest + 8, "tar", 4) == 0;
		set_field(&reader->path, header->prefix, star ? 131 : sizeof(header->prefix));
		text_add(&reader->path, "/");
	}
	set_field(&reader->path, header->name, sizeof(header->name));
	set_field(&reader->link, header->link, sizeof(header->link));
}

static int read_fields(
	struct tar_reader *reader, const struct tar_header *header, struct tar_entry *entry)
{
	bool known;
	uint64_t mode, major = 0, minor = 0;
	int64_t modified;
	*entry = (struct tar_entry){.kind = kind_of(header->kind, &known)};
	if (!known)
		return damaged(reader, "a member of unknown kind");
	if (read_unsigned(header->mode, sizeof(header->mode), &mode) < 0 ||
		read_unsigned(header->uid, sizeof(header->uid), &entry->uid) < 0 ||
		read_unsigned(header->gid, sizeof(header->gid), &entry->gid) < 0 ||
		read_unsigned(header->size, sizeof(header->size), &entry->data_size) < 0 ||
		read_number(header->modified, sizeof(header->modified), &modified) < 0 ||
		modified > TAR_TIME_MAX || modified < -TAR_TIME_MAX)
		return damaged(reader, "a header's number is none");
	bool device = entry->kind == TAR_CHARACTER || entry->kind == TAR_BLOCK_DEVICE;
	if (device && (read_unsigned(header->major, sizeof(header->major), &major) < 0 ||
			      read_unsigned(header->minor, sizeof(header->minor), &minor) < 0 ||
			      major > UINT32_MAX || minor > UINT32_MAX))
		return damaged(reader, "a device's number is none");
	entry->mode = mode & 07777;
	entry->modified.tv_sec = modified;
	entry->device_major = (uint32_t)major;
	entry->device_minor = (uint32_t)minor;
	return 0;
}

/* The data that follows belongs to @size from here on. */
static int open_data(struct tar_reader *reader, uint64_t size)
{
	if (size > INT64_MAX - TAR_BLOCK)
		return damaged(reader, "a member of impossible size");
	reader->data_left = size;
	reader->padding = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
	return 0;
}

/* What extended headers said about the member that follows. */
struct before {
	struct tar_pax pax;
	bool has_path, has_link; /* GNU's, kept in the reader */
	struct text path, link;
};

static void before_fini(struct before *before)
{
	text_fini(&before->path);
	text_fini(&before->link);
}

/* 1: it was an extended header, and the next block is a header again. */
static int read_extended(struct tar_reader *reader, char flag, uint64_t size, struct before *before)
{
	if (flag != 'x' && flag != 'X' && flag != 'L' && flag != 'K')
		return 0;
	struct text *into = &reader->extended;
	if (flag == 'L' || flag == 'K') {
		into = flag == 'L' ? &before->path : &before->link;
		*(flag == 'L' ? &before->has_path : &before->has_link) = true;
	}
	int r = open_data(reader, size);
	if (r == 0)
		r = collect(reader, size, into);
	reader->data_left = reader->padding = 0;
	if (r == 0 && into == &reader->extended)
		r = tar_pax_read(reader, into->bytes, into->length, &before->pax);
	return r < 0 ? r : 1;
}

static void replace_text(struct text *text, const char *by)
{
	clear(text);
	text_add(text, by);
}

static void apply(struct tar_reader *reader, const struct before *before, struct tar_entry *entry)
{
	const struct tar_pax *pax = &before->pax;
	if (before->has_path)
		replace_text(&reader->path, text_get(&before->path));
	if (before->has_link)
		replace_text(&reader->link, text_get(&before->link));
	if (pax->path)
		replace_text(&reader->path, pax->path);
	if (pax->link)
		replace_text(&reader->link, pax->link);
	if (pax->sparse_name)
		replace_text(&reader->path, pax->sparse_name);
	if (pax->has_uid)
		entry->uid = pax->uid;
	if (pax->has_gid)
		entry->gid = pax->gid;
	if (pax->has_size)
		entry->data_size = pax->size;
	if (pax->has_modified)
		entry->modified = pax->modified;
}

static int finish(struct tar_reader *reader, const struct tar_header *header,
	const struct before *before, struct tar_entry *entry)
{
	const struct tar_pax *pax = &before->pax;
	/* V7 had no flag for directories. */
	bool slash = text_ends(text_get(&reader->path), "/");
	if (entry->kind == TAR_FILE && slash && (header->kind == '0' || header->kind == '\0'))
		entry->kind = TAR_DIRECTORY;
	bool has_data =
		entry->kind == TAR_FILE || header->kind == 'D' || entry->kind == TAR_IGNORED;
	int r = open_data(reader, has_data ? entry->data_size : 0);
	if (r < 0)
		return r;
	entry->size = reader->data_left;
	if (header->kind == 'S')
		r = read_gnu_sparse(reader, (const struct gnu_header *)header, entry);
	else if (pax->sparse && entry->kind == TAR_FILE) {
		entry->sparse = true;
		if (pax->has_real_size)
			entry->size = pax->real_size;
		if (pax->sparse_major == 1)
			r = read_pax_map(reader);
	}
	if (r == 0 && entry->sparse)
		r = check_map(reader, entry);
	if (r == 0 && (reader->path.length > TAR_PATH_MAX || reader->link.length > TAR_PATH_MAX))
		r = damaged(reader, "a name of more than 4095 bytes");
	entry->data_size = reader->data_left;
	entry->path = text_get(&reader->path);
	entry->link = text_get(&reader->link);
	entry->attributes = reader->attributes;
	entry->attribute_count = reader->attribute_count;
	entry->pieces = reader->pieces;
	entry->piece_count = entry->sparse ? reader->piece_count : 0;
	return r;
}

static int end_of_archive(struct tar_reader *reader)
{
	reader->ended = true;
	reader->left = 0;
	return 0;
}

static int read_member(
	struct tar_reader *reader, struct before *before, struct tar_entry *ret_entry)
{
	bool extended = false;
	for (;;) {
		const unsigned char *block;
		int r = next_block(reader, &block);
		if (r <= 0)
			return r < 0 || !extended ? r : damaged(reader, "it ends before a member");
		if (is_zero(block))
			return end_of_archive(reader);
		if (!checksum_is_right(block))
			return damaged(reader, "a header's checksum is wrong");
		struct tar_header header;
		memcpy(&header, block, sizeof(header));
		uint64_t size;
		if (read_unsigned(header.size, sizeof(header.size), &size) < 0)
			return damaged(reader, "a header's number is none");
		r = read_extended(reader, header.kind, size, before);
		if (r < 0)
			return r;
		extended = r > 0;
		if (extended)
			continue;
		set_names(reader, &header);
		r = read_fields(reader, &header, ret_entry);
		if (r < 0)
			return r;
		apply(reader, before, ret_entry);
		r = finish(reader, &header, before, ret_entry);
		return r < 0 ? r : 1;
	}
}

int tar_next(struct tar_reader *reader, struct tar_entry *ret_entry)
{
	int r = skip(reader, reader->data_left);
	if (r == 0)
		r = skip(reader, reader->padding);
	if (r < 0)
		return r;
	reader->data_left = reader->padding = 0;
	reader->attribute_count = reader->piece_count = 0;
	autofini(before_fini) struct before before = {};
	return read_member(reader, &before, ret_entry);
}
