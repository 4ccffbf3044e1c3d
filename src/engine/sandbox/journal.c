// SPDX-License-Identifier: Apache-2.0

/*
 * Reading and writing journals; see journal.h. They lie in a directory of the person's own, but
 * paths in them were named by the program in the sandbox, so what is read is looked at as closely
 * as if it came from there: no "..", no absolute path, nothing out of range.
 */

#include "engine/sandbox/journal.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define MAGIC "rung-apply 1 "
enum { JOURNAL_LENGTH_MAX = 1 << 28, NANOSECONDS = 1000000000 };

/* ---- reading -----------------------------------------------------------------------------------
 */

static bool path_is_safe(const char *path)
{
	if (*path == '/' || *path == '\0')
		return false;
	for (const char *part = path;; part++) {
		size_t length = strcspn(part, "/");
		if (length == 0 || (length == 1 && part[0] == '.') ||
			(length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += length;
		if (!*part)
			return true;
	}
}

static bool time_is_valid(int64_t nanoseconds)
{
	return nanoseconds >= 0 && nanoseconds < NANOSECONDS;
}

static int parse_step(const char *line, struct arena *arena, struct step *ret_step)
{
	uint64_t kind, flags, tree, new_inode, old_inode, temporary;
	int64_t old_s, old_ns, new_s, new_ns;
	int length = 0;
	if (sscanf(line,
		    "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64
		    ".%" SCNd64 " %" SCNd64 ".%" SCNd64 " %" SCNu64 "%n",
		    &kind, &flags, &tree, &new_inode, &old_inode, &old_s, &old_ns, &new_s, &new_ns,
		    &temporary, &length) != 10 ||
		!length || line[length] != '\t')
		return -EINVAL;
	const char *path = line + length + 1;
	if (kind >= STEP_KINDS || flags >= STEP_FLAGS_END || tree > UINT32_MAX ||
		!time_is_valid(old_ns) || !time_is_valid(new_ns) || !path_is_safe(path) ||
		temporary > strlen(path) || (temporary && path[temporary] != '/'))
		return -EINVAL;
	*ret_step = (struct step){
		.kind = (enum step_kind)kind,
		.flags = (unsigned)flags,
		.tree = (unsigned)tree,
		.new_inode = new_inode,
		.old_inode = old_inode,
		.old_changed = {old_s, (long)old_ns},
		.new_changed = {new_s, (long)new_ns},
		.temporary_length = (uint32_t)temporary,
		.path = arena_strdup(arena, path),
	};
	return 0;
}

static int parse_head(
	const char *bytes, struct journal *journal, size_t *ret_count, size_t *ret_length)
{
	int length = 0;
	uint64_t keep_setuid, count;
	if (sscanf(bytes, MAGIC "%16[0-9a-f] %" SCNu64 " %" SCNu64 "%n", journal->id, &keep_setuid,
		    &count, &length) != 3 ||
		!length || bytes[length] != '\n' ||
		strlen(journal->id) != sizeof(journal->id) - 1 || keep_setuid > 1)
		return -EINVAL;
	journal->keep_setuid = keep_setuid;
	*ret_count = (size_t)count;
	*ret_length = (size_t)length + 1;
	return 0;
}

int journal_parse(
	const char *bytes, size_t length, struct arena *arena, struct journal *ret_journal)
{
	struct journal journal = {};
	size_t count = 0, start = 0, present = 0;
	const char *line_end = length ? memchr(bytes, '\n', length) : NULL;
	autofree char *head = line_end ? strndup(bytes, (size_t)(line_end - bytes) + 1) : NULL;
	if (!head || parse_head(head, &journal, &count, &start) < 0)
		return refuse(-EINVAL, "no journal");
	for (size_t i = start; i < length; i++)
		present += bytes[i] == '\0';
	if (present != count || (length > start && bytes[length - 1] != '\0'))
		return refuse(-EINVAL, "a journal of %zu steps instead of %zu", present, count);
	journal.steps = arena_new(arena, struct step, count + 1);
	for (size_t at = start; at < length; at += strlen(bytes + at) + 1)
		if (parse_step(bytes + at, arena, &journal.steps[journal.count++]) < 0)
			return refuse(-EINVAL, "step %zu of the journal", journal.count);
	*ret_journal = journal;
	return 0;
}

int journal_read(int sandbox_fd, const char *name, struct arena *arena, struct journal *ret_journal)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(sandbox_fd, name, JOURNAL_LENGTH_MAX, &bytes, &length);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return fail(r, "read %s", name);
	r = journal_parse(bytes, length, arena, ret_journal);
	return r < 0 ? wrap(r, "%s", name) : 0;
}

/* ---- writing
 * ------------------------------------------------------------------------------------- */

static void write_step(const struct step *step, struct text *out)
{
	text_format(out,
		"%d %u %u %" PRIu64 " %" PRIu64 " %" PRId64 ".%ld %" PRId64 ".%ld %" PRIu32 "\t",
		(int)step->kind, step->flags, step->tree, step->new_inode, step->old_inode,
		(int64_t)step->old_changed.tv_sec, step->old_changed.tv_nsec,
		(int64_t)step->new_changed.tv_sec, step->new_changed.tv_nsec,
		step->temporary_length);
	text_add_bytes(out, step->path, strlen(step->path) + 1);
}

static int sync_directory(int directory_fd)
{
	return fsync(directory_fd) < 0 && errno != EINVAL ? -errno : 0;
}

int journal_write(int sandbox_fd, const char *name, const struct journal *journal)
{
	autofini(text_fini) struct text out = {};
	text_format(&out, MAGIC "%s %d %zu\n", journal->id, journal->keep_setuid, journal->count);
	for (size_t i = 0; i < journal->count; i++)
		write_step(&journal->steps[i], &out);
	static const char temporary[] = JOURNAL_TEMPORARY;
	if (unlinkat(sandbox_fd, temporary, 0) < 0 && errno != ENOENT)
		return fail(-errno, "remove %s", temporary);
	autoclose int fd = openat(
		sandbox_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "write %s", name);
	int r = fs_write_all(fd, text_get(&out), out.length);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(sandbox_fd, temporary, 0);
		return fail(r, "write %s", name);
	}
	return journal_rename(sandbox_fd, temporary, name);
}

int journal_rename(int sandbox_fd, const char *from, const char *to)
{
	int r = renameat(sandbox_fd, from, sandbox_fd, to) < 0 ? -errno
							       : sync_directory(sandbox_fd);
	return r < 0 ? fail(r, "rename %s to %s", from, to) : 0;
}
