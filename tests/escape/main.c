// SPDX-License-Identifier: Apache-2.0

/*
 * escape try NAME [name=value...]      one attempt; prints "ESCAPED: ...", "HELD: ...", "DONE: ..."
 * or "IMPOSSIBLE: ..." escape tool                          prints the secret, as a program that
 * nobody inside may run escape bystander TOP                 see bystander.c escape start OPTION...
 * -- COMMAND    see starter.c
 *
 * One attempt a process: it may lose a namespace, a capability or its life on the way, and a death
 * by SIGSYS is how some walls say no.
 */

#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUFFERS = 8, BUFFER_SIZE = 4096 };

static const struct {
	const char *name;
	attempt_function *function;
} attempts[] = {
#define ATTEMPT(name, needs, what) {#name, attempt_##name},
#include "attempts.h"
#undef ATTEMPT
};

static char **told;

static char *next_buffer(void)
{
	static char buffers[BUFFERS][BUFFER_SIZE];
	static unsigned next;
	return buffers[next++ % BUFFERS];
}

const char *world(const char *name)
{
	size_t length = strlen(name);
	for (char **word = told; *word; word++)
		if (strncmp(*word, name, length) == 0 && (*word)[length] == '=')
			return *word + length + 1;
	fprintf(stderr, "escape: nobody told where %s is\n", name);
	exit(2);
}

long world_number(const char *name)
{
	return strtol(world(name), NULL, 0);
}

const char *text(const char *format, ...)
{
	char *buffer = next_buffer();
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(buffer, BUFFER_SIZE, format, arguments);
	va_end(arguments);
	return buffer;
}

const char *in_world(const char *below)
{
	return text("%s/%s", world("top"), below);
}

static enum verdict say(
	enum verdict verdict, const char *word, int error, const char *format, va_list arguments)
{
	printf("%s: ", word);
	vprintf(format, arguments);
	printf("%s%s\n", error ? ": " : "", error ? strerror(error) : "");
	fflush(stdout);
	return verdict;
}

#define SAY(verdict, error) \
	do { \
		int error_seen = (error); \
		va_list arguments; \
		va_start(arguments, format); \
		say(verdict, #verdict, error_seen, format, arguments); \
		va_end(arguments); \
		return verdict; \
	} while (0)

enum verdict held(const char *format, ...)
{
	SAY(HELD, errno);
}

enum verdict escaped(const char *format, ...)
{
	SAY(ESCAPED, 0);
}

enum verdict done(const char *format, ...)
{
	SAY(DONE, 0);
}

enum verdict impossible(const char *format, ...)
{
	SAY(IMPOSSIBLE, errno);
}

enum verdict find_secret(const void *bytes, size_t size, const char *what)
{
	errno = 0;
	if (memmem(bytes, size, SECRET, strlen(SECRET)))
		return escaped("the secret was read: %s", what);
	return held("something else is there: %s", what);
}

enum verdict read_secret_from(int fd, const char *what)
{
	char bytes[8192];
	ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	return size < 0 ? held("%s", what) : find_secret(bytes, (size_t)size, what);
}

enum verdict read_secret(int directory, const char *path)
{
	return read_secret_from(openat(directory, path, O_RDONLY | O_CLOEXEC), path);
}

enum verdict scribble(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return held("%s", path);
	return write(fd, SCRIBBLE, strlen(SCRIBBLE)) < 0 ? held("%s", path)
							 : done("written: %s", path);
}

enum verdict open_to_write(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC) < 0 ? held("%s", path)
						    : escaped("open for writing: %s", path);
}

enum verdict reached(long result, const char *what)
{
	if (result >= 0)
		return escaped("%s was obeyed", what);
	if (errno == EPERM || errno == EACCES || errno == ENOSYS)
		return held("%s", what);
	return escaped("%s got past the check of rights: %s", what, strerror(errno));
}

enum verdict reached_if_built(long result, const char *what)
{
	if (result < 0 && errno == ENOSYS)
		return impossible("%s", what);
	return reached(result, what);
}

static bool write_map(const char *path, const char *map)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
	close(fd);
	return good;
}

bool enter_user_namespace(int other_namespaces)
{
	const char *users = text("0 %d 1", (int)geteuid()),
		   *groups = text("0 %d 1", (int)getegid());
	if (unshare(CLONE_NEWUSER | other_namespaces) < 0)
		return false;
	return write_map("/proc/self/setgroups", "deny") &&
	       write_map("/proc/self/uid_map", users) && write_map("/proc/self/gid_map", groups);
}

bool child_succeeded(pid_t child)
{
	int status;
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";
	if (strcmp(verb, "bystander") == 0 && count == 3)
		return run_bystander(words[2]);
	if (strcmp(verb, "start") == 0)
		return run_starter(words + 2);
	if (strcmp(verb, "tool") == 0)
		return puts(SECRET) < 0;
	if (strcmp(verb, "try") != 0 || count < 3) {
		fprintf(stderr,
			"escape: try NAME, tool, bystander TOP, start OPTION... -- COMMAND\n");
		return 2;
	}
	told = words + 3;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		if (strcmp(attempts[i].name, words[2]) != 0)
			continue;
		errno = 0;
		alarm(15);
		attempts[i].function();
		return 0;
	}
	fprintf(stderr, "escape: no attempt is called %s\n", words[2]);
	return 2;
}
