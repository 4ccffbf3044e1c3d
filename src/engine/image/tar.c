// SPDX-License-Identifier: Apache-2.0

/*
 * Writing the tars of `save`. The names are ours and short, the members plain files, so a POSIX
 * ustar header (pax(1), "ustar Interchange Format") is all that it takes; layers inside are made by
 * others. Same images, same bytes: owners are 0, all times are one.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/image/archive_internal.h"

#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { BLOCK = 512 };

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

/* Eleven octal digits, or GNU's base 256 from 8 GiB on, which all readers know. */
static void put_size(char field[static 12], uint64_t size)
{
	if (size < (uint64_t)1 << 33) {
		(void)snprintf(field, 12, "%011llo", (unsigned long long)size & 077777777777);
		return;
	}
	memset(field, 0, 12);
	field[0] = (char)0x80;
	for (int i = 11; i > 3; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

static void fill_header(
	struct ustar *header, const char *name, char type, uint64_t size, int64_t time)
{
	*header = (struct ustar){.type = type, .magic = "ustar", .version = {'0', '0'}};
	(void)snprintf(header->name, sizeof(header->name), "%s", name);
	(void)snprintf(header->mode, sizeof(header->mode), type == '5' ? "0000755" : "0000644");
	(void)snprintf(header->uid, sizeof(header->uid), "0000000");
	(void)snprintf(header->gid, sizeof(header->gid), "0000000");
	put_size(header->size, size);
	(void)snprintf(header->mtime, sizeof(header->mtime), "%011llo",
		(unsigned long long)(time > 0 ? time : 0) & 077777777777);
	memset(header->checksum, ' ', sizeof(header->checksum));
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += ((const unsigned char *)header)[i];
	(void)snprintf(header->checksum, 7, "%06o", sum & 0777777);
}

void tar_writer_init(struct tar_writer *writer, int fd)
{
	struct stat about;
	*writer = (struct tar_writer){.fd = fd};
	/* What a shell opened with >> is written at the end, whatever lseek() says. */
	writer->seekable = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
			   lseek(fd, 0, SEEK_CUR) == 0 && about.st_size == 0;
}

static int put(struct tar_writer *writer, const void *bytes, size_t length)
{
	int r = fs_write_all(writer->fd, bytes, length);
	return r < 0 ? fail(r, "write the archive") : 0;
}

static int put_header(struct tar_writer *writer, const char *name, char type, uint64_t size)
{
	struct ustar header;
	if (strlen(name) >= sizeof(header.name))
		return refuse(-ENAMETOOLONG, "write the archive: the name %s is too long", name);
	fill_header(&header, name, type, size, writer->time);
	return put(writer, &header, sizeof(header));
}

static int pad(struct tar_writer *writer, uint64_t size)
{
	static const char zeros[BLOCK];
	return put(writer, zeros, (BLOCK - size % BLOCK) % BLOCK);
}

int tar_add_bytes(struct tar_writer *writer, const char *name, const void *bytes, size_t length)
{
	int r = put_header(writer, name, '0', length);
	if (r == 0)
		r = put(writer, bytes, length);
	return r == 0 ? pad(writer, length) : r;
}

int tar_add_directory(struct tar_writer *writer, const char *name)
{
	return put_header(writer, name, '5', 0);
}

/* copy_file_range(2) between files, sendfile(2) into pipes, read and write where neither can. */
int copy_bytes(int input_fd, int output_fd, uint64_t size)
{
	enum { RANGE, SEND, READ } way = RANGE;
	char buffer[65536];
	while (size > 0) {
		size_t part = size < (uint64_t)1 << 30 ? (size_t)size : (size_t)1 << 30;
		ssize_t n = way == RANGE ? copy_file_range(input_fd, NULL, output_fd, NULL, part, 0)
			    : way == SEND ? sendfile(output_fd, input_fd, NULL, part)
					  : read(input_fd, buffer,
						    part < sizeof(buffer) ? part : sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		bool cannot = n < 0 && (errno == EINVAL || errno == EXDEV || errno == ENOSYS ||
					       errno == EOPNOTSUPP || errno == EBADF);
		if (cannot && way != READ) {
			way++;
			continue;
		}
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* shorter than it was said to be */
		int r = way == READ ? fs_write_all(output_fd, buffer, (size_t)n) : 0;
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

int tar_add_file(struct tar_writer *writer, const char *name, int fd, uint64_t size)
{
	int r = put_header(writer, name, '0', size);
	if (r < 0)
		return r;
	r = copy_bytes(fd, writer->fd, size);
	if (r < 0)
		return fail(r, "write %s into the archive", name);
	return pad(writer, size);
}

/* The header is written when the size is known, into the place that was left for it. */
int tar_add_written(struct tar_writer *writer, const char *name,
	int (*write)(int output_fd, void *context), void *context)
{
	struct ustar header = {};
	off_t start = lseek(writer->fd, 0, SEEK_CUR);
	int r = put(writer, &header, sizeof(header));
	if (r == 0)
		r = write(writer->fd, context);
	if (r < 0)
		return r;
	off_t end = lseek(writer->fd, 0, SEEK_END);
	if (start < 0 || end < start + BLOCK)
		return fail(-EIO, "write %s into the archive", name);
	uint64_t size = (uint64_t)(end - start - BLOCK);
	fill_header(&header, name, '0', size, writer->time);
	if (pwrite(writer->fd, &header, sizeof(header), start) != sizeof(header))
		return fail(-errno, "write %s into the archive", name);
	return pad(writer, size);
}

int tar_end(struct tar_writer *writer)
{
	static const char zeros[2 * BLOCK];
	return put(writer, zeros, sizeof(zeros));
}
