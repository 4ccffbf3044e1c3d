// SPDX-License-Identifier: Apache-2.0

/*
 * What differs inside a file, in the form that patch(1) reads: diff(1) is asked, which every system
 * has. It gets two descriptors and never a name, so it opens nothing that a program in the sandbox
 * could have made a link of. Files with NUL bytes are called binary, as diff does.
 */

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/process.h"
#include "base/scope.h"
#include "cli/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_side(int top_fd, const char *path, mode_t mode)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	if (!S_ISREG(mode)) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return kernel_openat2(top_fd, path, &how);
}

static bool is_binary(int fd)
{
	char start[8192];
	ssize_t n = pread(fd, start, sizeof(start), 0);
	return n > 0 && memchr(start, '\0', (size_t)n) != NULL;
}

static const char *find_diff(void)
{
	static const char places[][16] = {"/usr/bin/diff", "/bin/diff"};
	for (size_t i = 0; i < array_length(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static int ask_diff(const char *program, int real, int upper, const char *before, const char *after)
{
	const char *const arguments[] = {program, "-u", "--label", before, "--label", after, "--",
		"/dev/fd/3", "/dev/fd/4", NULL};
	const struct process_fd fds[] = {{STDOUT_FILENO, STDOUT_FILENO},
		{STDERR_FILENO, STDERR_FILENO}, {real, 3}, {upper, 4}, {-1, -1}};
	const struct process_spawn spawn = {.program = program,
		.arguments = arguments,
		.fds = fds,
		.fd_count = array_length(fds) - 1};
	int status;
	(void)fflush(stdout);
	int r = process_spawn(&spawn, &status);
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) < 2
		       ? 0
		       : refuse(-EIO, "diff failed with %d", process_exit_code(status));
}

/* What is no regular file on either side has no lines. */
static void print_other(const struct caught *caught, const char *path)
{
	if (S_ISLNK(caught->now.st_mode))
		(void)printf("%c %s: a symbolic link\n", change_letter(caught), path);
	else if (caught->kind == CAUGHT_ATTRIBUTES)
		(void)printf("P %s: %04o, was %04o\n", path, caught->now.st_mode & 07777,
			caught->was.st_mode & 07777);
	else
		(void)printf("%c %s\n", change_letter(caught), path);
}

int change_print_text(
	const struct caught_list *list, const struct caught *caught, struct arena *arena)
{
	const struct caught_tree *tree = &list->trees[caught->tree];
	const char *path = change_printable(caught_path(list, caught), arena);
	bool any = S_ISREG(caught->now.st_mode) || S_ISREG(caught->was.st_mode);
	if (!any || caught->kind == CAUGHT_ATTRIBUTES) {
		print_other(caught, path);
		return 0;
	}
	autoclose int real = open_side(tree->real_fd, caught->path, caught->was.st_mode);
	autoclose int upper = open_side(tree->upper_fd, caught->path, caught->now.st_mode);
	if (real < 0 || upper < 0)
		return fail(real < 0 ? real : upper, "open %s", path);
	if (is_binary(real) || is_binary(upper)) {
		char before[UNITS_TEXT_MAX], after[UNITS_TEXT_MAX];
		units_size((uint64_t)caught->was.st_size, before);
		units_size((uint64_t)caught->now.st_size, after);
		(void)printf("Binary file %s: %s, was %s\n", path,
			caught->now.st_mode ? after : "deleted",
			caught->was.st_mode ? before : "not there");
		return 0;
	}
	const char *program = find_diff();
	if (!program) {
		int r = refuse(-ENOENT, "there is no diff(1) to compare lines with");
		hint("install diffutils");
		return r;
	}
	int r = ask_diff(program, real, upper,
		caught->was.st_mode ? arena_format(arena, "a%s", path) : "/dev/null",
		caught->now.st_mode ? arena_format(arena, "b%s", path) : "/dev/null");
	return r < 0 ? wrap(r, "%s", path) : 0;
}
