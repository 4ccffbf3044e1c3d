// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as a tar archive: all members are read, with their data. Each that was understood
 * is written again and has to be understood the same; names that were made clean stay inside.
 *
 * Checksums are put right first: otherwise nothing that a fuzzer changes would get past them.
 */

#include "base/error.h"
#include "extract.h"
#include "tar_header.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

struct bytes {
	unsigned char *start;
	size_t length, at, stretch;
};

static int next_stretch(void *context, const unsigned char **ret_bytes, size_t *ret_length)
{
	struct bytes *bytes = context;
	size_t left = bytes->length - bytes->at;
	*ret_bytes = bytes->start + bytes->at;
	*ret_length = left < bytes->stretch ? left : bytes->stretch;
	bytes->at += *ret_length;
	return 0;
}

static void repair(unsigned char *block)
{
	struct tar_header *header = (struct tar_header *)block;
	unsigned sum = 0;
	if (memcmp(header->magic, "ustar", 5) != 0)
		return;
	memset(header->checksum, ' ', sizeof(header->checksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	(void)snprintf(header->checksum, 7, "%06o", sum);
}

static void check_name(const char *name)
{
	autofini(text_fini) struct text clean = {};
	if (extract_clean_path(name, 0, &clean) <= 0)
		return;
	autofree char *copy = strdup(text_get(&clean));
	char *rest = copy, *component;
	demand(copy && copy[0] != '/' && strlen(copy) <= TAR_PATH_MAX);
	while ((component = strsep(&rest, "/")) && copy[0])
		demand(component[0] && !text_equal(component, ".") && !text_equal(component, ".."));
}

static int collect(void *context, const void *bytes, size_t length)
{
	text_add_bytes(context, bytes, length);
	return 0;
}

/* Whole seconds are kept, and a sparse file is written as a plain one. */
static void check_again(const struct tar_entry *entry)
{
	if (entry->kind == TAR_IGNORED || entry->sparse || entry->size > INT64_MAX / 2 ||
		text_empty(entry->path) || (entry->kind == TAR_FILE && text_ends(entry->path, "/")))
		return;
	autofini(text_fini) struct text written = {};
	const struct tar_sink sink = {collect, &written};
	demand(tar_write_header(&sink, entry) == 0);
	demand(written.length % TAR_BLOCK == 0);
	struct bytes from = {(unsigned char *)written.bytes, written.length, 0, TAR_BLOCK};
	const struct tar_source source = {next_stretch, &from};
	autofini(tar_reader_fini) struct tar_reader reader;
	tar_reader_init(&reader, &source);
	struct tar_entry again;
	demand(tar_next(&reader, &again) == 1);
	demand(again.kind == entry->kind && again.mode == entry->mode);
	demand(text_equal(again.path, entry->path) && text_equal(again.link, entry->link));
	demand(again.uid == entry->uid && again.gid == entry->gid);
	demand(again.modified.tv_sec == entry->modified.tv_sec);
	demand(entry->kind != TAR_FILE || again.size == entry->size);
	demand(again.attribute_count == entry->attribute_count);
	for (size_t i = 0; i < again.attribute_count; i++) {
		demand(text_equal(again.attributes[i].name, entry->attributes[i].name));
		demand(again.attributes[i].length == entry->attributes[i].length);
	}
}

static int read_data(struct tar_reader *reader, const struct tar_entry *entry)
{
	uint64_t total = 0, mapped = 0, end = 0;
	for (size_t i = 0; i < entry->piece_count; i++) {
		demand(entry->pieces[i].offset >= end);
		end = entry->pieces[i].offset + entry->pieces[i].length;
		mapped += entry->pieces[i].length;
	}
	demand(end <= entry->size && (!entry->sparse || mapped == entry->data_size));
	for (;;) {
		const unsigned char *bytes;
		size_t length;
		int r = tar_data(reader, &bytes, &length);
		if (r < 0)
			return r;
		if (length == 0)
			break;
		total += length;
	}
	demand(total == entry->data_size);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree unsigned char *copy = malloc(size + 1);
	demand(copy);
	memcpy(copy, data, size);
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK)
		repair(copy + at);
	struct bytes from = {copy, size, 0, TAR_BLOCK * (size_t)(1 + (size > 0 ? data[0] % 4 : 0))};
	const struct tar_source source = {next_stretch, &from};
	autofini(tar_reader_fini) struct tar_reader reader;
	tar_reader_init(&reader, &source);
	int r;
	do {
		struct tar_entry entry;
		r = tar_next(&reader, &entry);
		if (r <= 0)
			break;
		check_name(entry.path);
		check_name(entry.link);
		check_again(&entry);
		r = read_data(&reader, &entry);
	} while (r >= 0);
	demand(r == 0 || error_text()[0] != '\0');
	error_clear();
	return 0;
}
