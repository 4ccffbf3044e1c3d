// SPDX-License-Identifier: Apache-2.0

/*
 * Whether the host's file is still what the program in the sandbox knew.
 *
 * After a run its originals are written down (base.h), and any other inode or time of last change
 * (st_ctim, which nobody can set) is a change. Before that, two moments are known: when the oldest
 * run began whose changes are not written down, and when a file was made in the upper directory.
 *
 *  - A file with the attribute overlay.origin was copied up from the host, and what the program had
 *    was the host's file at that moment: only what changed later is a conflict.
 *  - Anything else was made by the program: a new file renamed over the old one, a deletion. When
 * it read the old one is not known, so what changed after the run began counts.
 *
 * So a change of the original while the program ran may be called a conflict when it is none; the
 * other error is left in two places. A file that was copied up under another name, renamed over
 * this one, and saved over twice in the same run with a change of the original in between. And mode
 * and owner of directories, whose time of change says nothing.
 */

#include "engine/sandbox/caught_walk.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/xattr.h>

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* ---- what a directory holds ---------------------------------------------------------------------
 */

static void measure_directory(int fd, unsigned depth, struct caught_measure *measure)
{
	autofini(arena_fini) struct arena arena = {};
	struct caught_names names;
	if (depth >= CAUGHT_DEEPEST || caught_names_read(fd, &arena, &names) < 0) {
		measure->unknown = true;
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		struct stat about;
		if (fstatat(fd, names.names[i], &about, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		measure->names++;
		if (S_ISREG(about.st_mode))
			measure->bytes += (uint64_t)about.st_size;
		if (is_before(measure->newest, about.st_ctim))
			measure->newest = about.st_ctim;
		if (!S_ISDIR(about.st_mode))
			continue;
		autoclose int inner = caught_open_directory(fd, names.names[i], O_RDONLY);
		if (inner >= 0)
			measure_directory(inner, depth + 1, measure);
		else if (inner == -EXDEV)
			measure->crosses = true;
		else
			measure->unknown = true;
	}
}

void caught_measure(int parent_fd, const char *name, struct caught_measure *ret_measure)
{
	struct caught_measure measure = {};
	struct stat about;
	autoclose int fd = caught_open_directory(parent_fd, name, O_RDONLY);
	if (fd == -EXDEV)
		measure.crosses = true;
	else if (fd < 0)
		measure.unknown = true;
	else {
		if (fstat(fd, &about) == 0)
			measure.newest = about.st_ctim;
		measure_directory(fd, 0, &measure);
	}
	*ret_measure = measure;
}

/* ---- judging
 * -------------------------------------------------------------------------------------- */

static bool was_copied_up(int upper_fd, const char *name)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", fd_path(upper_fd).text, name);
	return lgetxattr(path, "user.overlay.origin", NULL, 0) >= 0 ||
	       lgetxattr(path, "trusted.overlay.origin", NULL, 0) >= 0;
}

/* From when on a change of the original would be a conflict. */
static struct timespec limit_of(
	const struct caught_walk *walk, int upper_fd, const char *name, const struct caught *caught)
{
	struct timespec since = walk->since;
	bool has_name = caught->whiteout || caught->now.st_mode;
	if (since.tv_sec && (!has_name || caught->whiteout || !was_copied_up(upper_fd, name)))
		return since;
	struct timespec made = kernel_birth_time(upper_fd, has_name ? name : ".");
	return is_before(since, made) ? made : since;
}

static enum caught_conflict compare_with_record(const struct base_record *record,
	const struct caught *caught, struct timespec changed, uint32_t names)
{
	if (record->doubtful)
		return CONFLICT_CHANGED;
	if (!caught->was.st_mode)
		return record->inode ? CONFLICT_GONE : CONFLICT_NONE;
	if (!record->inode)
		return CONFLICT_APPEARED;
	bool same = record->inode == caught->was.st_ino &&
		    record->changed.tv_sec == changed.tv_sec &&
		    record->changed.tv_nsec == changed.tv_nsec && record->names == names;
	return same ? CONFLICT_NONE : names ? CONFLICT_INSIDE : CONFLICT_CHANGED;
}

void caught_judge(const struct caught_walk *walk, int upper_fd, const char *name,
	const struct caught_measure *inside, struct caught *caught)
{
	bool whole = S_ISDIR(caught->was.st_mode);
	struct timespec changed = whole ? inside->newest : caught->was.st_ctim;
	caught->changed = changed;
	if (inside->crosses)
		caught->conflict = CONFLICT_MOUNT;
	else if (inside->unknown)
		caught->conflict = CONFLICT_INSIDE;
	if (caught->conflict)
		return;
	const struct base_record *record = base_find(&walk->base, caught->path);
	if (record)
		caught->conflict = compare_with_record(record, caught, changed, inside->names);
	else if (caught->was.st_mode && !is_before(changed, limit_of(walk, upper_fd, name, caught)))
		caught->conflict = whole ? CONFLICT_INSIDE : CONFLICT_CHANGED;
}

const char *caught_conflict_text(enum caught_conflict conflict)
{
	static const char texts[][64] = {
		[CONFLICT_NONE] = "",
		[CONFLICT_CHANGED] = "the original has changed since",
		[CONFLICT_APPEARED] = "the original did not exist before",
		[CONFLICT_GONE] = "the original has been deleted since",
		[CONFLICT_INSIDE] = "something in it has changed since",
		[CONFLICT_MOUNT] = "another file system is mounted there",
		[CONFLICT_DIRECTORY] = "what is above it is no directory any more",
	};
	return texts[conflict];
}

const char *caught_refusal_text(enum caught_refusal refusal)
{
	static const char texts[][64] = {
		[REFUSAL_NONE] = "",
		[REFUSAL_DEVICE] = "a device",
		[REFUSAL_SOCKET] = "a socket",
		[REFUSAL_UNREADABLE] = "a directory that cannot be read",
		[REFUSAL_REDIRECT] = "renamed by redirect_dir, or metacopy",
		[REFUSAL_DEEP] = "too deep",
	};
	return texts[refusal];
}
