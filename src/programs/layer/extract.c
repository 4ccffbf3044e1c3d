// SPDX-License-Identifier: Apache-2.0

/*
 * The members of an archive, one after the other, each under its name; see extract.h. Their content
 * and attributes are extract_file.c's, the directories tree.c's.
 *
 * A name is made clean before it is used, its directory is resolved inside the tree, and the last
 * component is only ever used by calls that do not follow links (O_NOFOLLOW, O_EXCL, …at(2)).
 */

#include "extract.h"

#include "base/error.h"
#include "base/fs.h"
#include "extract_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define ENTRIES_MAX 10000000u         /* 80 times the largest image that was seen */
#define BYTES_MAX ((uint64_t)1 << 40) /* 1 TiB */

/* Archives name the first of equal names each time: one round. More are for the ill-tempered. */
#define LINK_ROUNDS_MAX 32

static const char WHITEOUT[] = ".wh.", WHITEOUT_META[] = ".wh..wh.", OPAQUE[] = ".wh..wh..opq";

/* ---- names
 * --------------------------------------------------------------------------------------- */

static int leads_out(const char *path)
{
	return refuse(
		-EBADMSG, "hostile archive: %s leads out of the tree", report_show(path).text);
}

static void cut(struct text *text, size_t length)
{
	text->length = length;
	if (text->bytes)
		text->bytes[length] = '\0';
}

/* ".." takes a component away again, as Go's filepath.Clean() does. */
static int add_component(const char *path, const char *name, size_t length, struct text *clean)
{
	if (length == 0 || (length == 1 && name[0] == '.'))
		return 0;
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		const char *last;
		if (clean->length > 0)
			cut(clean, tree_split(text_get(clean), &last));
		else if (path[0] != '/')
			return leads_out(path);
		return 0;
	}
	if (length > 255)
		return refuse(-ENAMETOOLONG, "%s: a name of %zu bytes, which no file can have",
			report_show(path).text, length);
	if (clean->length > 0)
		text_add(clean, "/");
	text_add_bytes(clean, name, length);
	return 0;
}

int extract_clean_path(const char *path, unsigned strip, struct text *ret)
{
	autofini(text_fini) struct text clean = {};
	for (const char *c = path; *c;) {
		size_t length = strcspn(c, "/");
		int r = add_component(path, c, length, &clean);
		if (r < 0)
			return r;
		c += length + (c[length] == '/');
	}
	const char *rest = text_get(&clean);
	for (; strip > 0 && *rest; strip--)
		rest += strcspn(rest, "/") + (strchr(rest, '/') != NULL);
	if (strip > 0 || (*rest == '\0' && clean.length > 0))
		return 0;
	text_add(ret, rest);
	return 1;
}

/* The name inside the tree: the directory that was asked for, then the member's own. */
static int place_name(struct extractor *extractor, const char *path, struct text *ret)
{
	cut(ret, 0);
	if (extractor->prefix > 0)
		text_format(ret, "%s/", extractor->options->directory);
	int r = extract_clean_path(path, extractor->options->strip, ret);
	/* The directory itself: without the slash. */
	if (r > 0 && ret->length > 0 && ret->length == extractor->prefix)
		cut(ret, ret->length - 1);
	return r;
}

/* ---- what is there already
 * -------------------------------------------------------------------------- */

/*
 * Makes room for a member under a name that exists. *ret_hide: it was a whiteout of this layer, so
 * a directory must hide what lies below.
 */
