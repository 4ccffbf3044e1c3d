// SPDX-License-Identifier: Apache-2.0

/* The file door as programs meet it: real namespaces, the real rung-door, the test answers. */

#include "door_world.h"

#include "base/scope.h"
#include "base/text.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define FUSE_MAGIC 0x65735546

#define start_or_skip(world, ...) \
	do { \
		if (!world_start(world, &(const struct world_settings){__VA_ARGS__})) \
			skip(); \
	} while (0)

/* ---- what programs do; their exit status is 0 or the line that failed ----------------------- */

#define check(condition) \
	do { \
		if (!(condition)) \
			return __LINE__ % 200 + 1; \
	} while (0)

static const char *below(const struct world *world, const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", world->tree, name);
	return path;
}

static bool reads(const char *path, const char *text)
{
	char buffer[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer) - 1);
	if (fd >= 0)
		(void)close(fd);
	return length >= 0 && strcmp(buffer, text) == 0;
}

static bool is_native(const char *path)
{
	struct statfs about;
	return statfs(path, &about) == 0 && about.f_type != FUSE_MAGIC;
}

static int read_one(const struct world *world)
{
	check(reads(below(world, "letters/a"), "dear a"));
	check(is_native(below(world, "letters/a")));
	check(!is_native(below(world, "letters")));
	check(reads(below(world, "letters/a"), "dear a"));
	check(open(below(world, "letters/a"), O_WRONLY) < 0 && errno == EROFS);
	return 0;
}

static void allowed_for_the_run(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_one);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/a"), "run", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int read_denied(const struct world *world)
{
	struct stat about;
	check(open(below(world, "keys/secret"), O_RDONLY) < 0 && errno == EACCES);
	check(open(below(world, "keys/secret"), O_RDONLY) < 0 && errno == EACCES);
	check(stat(below(world, "keys"), &about) == 0 && S_ISDIR(about.st_mode));
	check(stat(below(world, "nothing"), &about) < 0 && errno == ENOENT);
	return 0;
}

static void denied_for_the_run(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_denied);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int read_twice(const struct world *world)
{
	check(reads(below(world, "top"), "the top"));
	check(!is_native(below(world, "top")));
	check(open(below(world, "top"), O_RDONLY) < 0 && errno == EACCES);
	return 0;
}

static void allowed_once(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_twice);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "top"), "once", NULL);
	world_answer(&world, world_expect(&world, "read", "top"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_for_the_run),
		cmocka_unit_test(denied_for_the_run),
		cmocka_unit_test(allowed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
