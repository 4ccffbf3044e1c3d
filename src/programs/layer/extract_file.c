// SPDX-License-Identifier: Apache-2.0

/*
 * What a file holds, and what is known about it. The order matters: the owner first, because
 * chown(2) takes set-user-ID bits and capabilities away; the time last, because all else changes
 * it.
 *
 * The usual small file of root's costs four system calls: open, write, utimensat, close.
 */

#include "base/error.h"
#include "base/fs.h"
#include "extract_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#define HOLE_BYTES ((size_t)64 << 10)

static int write_at(int fd, const unsigned char *bytes, size_t length, uint64_t offset)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, bytes, length, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int write_pieces(struct extractor *extractor, const struct tar_entry *entry, int fd)
{
	const unsigned char *bytes = NULL;
	size_t left = 0;
	for (size_t i = 0; i < entry->piece_count; i++) {
		struct tar_piece piece = entry->pieces[i];
		while (piece.length > 0) {
			int r = left > 0 ? 0 : tar_data(&extractor->reader, &bytes, &left);
			if (r < 0)
				return r;
			if (left == 0)
				return refuse(
					-EBADMSG, "damaged archive: a sparse file's data is short");
			size_t step = piece.length < left ? (size_t)piece.length : left;
			r = write_at(fd, bytes, step, piece.offset);
			if (r < 0)
				return fail(r, "write %s", report_show(entry->path).text);
			bytes += step;
			left -= step;
			piece.offset += step;
			piece.length -= step;
		}
	}
	return ftruncate(fd, (off_t)entry->size) < 0
		       ? fail(-errno, "write %s", report_show(entry->path).text)
		       : 0;
}