static int make_room(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, bool *ret_hide)
{
	struct stat about;
	*ret_hide = false;
	if (fstatat(parent->fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(-errno, "%s", report_show(entry->path).text);
	bool was_directory = S_ISDIR(about.st_mode), is_directory = entry->kind == TAR_DIRECTORY;
	if (extractor->options->keep_kinds && was_directory != is_directory)
		return was_directory
			       ? refuse(-EISDIR, "%s is a directory here, and none in the archive",
					 report_show(entry->path).text)
			       : refuse(-ENOTDIR, "%s is no directory here, but one in the archive",
					 report_show(entry->path).text);
	*ret_hide = extractor->options->overlay && tree_is_whiteout(&about);
	int r = 0;
	if (was_directory)
		r = fs_remove_tree(parent->fd, name);
	else if (unlinkat(parent->fd, name, 0) < 0 && errno != ENOENT)
		r = fail(-errno, "replace %s", report_show(entry->path).text);
	return r;
}

/* After make_room() of a directory or a link, the tree's kept directories may be wrong. */
static int replace(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory **parent, const char *name, bool *ret_hide)
{
	int r = make_room(extractor, entry, *parent, name, ret_hide);
	if (r < 0)
		return r;
	const char *path = text_get(&extractor->path);
	tree_forget(&extractor->tree);
	return tree_directory(&extractor->tree, path, tree_split(path, &name), parent);
}

/* ---- making
 * -------------------------------------------------------------------------------------------- */

static int make_special(
	struct extractor *extractor, const struct tar_entry *entry, int parent_fd, const char *name)
{
	mode_t type = entry->kind == TAR_FIFO        ? S_IFIFO
		      : entry->kind == TAR_CHARACTER ? S_IFCHR
						     : S_IFBLK;
	dev_t device = type == S_IFIFO ? 0 : makedev(entry->device_major, entry->device_minor);
	if (mknodat(parent_fd, name, type | (entry->mode & 0777), device) == 0)
		return 1;
	if (errno != EPERM || type == S_IFIFO)
		return -errno;
	report_skip(extractor->report, "%s: devices cannot be made without privileges",
		report_show(entry->path).text);
	return 0;
}

/* 1: made, *ret_fd is open for files and directories; 0: skipped. Tells no story. */
static int make_member(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, int *ret_fd)
{
	int r = 0;
	*ret_fd = -1;
	switch (entry->kind) {
	case TAR_FILE:
		*ret_fd = r = openat(parent->fd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode & 0777);
		break;
	case TAR_SYMLINK:
		r = symlinkat(entry->link, parent->fd, name);
		break;
	case TAR_DIRECTORY:
		r = mkdirat(parent->fd, name, entry->mode & 0777);
		break;
	default:
		return make_special(extractor, entry, parent->fd, name);
	}
	return r < 0 ? -errno : 1;
}

static struct extract_later *keep_for_later(
	struct extractor *extractor, const char *link, const struct tar_entry *entry)
{
	struct extract_later *later = arena_new(&extractor->arena, struct extract_later, 1);
	later->path = arena_strdup(&extractor->arena, text_get(&extractor->path));
	later->link = arena_strdup(&extractor->arena, link);
	later->modified = entry->modified;
	return later;
}

static int open_directory(int parent_fd, const char *name)
{
	return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int finish_directory(struct extractor *extractor, const struct tar_entry *entry,
	const struct tree_directory *parent, const char *name, bool hide)
{
	int r = hide ? tree_make_opaque(&extractor->tree, parent->fd, name) : 0;
	if (r < 0)
		return r;
	autoclose int fd = open_directory(parent->fd, name);
	if (fd < 0)
		return fail(-errno, "open %s", report_show(entry->path).text);
	if (entry->mode & S_ISGID)
		tree_forget(&extractor->tree);
	r = extract_metadata(extractor, entry, parent, name, fd);
	struct extract_later *later = keep_for_later(extractor, NULL, entry);
	*extractor->last_directory =
		later; /* in their order: of two for one name the last one counts */
	extractor->last_directory = &later->next;
	return r;
}

/* The tree itself, which is there: it takes the member's owner and mode. */
static int take_root(struct extractor *extractor, const struct tar_entry *entry)
{
	if (extractor->prefix > 0 || entry->kind != TAR_DIRECTORY)
		return entry->kind == TAR_DIRECTORY ? 0 : leads_out(entry->path);
	const struct tree_directory *root;
	int r = tree_directory(&extractor->tree, "", 0, &root);
	return r < 0 ? r : finish_directory(extractor, entry, root, ".", false);
}

static bool is_directory(int parent_fd, const char *name)
{
	struct stat about;
	return fstatat(parent_fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
}

static int add_member(struct extractor *extractor, const struct tar_entry *entry)
{
	const char *path = text_get(&extractor->path), *name;
	const struct tree_directory *parent;
	int r = tree_directory(&extractor->tree, path, tree_split(path, &name), &parent);
	if (r < 0)
		return r;
	bool hide = false, there = false;
	autoclose int fd = -1;
	r = make_member(extractor, entry, parent, name, &fd);
	if (r == -EEXIST && entry->kind == TAR_DIRECTORY)
		there = is_directory(parent->fd, name);
	if (r == -EEXIST && !there) {
		r = replace(extractor, entry, &parent, name, &hide);
		if (r < 0)
			return r;
		r = make_member(extractor, entry, parent, name, &fd);
	}
	if (r == 0)
		return 0;
	if (r < 0 && !there)
		return fail(r, "create %s", report_show(entry->path).text);
	if (entry->kind == TAR_DIRECTORY)
		return finish_directory(extractor, entry, parent, name, hide);
	if (entry->kind == TAR_FILE)
		r = extract_content(extractor, entry, fd);
	return r < 0 ? r : extract_metadata(extractor, entry, parent, name, fd);
}

/* ---- hard links
 * --------------------------------------------------------------------------------------- */

/* 1: made; 0: what it leads to is not there (yet). */
static int make_link(struct extractor *extractor, const char *target, const struct tar_entry *entry)
{
	const char *path = text_get(&extractor->path), *name, *target_name;
	if (text_equal(path, target))
		return 1;
	const struct tree_directory *found;
	int r = tree_find(&extractor->tree, target, tree_split(target, &target_name), &found);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return fail(r, "%s", report_show(target).text);
	/* The next look-up may close it. */
	autoclose int from = fcntl(found->fd, F_DUPFD_CLOEXEC, 3);
	struct stat about;
	if (from < 0 || fstatat(from, target_name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
		(extractor->options->overlay && tree_is_whiteout(&about)))
		return 0;
	const struct tree_directory *parent;
	r = tree_directory(&extractor->tree, path, tree_split(path, &name), &parent);
	if (r < 0)
		return r;
	r = linkat(from, target_name, parent->fd, name, 0) < 0 ? -errno : 1;
	if (r == -EEXIST) {
		struct stat there;
		if (fstatat(parent->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
			there.st_ino == about.st_ino && there.st_dev == about.st_dev)
			return 1;
		bool hide;
		r = replace(extractor, entry, &parent, name, &hide);
		if (r < 0)
			return r;
		r = linkat(from, target_name, parent->fd, name, 0) < 0 ? -errno : 1;
	}
	return r < 0 ? fail(r, "link %s to %s", report_show(path).text, report_show(target).text)
		     : 1;
}

static int add_link(struct extractor *extractor, const struct tar_entry *entry)
{
	int r = place_name(extractor, entry->link, &extractor->link);
	if (r < 0)
		return wrap(r, "link %s", report_show(entry->path).text);
	r = make_link(extractor, text_get(&extractor->link), entry);
	if (r != 0)
		return r < 0 ? r : 0;
	*extractor->last_link = keep_for_later(extractor, text_get(&extractor->link), entry);
	extractor->last_link = &(*extractor->last_link)->next;
	return 0;
}

/* ---- whiteouts
 * ------------------------------------------------------------------------------------------ */

static int add_whiteout(
	struct extractor *extractor, const struct tar_entry *entry, const char *name)
{
	const char *path = text_get(&extractor->path);
	size_t length = (size_t)(name - path) - (name > path);
	const struct tree_directory *parent;
	int r = tree_directory(&extractor->tree, path, length, &parent);
	if (r < 0)
		return r;
	if (text_equal(name, OPAQUE))
		return tree_make_opaque(&extractor->tree, parent->fd, ".");
	if (text_starts(name, WHITEOUT_META))
		return 0; /* what else aufs kept for itself */
	const char *gone = name + strlen(WHITEOUT);
	if (text_empty(gone) || text_equal(gone, ".") || text_equal(gone, ".."))
		return leads_out(entry->path);
	if (mknodat(parent->fd, gone, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(-errno, "whiteout %s", report_show(entry->path).text);
	/* The layer has brought a new one already. */
	return is_directory(parent->fd, gone) ? tree_make_opaque(&extractor->tree, parent->fd, gone)
					      : 0;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static int check_limits(struct extractor *extractor, const struct tar_entry *entry)
{
	const struct extract_options *options = extractor->options;
	uint64_t entries = options->entries_max ? options->entries_max : ENTRIES_MAX;
	uint64_t bytes = options->bytes_max ? options->bytes_max : BYTES_MAX;
	struct report *report = extractor->report;
	if (++report->entries > entries)
		return refuse(-EFBIG, "hostile archive: more than %llu members",
			(unsigned long long)entries);
	if (entry->kind != TAR_FILE)
		return 0;
	report->content_size += entry->data_size;
	if (report->content_size > bytes)
		return refuse(-EFBIG, "hostile archive: more than %llu bytes in its files",
			(unsigned long long)bytes);
	return 0;
}

static int add(struct extractor *extractor, const struct tar_entry *entry)
{
	int r = check_limits(extractor, entry);
	if (r < 0 || entry->kind == TAR_IGNORED)
		return r;
	r = place_name(extractor, entry->path, &extractor->path);
	if (r <= 0)
		return r;
	size_t own = extractor->prefix > 0 ? extractor->prefix : 1;
	if (extractor->path.length < own)
		return take_root(extractor, entry);
	const char *name;
	(void)tree_split(text_get(&extractor->path), &name);
	if (extractor->options->overlay && text_starts(name, WHITEOUT))
		return add_whiteout(extractor, entry, name);
	return entry->kind == TAR_HARDLINK ? add_link(extractor, entry)
					   : add_member(extractor, entry);
}

/* Links before what they lead to; a chain of them may take several rounds. */
static int add_waiting_links(struct extractor *extractor)
{
	bool progress = true;
	for (unsigned round = 0; round < LINK_ROUNDS_MAX && progress && extractor->links; round++) {
		progress = false;
		for (struct extract_later **at = &extractor->links, *link; (link = *at);) {
			struct tar_entry entry = {
				.kind = TAR_HARDLINK, .path = link->path, .link = link->link};
			cut(&extractor->path, 0);
			text_add(&extractor->path, link->path);
			int r = make_link(extractor, link->link, &entry);
			if (r < 0)
				return r;
			if (r > 0) {
				progress = true;
				*at = link->next;
			} else
				at = &link->next;
		}
	}
	if (!extractor->links)
		return 0;
	return refuse(-EBADMSG, "damaged archive: %s is a link to %s, which is not there",
		report_show(extractor->links->path).text, report_show(extractor->links->link).text);
}

static void set_directory_times(struct extractor *extractor)
{
	for (struct extract_later *later = extractor->directories; later; later = later->next) {
		const struct timespec times[2] = {later->modified, later->modified};
		const struct tree_directory *parent;
		const char *name;
		size_t length = tree_split(later->path, &name);
		if (tree_find(&extractor->tree, later->path, length, &parent) < 0)
			continue;
		if (text_empty(name))
			name = ".";
		if (is_directory(parent->fd, name))
			(void)utimensat(parent->fd, name, times, AT_SYMLINK_NOFOLLOW);
	}
}

static int extract_all(struct extractor *extractor)
{
	for (;;) {
		struct tar_entry entry;
		int r = tar_next(&extractor->reader, &entry);
		if (r == 0)
			break;
		if (r > 0)
			r = add(extractor, &entry);
		if (r < 0)
			return r;
	}
	int r = add_waiting_links(extractor);
	if (r == 0)
		set_directory_times(extractor);
	return r;
}

int extract(const struct tar_source *source, const struct extract_options *options,
	struct report *report)
{
	struct extractor extractor = {
		.options = options,
		.report = report,
		.own_uid = geteuid(),
		.own_gid = getegid(),
		.prefix = text_empty(options->directory) ? 0 : strlen(options->directory) + 1,
		.inherits = fgetxattr(options->tree_fd, "system.posix_acl_default", NULL, 0) > 0,
	};
	extractor.last_link = &extractor.links;
	extractor.last_directory = &extractor.directories;
	tar_reader_init(&extractor.reader, source);
	tree_init(&extractor.tree, options->tree_fd, options->overlay);
	mode_t mask = umask(0);
	int r = 0;
	if (extractor.prefix > 0) {
		const struct tree_directory *directory;
		r = tree_directory(
			&extractor.tree, options->directory, extractor.prefix - 1, &directory);
	}
	if (r == 0)
		r = extract_all(&extractor);
	(void)umask(mask);
	tree_fini(&extractor.tree);
	tar_reader_fini(&extractor.reader);
	text_fini(&extractor.path);
	text_fini(&extractor.link);
	arena_fini(&extractor.arena);
	return r;
}
