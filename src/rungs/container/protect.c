// SPDX-License-Identifier: Apache-2.0

/*
 * The stage keeps the container away from our program (stage.c); but the steps before it are ours.
 * In a new pid namespace nobody is there to look. Who enters one with others in it, who may trace
 * without asking, has to come as a copy: written to once, sealed, and worth nothing.
 */

#include "rungs/container/protect.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/memory_file.h"
#include "rungs/container/record.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/sendfile.h>

#define ARGUMENTS_MAX (4u << 20)
static const char copy_name[] = "rung-copy";

bool protect_for_exec(const struct container_record *record)
{
	return record->may_trace && !record->own_user_namespace;
}

bool protect_for_create(const struct plan *plan)
{
	return plan->namespaces[PLAN_NS_PID].path && !plan->namespaces[PLAN_NS_USER].wanted;
}

static bool is_copy(void)
{
	char target[64] = "";
	ssize_t length = readlink("/proc/self/exe", target, sizeof(target) - 1);
	return length > 0 && strstr(target, copy_name);
}

static int copy_program(void)
{
	autoclose int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat about;
	if (program < 0 || fstat(program, &about) < 0)
		return -errno;
	autoclose int copy = memory_file(copy_name, true);
	if (copy < 0)
		return copy;
	for (off_t left = about.st_size; left > 0;) {
		ssize_t n = sendfile(copy, program, NULL, (size_t)left);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	int r = memory_file_seal(copy);
	return r < 0 ? r : take_fd(copy);
}

/* Nobody hands argv this deep; the kernel knows it. */
static int read_arguments(struct arena *arena, char ***ret_arguments)
{
	autofree char *words = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, "/proc/self/cmdline", ARGUMENTS_MAX, &words, &length);
	if (r < 0)
		return r;
	char *kept = arena_strndup(arena, words, length);
	size_t count = 0;
	for (size_t i = 0; i < length; i++)
		count += kept[i] == '\0';
	char **arguments = arena_new(arena, char *, count + 1);
	for (size_t i = 0; i < count; i++, kept += strlen(kept) + 1)
		arguments[i] = kept;
	*ret_arguments = arguments;
	return 0;
}

int protect_executable(void)
{
	if (is_copy())
		return 0;
	autofini(arena_fini) struct arena arena = {};
	char **arguments;
	int r = read_arguments(&arena, &arguments);
	if (r < 0)
		return fail(r, "read our own arguments");
	autoclose int copy = copy_program();
	if (copy < 0)
		return fail(copy, "copy rung into memory");
	r = kernel_execveat(copy, "", arguments, environ, AT_EMPTY_PATH);
	return fail(r, "execute rung from memory");
}
