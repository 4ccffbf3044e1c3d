// SPDX-License-Identifier: Apache-2.0

/*
 * pack, archive, encode: a tree goes out as an archive.
 *
 * Directories are gone through in the order of their names, a directory before what is in it, so
 * equal trees make equal bytes. Every step is by descriptor and one name, links are not followed:
 * the tree may be a running container's. A file that changes while it is read is cut or filled up
 * to the size that its header says, and noted.
 *
 * An overlay's upper directory (command.overlay is set) becomes the changes that it stands for: a
 * device 0:0 is written as ".wh.name", an opaque directory gets ".wh..wh..opq" (OCI image
 * specification, layer.md, "Whiteouts").
 */

#include "pack.h"

#include "base/error.h"
#include "base/fs.h"
#include "extract.h"
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

static int put(void *context, const void *bytes, size_t length)
{
	encode_put(context, bytes, length);
	return 0;
}

/* ---- one member ------------------------------------------------------------------------------ */

static struct tar_entry describe(const struct packer *packer, const struct stat *about)
{
	struct tar_entry entry = {
		.path = text_get(&packer->name),
		.link = "",
		.mode = about->st_mode & 07777,
		.uid = about->st_uid,
		.gid = about->st_gid,
		.modified = {.tv_sec = about->st_mtim.tv_sec},
		.device_major = major(about->st_rdev),
		.device_minor = minor(about->st_rdev),
	};
	const struct layer_command *command = packer->command;
	if (command->has_latest_time && entry.modified.tv_sec > command->latest_time)
		entry.modified.tv_sec = command->latest_time;
	switch (about->st_mode & S_IFMT) {
	case S_IFREG:
		entry.kind = TAR_FILE;
		entry.size = entry.data_size = (uint64_t)about->st_size;
		break;
	case S_IFDIR:
		entry.kind = TAR_DIRECTORY;
		break;
	case S_IFLNK:
		entry.kind = TAR_SYMLINK;
		break;
	case S_IFCHR:
		entry.kind = TAR_CHARACTER;
		break;
	case S_IFBLK:
		entry.kind = TAR_BLOCK_DEVICE;
		break;
	case S_IFIFO:
		entry.kind = TAR_FIFO;
		break;
	default:
		entry.kind = TAR_IGNORED;
	}
	return entry;
}

static int write_header(struct packer *packer, const struct tar_entry *entry)
{
	packer->report->entries++;
	return tar_write_header(&packer->sink, entry);
}

/* Exactly entry->size bytes. */
static int write_content(struct packer *packer, const struct tar_entry *entry, int fd)
{
	uint64_t left = entry->size;
	bool noted = false;
	packer->report->content_size += entry->size;
	while (left > 0) {
		size_t room;
		unsigned char *at = encode_room(packer->encode, &room);
		if (room > left)
			room = (size_t)left;
		ssize_t n = read(fd, at, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "read %s", report_show(entry->path).text);
		if (n == 0) {
			if (!noted)
				report_skip(packer->report, "%s became shorter while it was read",
					report_show(entry->path).text);
			noted = true;
			memset(at, 0, room);
			n = (ssize_t)room;
		}
		encode_filled(packer->encode, (size_t)n);
		left -= (uint64_t)n;
	}
	return tar_write_padding(&packer->sink, entry->size);
}

/* The first name of this inode, or NULL and @path will be it. */
static const char *first_name(struct packer *packer, const struct stat *about)
{
	if (about->st_nlink < 2)
		return NULL;
	struct pack_link **bucket =
		&packer->links[(about->st_ino ^ about->st_dev) % PACK_LINK_BUCKETS];
	for (struct pack_link *link = *bucket; link; link = link->next)
		if (link->inode == about->st_ino && link->device == about->st_dev)
			return link->path;
	struct pack_link *link = arena_new(&packer->arena, struct pack_link, 1);
	*link = (struct pack_link){*bucket, about->st_dev, about->st_ino,
		arena_strdup(&packer->arena, text_get(&packer->name))};
	*bucket = link;
	return NULL;
}

