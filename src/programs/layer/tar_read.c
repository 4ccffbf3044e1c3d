// SPDX-License-Identifier: Apache-2.0

/*
 * Headers and data of an archive; see tar.h. Extended headers are in tar_pax.c, sparse files'
 * maps in tar_sparse.c.
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

int tar_damaged(const struct tar_reader *reader, const char *what)
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
int tar_refill(struct tar_reader *reader)
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

void tar_consume(struct tar_reader *reader, size_t length)
{
	reader->at += length;
	reader->left -= length;
	reader->position += length;
}

int tar_skip(struct tar_reader *reader, uint64_t length)
{
	while (length > 0) {
		int r = tar_refill(reader);
		if (r <= 0)
			return r < 0 ? r : tar_damaged(reader, "it ends within a member");
		size_t step = length < reader->left ? (size_t)length : reader->left;
		tar_consume(reader, step);
		length -= step;
	}
	return 0;
}

/* The next block in one piece; 0 at the end of bytes. */
int tar_next_block(struct tar_reader *reader, const unsigned char **ret_block)
{
	int r = tar_refill(reader);
	if (r <= 0)
		return r;
	if (reader->left < TAR_BLOCK)
		return tar_damaged(reader, "it ends within a header");
	*ret_block = reader->at;
	tar_consume(reader, TAR_BLOCK);
	return 1;
}

int tar_data(struct tar_reader *reader, const unsigned char **ret_bytes, size_t *ret_length)
{
	if (reader->data_left == 0) {
		*ret_length = 0;
		return 0;
	}
	int r = tar_refill(reader);
	if (r <= 0)
		return r < 0 ? r : tar_damaged(reader, "it ends within a member");
	size_t length = reader->data_left < reader->left ? (size_t)reader->data_left : reader->left;
	*ret_bytes = reader->at;
	*ret_length = length;
	reader->data_left -= length;
	tar_consume(reader, length);
	return 0;
}

/* All of the member's data, a header's text, into memory; a NUL is put behind it. */
static int collect(struct tar_reader *reader, uint64_t size, struct text *ret)
{
	if (size > TAR_HEADER_MAX)
		return tar_damaged(reader, "an extended header of more than 4 MiB");
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
	return tar_skip(reader, reader->padding);
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

int tar_read_unsigned(const char *field, size_t length, uint64_t *ret)
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

/* ---- headers ------------------------------------------------------------------------------- */

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
		return tar_damaged(reader, "a member of unknown kind");
	if (tar_read_unsigned(header->mode, sizeof(header->mode), &mode) < 0 ||
		tar_read_unsigned(header->uid, sizeof(header->uid), &entry->uid) < 0 ||
		tar_read_unsigned(header->gid, sizeof(header->gid), &entry->gid) < 0 ||
		tar_read_unsigned(header->size, sizeof(header->size), &entry->data_size) < 0 ||
		read_number(header->modified, sizeof(header->modified), &modified) < 0 ||
		modified > TAR_TIME_MAX || modified < -TAR_TIME_MAX)
		return tar_damaged(reader, "a header's number is none");
	bool device = entry->kind == TAR_CHARACTER || entry->kind == TAR_BLOCK_DEVICE;
	if (device && (tar_read_unsigned(header->major, sizeof(header->major), &major) < 0 ||
			      tar_read_unsigned(header->minor, sizeof(header->minor), &minor) < 0 ||
			      major > UINT32_MAX || minor > UINT32_MAX))
		return tar_damaged(reader, "a device's number is none");
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
		return tar_damaged(reader, "a member of impossible size");
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
		r = tar_read_gnu_map(reader, header, entry);
	else if (pax->sparse && entry->kind == TAR_FILE) {
		entry->sparse = true;
		if (pax->has_real_size)
			entry->size = pax->real_size;
		if (pax->sparse_major == 1)
			r = tar_read_pax_map(reader);
	}
	if (r == 0 && entry->sparse)
		r = tar_check_map(reader, entry);
	if (r == 0 && (reader->path.length > TAR_PATH_MAX || reader->link.length > TAR_PATH_MAX))
		r = tar_damaged(reader, "a name of more than 4095 bytes");
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
		int r = tar_next_block(reader, &block);
		if (r <= 0)
			return r < 0 || !extended ? r
						  : tar_damaged(reader, "it ends before a member");
		if (is_zero(block))
			return end_of_archive(reader);
		if (!checksum_is_right(block))
			return tar_damaged(reader, "a header's checksum is wrong");
		struct tar_header header;
		memcpy(&header, block, sizeof(header));
		uint64_t size;
		if (tar_read_unsigned(header.size, sizeof(header.size), &size) < 0)
			return tar_damaged(reader, "a header's number is none");
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
	int r = tar_skip(reader, reader->data_left);
	if (r == 0)
		r = tar_skip(reader, reader->padding);
	if (r < 0)
		return r;
	reader->data_left = reader->padding = 0;
	reader->attribute_count = reader->piece_count = 0;
	autofini(before_fini) struct before before = {};
	return read_member(reader, &before, ret_entry);
}
