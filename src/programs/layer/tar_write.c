// SPDX-License-Identifier: Apache-2.0

/*
 * Headers of the archives that rung makes: ustar (POSIX.1-2017) where it suffices, so that most
 * members cost 512 bytes, and a pax header before it for what does not fit: long names, large
 * numbers, attributes. Nothing of the machine gets in (no names of users, no inode numbers, no
 * access times): equal members are equal bytes.
 */

#include "base/error.h"
#include "tar_header.h"

#include <stdio.h>

static const char kinds[] = {
	[TAR_FILE] = '0',
	[TAR_HARDLINK] = '1',
	[TAR_SYMLINK] = '2',
	[TAR_CHARACTER] = '3',
	[TAR_BLOCK_DEVICE] = '4',
	[TAR_DIRECTORY] = '5',
	[TAR_FIFO] = '6',
};

/* The length counts itself, so one more digit may make it longer. */
static void add_record(struct text *pax, const char *key, const void *value, size_t length)
{
	size_t rest = strlen(key) + length + 3, digits = 1, total;
	for (;; digits++) {
		total = rest + digits;
		if ((size_t)snprintf(NULL, 0, "%zu", total) == digits)
			break;
	}
	text_format(pax, "%zu %s=", total, key);
	text_add_bytes(pax, value, length);
	text_add(pax, "\n");
}

static void add_number(struct text *pax, const char *key, long long value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%lld", value);
	add_record(pax, key, digits, (size_t)length);
}

/* Octal with a NUL behind it; false if it does not fit, and the field stays "0". */
static bool put_number(char *field, size_t length, uint64_t value)
{
	bool fits = value < 1ULL << (3 * (length - 1));
	(void)snprintf(
		field, length, "%0*llo", (int)length - 1, fits ? (unsigned long long)value : 0ULL);
	return fits;
}

/* name, or prefix and name with the slash between them left out. */
static bool put_name(struct tar_header *header, const char *path)
{
	size_t length = strlen(path);
	if (length <= sizeof(header->name)) {
		memcpy(header->name, path, length);
		return true;
	}
	const char *slash = path + length - sizeof(header->name) - 1;
	slash = strchr(slash, '/');
	if (!slash || slash == path || slash[1] == '\0' ||
		(size_t)(slash - path) > sizeof(header->prefix))
		return false;
	memcpy(header->prefix, path, (size_t)(slash - path));
	memcpy(header->name, slash + 1, strlen(slash + 1));
	return true;
}

static void seal(struct tar_header *header)
{
	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	memset(header->checksum, ' ', sizeof(header->checksum));
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += ((const unsigned char *)header)[i];
	(void)snprintf(header->checksum, 7, "%06o", sum);
}

static int put_pax(const struct tar_sink *sink, const struct tar_entry *entry, struct text *pax)
{
	struct tar_header header = {.kind = 'x'};
	const char *slash = strrchr(entry->path, '/');
	if (slash && slash[1] == '\0')
		slash = NULL;
	(void)snprintf(header.name, sizeof(header.name), "PaxHeaders.0/%.80s",
		slash ? slash + 1 : entry->path);
	(void)put_number(header.mode, sizeof(header.mode), 0);
	(void)put_number(header.uid, sizeof(header.uid), 0);
	(void)put_number(header.gid, sizeof(header.gid), 0);
	(void)put_number(header.size, sizeof(header.size), pax->length);
	(void)put_number(header.modified, sizeof(header.modified), 0);
	seal(&header);
	int r = sink->put(sink->context, &header, sizeof(header));
	if (r == 0)
		r = sink->put(sink->context, pax->bytes, pax->length);
	return r < 0 ? r : tar_write_padding(sink, pax->length);
}

int tar_write_header(const struct tar_sink *sink, const struct tar_entry *entry)
{
	autofini(text_fini) struct text pax = {};
	struct tar_header header = {.kind = kinds[entry->kind]};
	if (!put_name(&header, entry->path))
		add_record(&pax, "path", entry->path, strlen(entry->path));
	size_t link = strlen(entry->link);
	if (link <= sizeof(header.link))
		memcpy(header.link, entry->link, link);
	else
		add_record(&pax, "linkpath", entry->link, link);
	uint64_t size = entry->kind == TAR_FILE ? entry->size : 0;
	(void)put_number(header.mode, sizeof(header.mode), entry->mode);
	if (!put_number(header.uid, sizeof(header.uid), entry->uid))
		add_number(&pax, "uid", (long long)entry->uid);
	if (!put_number(header.gid, sizeof(header.gid), entry->gid))
		add_number(&pax, "gid", (long long)entry->gid);
	if (!put_number(header.size, sizeof(header.size), size))
		add_number(&pax, "size", (long long)size);
	/* A negative time is a very large one here, so it does not fit either. */
	if (!put_number(header.modified, sizeof(header.modified), (uint64_t)entry->modified.tv_sec))
		add_number(&pax, "mtime", (long long)entry->modified.tv_sec);
	(void)put_number(header.major, sizeof(header.major), entry->device_major);
	(void)put_number(header.minor, sizeof(header.minor), entry->device_minor);
	for (size_t i = 0; i < entry->attribute_count; i++) {
		const struct tar_attribute *attribute = &entry->attributes[i];
		autofini(text_fini) struct text key = {};
		text_format(&key, "SCHILY.xattr.%s", attribute->name);
		add_record(&pax, text_get(&key), attribute->value, attribute->length);
	}
	int r = pax.length > 0 ? put_pax(sink, entry, &pax) : 0;
	if (r < 0)
		return r;
	seal(&header);
	return sink->put(sink->context, &header, sizeof(header));
}

static const char zeros[TAR_BLOCK * 2];

int tar_write_padding(const struct tar_sink *sink, uint64_t size)
{
	size_t fill = (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
	return fill > 0 ? sink->put(sink->context, zeros, fill) : 0;
}

int tar_write_end(const struct tar_sink *sink)
{
	return sink->put(sink->context, zeros, sizeof(zeros));
}