static int write_open_file(struct packer *packer, int fd, const struct stat *seen)
{
	struct stat about;
	if (fstat(fd, &about) < 0)
		return fail(-errno, "%s", report_show(text_get(&packer->path)).text);
	if (!S_ISREG(about.st_mode) || about.st_ino != seen->st_ino)
		return refuse(-EAGAIN, "%s was replaced while it was read",
			report_show(text_get(&packer->path)).text);
	struct tar_entry entry = describe(packer, &about);
	const struct pack_place place = {.parent_fd = -1, .fd = fd};
	int r = pack_attributes(packer, &place, &entry);
	if (r == 0)
		r = write_header(packer, &entry);
	return r < 0 ? r : write_content(packer, &entry, fd);
}

static int write_file(
	struct packer *packer, int parent_fd, const char *name, const struct stat *seen)
{
	autoclose int fd = openat(parent_fd, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(
			parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open %s", report_show(text_get(&packer->path)).text);
	return write_open_file(packer, fd, seen);
}

static int write_other(
	struct packer *packer, int parent_fd, const char *name, const struct stat *about)
{
	char target[TAR_PATH_MAX + 1];
	struct tar_entry entry = describe(packer, about);
	if (entry.kind == TAR_SYMLINK) {
		ssize_t length = readlinkat(parent_fd, name, target, sizeof(target) - 1);
		if (length < 0)
			return fail(-errno, "read link %s", report_show(entry.path).text);
		target[length] = '\0';
		entry.link = target;
	}
	const struct pack_place place = {parent_fd, -1, name};
	int r = pack_attributes(packer, &place, &entry);
	return r < 0 ? r : write_header(packer, &entry);
}

/* ---- whiteouts ----------------------------------------------------------------------------- */

/* An empty file of that name beside the present member; the name is the packer's last component. */
static int write_mark(struct packer *packer, const char *directory, const char *name)
{
	autofini(text_fini) struct text path = {};
	text_format(&path, "%s%s", directory, name);
	struct tar_entry entry = {
		.kind = TAR_FILE, .path = text_get(&path), .link = "", .mode = 0600};
	const struct layer_command *command = packer->command;
	if (command->has_latest_time)
		entry.modified.tv_sec = command->latest_time;
	return write_header(packer, &entry);
}

static int write_whiteout(struct packer *packer, const char *name)
{
	autofini(text_fini) struct text directory = {}, mark = {};
	const char *whole = text_get(&packer->name);
	text_add_bytes(&directory, whole, strlen(whole) - strlen(name));
	text_format(&mark, ".wh.%s", name);
	return write_mark(packer, text_get(&directory), text_get(&mark));
}

/* A device 0:0, or since Linux 6.7 an empty file with an attribute. */
static bool is_whiteout(
	const struct packer *packer, int parent_fd, const char *name, const struct stat *about)
{
	if (!packer->command->overlay)
		return false;
	if (S_ISCHR(about->st_mode))
		return about->st_rdev == 0;
	const struct pack_place place = {parent_fd, -1, name};
	char value[8];
	return S_ISREG(about->st_mode) && about->st_size == 0 &&
	       pack_overlay_attribute(packer, &place, "whiteout", value, sizeof(value)) > 0;
}

/* With redirect_dir or metacopy an upper directory is no layer: what it means lies elsewhere. */
static int check_overlay(struct packer *packer, const struct pack_place *place)
{
	static const char *const foreign[] = {"redirect", "metacopy"};
	char value[4096];
	for (unsigned i = 0; i < array_length(foreign); i++)
		if (pack_overlay_attribute(packer, place, foreign[i], value, sizeof(value)) > 0)
			return refuse(-EOPNOTSUPP,
				"%s: the overlay was mounted with %s, which no layer can express",
				report_show(text_get(&packer->path)).text, foreign[i]);
	return 0;
}

/* ---- directories
 * ----------------------------------------------------------------------------------- */

struct names {
	struct arena arena;
	const char **items;
	size_t count, room;
};

static void names_fini(struct names *names)
{
	free(names->items);
	arena_fini(&names->arena);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(struct names *names, const char *name)
{
	if (names->count == names->room) {
		names->room = names->room ? names->room * 2 : 64;
		names->items = realloc(names->items, names->room * sizeof(*names->items));
		if (!names->items)
			memory_exhausted();
	}
	names->items[names->count++] = arena_strdup(&names->arena, name);
}

static int read_names(int fd, struct names *names)
{
	/* Of its own, because closedir() closes it. */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = own < 0 ? NULL : fdopendir(own);
	if (!directory)
		return -errno;
	struct dirent *entry;
	while (errno = 0, (entry = readdir(directory)))
		if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
			add_name(names, entry->d_name);
	int r = -errno;
	(void)closedir(directory);
	if (names->count > 0)
		qsort(names->items, names->count, sizeof(*names->items), compare);
	return r;
}

static bool is_excluded(const struct packer *packer)
{
	for (size_t i = 0; i < packer->command->exclude_count; i++) {
		const char *path = packer->command->exclude[i];
		path += strspn(path, "/");
		if (text_equal(path, text_get(&packer->path)))
			return true;
	}
	return false;
}

static void cut(struct text *text, size_t length)
{
	text->length = length;
	if (text->bytes)
		text->bytes[length] = '\0';
}

static int pack_member(struct packer *packer, int parent_fd, const char *name);

static int pack_children(struct packer *packer, int fd)
{
	autofini(names_fini) struct names names = {};
	int r = read_names(fd, &names);
	if (r < 0)
		return fail(r, "read directory %s", report_show(text_get(&packer->path)).text);
	size_t path = packer->path.length, name = packer->name.length;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		text_format(&packer->path, "%s%s", path > 0 ? "/" : "", names.items[i]);
		text_add(&packer->name, names.items[i]);
		r = is_excluded(packer) ? 0 : pack_member(packer, fd, names.items[i]);
		cut(&packer->path, path);
		cut(&packer->name, name);
	}
	return r;
}

/* The directory itself, its name with "/", then what is in it. */
static int pack_directory(struct packer *packer, int parent_fd, const char *name, int fd)
{
	struct stat about;
	if (fstat(fd, &about) < 0)
		return fail(-errno, "%s", report_show(text_get(&packer->path)).text);
	size_t length = packer->name.length;
	text_add(&packer->name, length > 0 ? "/" : "./");
	struct tar_entry entry = describe(packer, &about);
	const struct pack_place place = {parent_fd, fd, name};
	int r = check_overlay(packer, &place);
	if (r == 0)
		r = pack_attributes(packer, &place, &entry);
	if (r == 0)
		r = write_header(packer, &entry);
	if (length == 0)
		cut(&packer->name, 0);
	char value[8];
	if (r == 0 && pack_overlay_attribute(packer, &place, "opaque", value, sizeof(value)) == 1 &&
		value[0] == 'y')
		r = write_mark(packer, text_get(&packer->name), ".wh..wh..opq");
	if (r == 0)
		r = pack_children(packer, fd);
	cut(&packer->name, length);
	return r;
}

static int pack_member(struct packer *packer, int parent_fd, const char *name)
{
	struct stat about;
	if (fstatat(parent_fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0 /* gone meanwhile */
			       : fail(-errno, "%s", report_show(text_get(&packer->path)).text);
	if (S_ISDIR(about.st_mode)) {
		autoclose int fd =
			openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return fail(-errno, "open %s", report_show(text_get(&packer->path)).text);
		return pack_directory(packer, parent_fd, name, fd);
	}
	if (is_whiteout(packer, parent_fd, name, &about))
		return write_whiteout(packer, name);
	if (S_ISSOCK(about.st_mode)) {
		report_skip(packer->report, "%s is a socket, which no archive can hold",
			report_show(text_get(&packer->path)).text);
		return 0;
	}
	const char *first = first_name(packer, &about);
	if (first) {
		struct tar_entry entry = describe(packer, &about);
		entry.kind = TAR_HARDLINK;
		entry.link = first;
		return write_header(packer, &entry);
	}
	return S_ISREG(about.st_mode) ? write_file(packer, parent_fd, name, &about)
				      : write_other(packer, parent_fd, name, &about);
}

/* ---- the whole
 * ----------------------------------------------------------------------------------------- */

static int open_directory(int root_fd, const char *path)
{
	return fs_open_in(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
}

static int pack_tree(struct packer *packer, const char *path)
{
	autoclose int fd = open_directory(packer->command->tree, path);
	return fd < 0 ? fd : pack_directory(packer, fd, ".", fd);
}

/* What a link leads to, under the link's name. */
static int pack_target(struct packer *packer, const char *path)
{
	int tree = packer->command->tree;
	autoclose int there = fs_open_in(tree, path, O_PATH, 0);
	struct stat about;
	if (there < 0)
		return there;
	if (fstat(there, &about) < 0)
		return fail(-errno, "%s", path);
	if (S_ISDIR(about.st_mode))
		return pack_tree(packer, path);
	if (!S_ISREG(about.st_mode)) {
		struct tar_entry entry = describe(packer, &about);
		return entry.kind == TAR_IGNORED ? refuse(-EOPNOTSUPP, "%s is a socket", path)
						 : write_header(packer, &entry);
	}
	autoclose int fd = fs_open_in(tree, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	return fd < 0 ? fd : write_open_file(packer, fd, &about);
}

static int pack_named(struct packer *packer, const char *path, const char *slash)
{
	autofini(text_fini) struct text directory = {};
	text_add_bytes(&directory, path, slash ? (size_t)(slash - path) : 0);
	text_add(&directory, slash ? "/" : ".");
	autoclose int parent = open_directory(packer->command->tree, text_get(&directory));
	if (parent < 0)
		return parent;
	const char *name = slash ? slash + 1 : path;
	struct stat about;
	if (fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(-errno, "%s", path);
	if (S_ISSOCK(about.st_mode))
		return refuse(-EOPNOTSUPP, "%s is a socket", path);
	return pack_member(packer, parent, name);
}

/* "a/b/." and "a/b/" are what b leads to; "a/b" may be a link that stays one. */
static int pack_all(struct packer *packer, const char *name)
{
	const struct layer_command *command = packer->command;
	const char *path = text_empty(command->path) ? "." : command->path;
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	if (!text_equal(name, "."))
		text_add(&packer->name, name);
	int r;
	if (text_empty(last) || text_equal(last, ".") || text_equal(last, ".."))
		r = pack_tree(packer, path);
	else if (command->follow)
		r = pack_target(packer, path);
	else
		r = pack_named(packer, path, slash);
	return r < 0 ? r : tar_write_end(&packer->sink);
}

static int run(const struct layer_command *command, const char *name, struct report *report)
{
	struct encode *encode = calloc(1, sizeof(*encode));
	struct packer *packer = calloc(1, sizeof(*packer));
	if (!encode || !packer)
		memory_exhausted();
	encode->compression = command->compression;
	encode->level = command->level;
	encode->output_fd = command->output;
	encode_start(encode);
	packer->command = command;
	packer->report = report;
	packer->encode = encode;
	packer->sink = (struct tar_sink){put, encode};
	int r = pack_all(packer, name);
	if (r < 0)
		return r; /* main() ends the threads with the process */
	r = encode_finish(encode, report);
	text_fini(&packer->path);
	text_fini(&packer->name);
	arena_fini(&packer->arena);
	free(packer);
	if (r == 0)
		free(encode);
	return r;
}

int layer_pack(const struct layer_command *command, struct report *report)
{
	return run(command, ".", report);
}

int layer_archive(const struct layer_command *command, struct report *report)
{
	if (command->name)
		return run(command, text_empty(command->name) ? "." : command->name, report);
	const char *path = command->path ? command->path : ".", *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	return run(command, text_empty(last) || text_equal(last, "..") ? "." : last, report);
}

int layer_encode(const struct layer_command *command, struct report *report)
{
	struct encode *encode = calloc(1, sizeof(*encode));
	if (!encode)
		memory_exhausted();
	encode->compression = command->compression;
	encode->level = command->level;
	encode->output_fd = command->output;
	encode_start(encode);
	for (;;) {
		size_t room;
		unsigned char *at = encode_room(encode, &room);
		ssize_t n = read(command->input, at, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "read");
		if (n == 0)
			break;
		encode_filled(encode, (size_t)n);
	}
	int r = encode_finish(encode, report);
	if (r == 0)
		free(encode);
	return r;
}