static bool is_hole(const unsigned char *bytes, size_t length)
{
	return length >= HOLE_BYTES && bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* Most writers of layers (Go's among them) tell holes as zeros: a block of nothing else is one. */
int extract_content(struct extractor *extractor, const struct tar_entry *entry, int fd)
{
	if (entry->sparse)
		return write_pieces(extractor, entry, fd);
	for (bool has_holes = false;;) {
		const unsigned char *bytes;
		size_t length;
		int r = tar_data(&extractor->reader, &bytes, &length);
		if (r < 0)
			return r;
		if (length == 0)
			r = has_holes && ftruncate(fd, (off_t)entry->size) < 0 ? -errno : 0;
		else if (is_hole(bytes, length)) {
			has_holes = true;
			r = lseek(fd, (off_t)length, SEEK_CUR) < 0 ? -errno : 0;
		} else
			r = fs_write_all(fd, bytes, length);
		if (r < 0)
			return fail(r, "write %s", report_show(entry->path).text);
		if (length == 0)
			return 0;
	}
}

/* ---- owner ----------------------------------------------------------------------------------- */

static int refuse_owner(const struct tar_entry *entry)
{
	int r = refuse(-EOVERFLOW, "%s belongs to %llu:%llu, which this user has no ids for",
		report_show(entry->path).text, (unsigned long long)entry->uid,
		(unsigned long long)entry->gid);
	hint("give the user larger ranges in /etc/subuid and /etc/subgid");
	return r;
}

static int set_owner(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int fd)
{
	const struct extract_options *options = extractor->options;
	if (options->no_owners)
		return 0;
	if (!options->has_owner && (entry->uid >= UINT32_MAX || entry->gid >= UINT32_MAX))
		return refuse_owner(entry);
	uid_t uid = options->has_owner ? options->uid : (uid_t)entry->uid;
	gid_t gid = options->has_owner ? options->gid : (gid_t)entry->gid;
	/* A directory may have been there before. */
	bool is_ours = uid == extractor->own_uid && gid == extractor->own_gid && !parent->setgid;
	if (is_ours && entry->kind != TAR_DIRECTORY)
		return 0;
	int r = fd >= 0 ? fchown(fd, uid, gid)
			: fchownat(parent->fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		return 0;
	return errno == EINVAL ? refuse_owner(entry)
			       : fail(-errno, "owner of %s", report_show(entry->path).text);
}

/* ---- attributes ---------------------------------------------------------------------------- */

/* Overlay's own attributes redirect and hide: one from outside would lead into other layers. */
static bool is_overlay_attribute(const char *name)
{
	return text_starts(name, "trusted.overlay.") || text_starts(name, "user.overlay.");
}

/* Links and devices cannot be opened: by the name that the kernel gives to their directory. */
static int set_attribute(const struct tree_directory *parent, const char *name, int fd,
	const struct tar_attribute *a)
{
	if (fd >= 0)
		return fsetxattr(fd, a->name, a->value, a->length, 0) < 0 ? -errno : 0;
	autofini(text_fini) struct text path = {};
	text_format(&path, "%s/%s", fd_path(parent->fd).text, name);
	return lsetxattr(text_get(&path), a->name, a->value, a->length, 0) < 0 ? -errno : 0;
}

static int set_attributes(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int fd)
{
	for (size_t i = 0; i < entry->attribute_count; i++) {
		const struct tar_attribute *attribute = &entry->attributes[i];
		if (is_overlay_attribute(attribute->name)) {
			report_skip(extractor->report, "%s: attribute %s is overlayfs' own",
				report_show(entry->path).text, report_show(attribute->name).text);
			continue;
		}
		if (text_equal(attribute->name, "system.posix_acl_default"))
			extractor->inherits = true;
		int r = set_attribute(parent, name, fd, attribute);
		/* The file system has none such, or an ordinary user may not have them. */
		if (r == -ENOTSUP || r == -EPERM || r == -EINVAL)
			report_skip(extractor->report, "%s: attribute %s cannot be set here",
				report_show(entry->path).text, report_show(attribute->name).text);
		else if (r < 0)
			return fail(r, "attribute %s of %s", report_show(attribute->name).text,
				report_show(entry->path).text);
	}
	return 0;
}

/* What a default ACL of the directory gave to a new file is not in the archive. */
static void drop_inherited(const struct extractor *extractor, const struct tar_entry *entry, int fd)
{
	if (!extractor->inherits || fd < 0)
		return;
	(void)fremovexattr(fd, "system.posix_acl_access");
	if (entry->kind == TAR_DIRECTORY)
		(void)fremovexattr(fd, "system.posix_acl_default");
}

static int set_mode(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int fd)
{
	if (entry->kind == TAR_SYMLINK)
		return 0;
	/* What was made with its mode, has it. */
	bool exact = !extractor->inherits && !(entry->mode & 07000) && !parent->setgid;
	if (exact && entry->kind != TAR_DIRECTORY)
		return 0;
	int r = fd >= 0 ? fchmod(fd, entry->mode) : fchmodat(parent->fd, name, entry->mode, 0);
	return r < 0 ? fail(-errno, "mode of %s", report_show(entry->path).text) : 0;
}

static int set_time(const struct tar_entry *entry, const struct tree_directory *parent,
	const char *name, int fd)
{
	const struct timespec times[2] = {entry->modified, entry->modified};
	int r = fd >= 0 ? futimens(fd, times)
			: utimensat(parent->fd, name, times, AT_SYMLINK_NOFOLLOW);
	/* EINVAL, EOVERFLOW: a time that this file system cannot have. */
	if (r < 0 && errno != EINVAL && errno != EOVERFLOW)
		return fail(-errno, "time of %s", report_show(entry->path).text);
	return 0;
}

int extract_metadata(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int fd)
{
	int r = set_owner(extractor, entry, parent, name, fd);
	drop_inherited(extractor, entry, fd);
	if (r == 0)
		r = set_mode(extractor, entry, parent, name, fd);
	if (r == 0)
		r = set_attributes(extractor, entry, parent, name, fd);
	return r == 0 && entry->kind != TAR_DIRECTORY ? set_time(entry, parent, name, fd) : r;
}
