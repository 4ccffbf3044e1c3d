// SPDX-License-Identifier: Apache-2.0

/* The file door as programs meet it: real namespaces, the real rung-door, the test answers. */

#include "door_world.h"

#include "base/scope.h"
#include "base/text.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>

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

/* ---- wider answers --------------------------------------------------------------------------- */

static int read_folder(const struct world *world)
{
	check(reads(below(world, "letters/a"), "dear a"));
	check(is_native(below(world, "letters")));
	check(reads(below(world, "letters/b"), "dear b"));
	check(reads(below(world, "link"), "dear a"));
	check(!is_native(world->tree));
	return 0;
}

static void allowed_for_the_folder(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_folder);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/a"), "run", "letters");
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int read_all(const struct world *world)
{
	check(reads(below(world, "keys/secret"), "the secret"));
	check(is_native(world->tree));
	check(reads(below(world, "letters/b"), "dear b"));
	return 0;
}

static void allowed_for_all(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_all);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "run", "");
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

/* ---- where the program stands
 * --------------------------------------------------------------------- */

static int read_from_inside(const struct world *world)
{
	char here[256];
	check(chdir(below(world, "letters")) == 0);
	check(getcwd(here, sizeof(here)) && text_equal(here, below(world, "letters")));
	check(reads("a", "dear a")); /* asked, and its folder mounted over where we stand */
	check(reads("b", "dear b")); /* so the door serves this one */
	check(reads("../top", "the top"));
	int fd = open(world->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check(fd >= 0);
	int file_fd = openat(fd, "keys/secret", O_RDONLY | O_CLOEXEC);
	check(file_fd >= 0);
	char buffer[16] = "";
	check(read(file_fd, buffer, sizeof(buffer)) == 10 && text_starts(buffer, "the secret"));
	check(reads(below(world, "letters/b"), "dear b") && is_native(below(world, "letters/b")));
	return 0;
}

static void working_directory_and_descriptors(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_from_inside);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/a"), "run", "letters");
	world_answer(&world, world_expect(&world, "read", "top"), "run", NULL);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "run", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

/* ---- names
 * ------------------------------------------------------------------------------------------- */

static int list_names(const struct world *world)
{
	unsigned seen = 0;
	struct stat about;
	char target[64];
	DIR *directory = opendir(world->tree);
	check(directory);
	for (const struct dirent *entry; (entry = readdir(directory));) {
		seen += text_equal(entry->d_name, "top") && entry->d_type == DT_REG;
		seen += text_equal(entry->d_name, "letters") && entry->d_type == DT_DIR;
		seen += text_equal(entry->d_name, "link") && entry->d_type == DT_LNK;
		check(!text_equal(entry->d_name, "keys"));
		check(!text_starts(entry->d_name, ".rung"));
	}
	(void)closedir(directory);
	check(seen == 3);
	check(stat(below(world, "top"), &about) == 0 && about.st_size == 7);
	check(readlink(below(world, "link"), target, sizeof(target)) == 9);
	check(stat(below(world, "keys"), &about) < 0 && errno == EACCES);
	check(open(below(world, "keys/secret"), O_RDONLY) < 0 && errno == EACCES);
	return 0;
}

static void names_are_shown(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = list_names, .deny = "keys");
	world_go(&world);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int use_granted(const struct world *world)
{
	check(is_native(below(world, "letters")));
	check(reads(below(world, "letters/a"), "dear a"));
	return 0;
}

static void granted_is_mounted_first(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = use_granted, .allow = "letters");
	world_go(&world);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static bool writes(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0640);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0 && close(fd) < 0)
		good = false;
	return good;
}

static int change_things(const struct world *world)
{
	struct stat about;
	check(writes(below(world, "top"), O_TRUNC, "new"));
	check(is_native(below(world, "top")) && reads(below(world, "top"), "new"));
	check(writes(below(world, "fresh"), O_CREAT | O_EXCL, "made"));
	check(stat(below(world, "fresh"), &about) == 0 && (about.st_mode & 0777) == 0640);
	check(mkdir(below(world, "room"), 0750) == 0);
	check(writes(below(world, "room/in"), O_CREAT, "inside"));
	check(rename(below(world, "letters/a"), below(world, "letters/z")) == 0);
	check(reads(below(world, "letters/z"), "dear a"));
	check(unlink(below(world, "letters/b")) == 0);
	check(access(below(world, "letters/b"), F_OK) < 0 && errno == ENOENT);
	check(writes(below(world, "letters/c"), O_CREAT | O_EXCL, "native"));
	check(symlink("top", below(world, "soft")) == 0);
	check(unlink(below(world, "link")) < 0 && errno == EACCES);
	check(chmod(below(world, "keys/secret"), 0600) < 0 && errno == EACCES);
	return 0;
}

static bool host_has(const struct world *world, const char *name, const char *text)
{
	return reads(below(world, name), text);
}

static void changes_are_asked(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = change_things);
	world_go(&world);
	world_answer(&world, world_expect(&world, "write", "top"), "run", NULL);
	world_answer(&world, world_expect(&world, "write", "fresh"), "once", NULL);
	world_answer(&world, world_expect(&world, "write", "room"), "run", NULL);
	world_answer(&world, world_expect(&world, "write", "letters/a"), "once", NULL);
	world_answer(&world, world_expect(&world, "write", "letters/z"), "once", NULL);
	world_answer(&world, world_expect(&world, "read", "letters/z"), "once", NULL);
	world_answer(&world, world_expect(&world, "write", "letters/b"), "run", "letters");
	world_answer(&world, world_expect(&world, "write", "soft"), "once", NULL);
	world_answer(&world, world_expect(&world, "write", "link"), "deny", NULL);
	world_answer(&world, world_expect(&world, "write", "keys/secret"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_true(host_has(&world, "top", "new") && host_has(&world, "fresh", "made"));
	assert_true(host_has(&world, "room/in", "inside") && host_has(&world, "soft", "new"));
	assert_true(host_has(&world, "letters/c", "native"));
	assert_int_equal(world_end(&world), 0);
}

/* ---- what is no file
 * ----------------------------------------------------------------------------------- */

static int use_device(const struct world *world)
{
	struct stat about;
	char buffer[4];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	(void)world;
	check(fd >= 0 && read(fd, buffer, sizeof(buffer)) == 4);
	check(stat("/dev/zero", &about) == 0 && S_ISCHR(about.st_mode));
	check(open("/dev/full", O_WRONLY) < 0 && errno == EACCES);
	return 0;
}

static void devices_are_asked(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = use_device, .tree = "/dev");
	world_go(&world);
	world_answer(&world, world_expect(&world, "device", "zero"), "run", NULL);
	world_answer(&world, world_expect(&world, "device", "full"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

static int use_sockets(const struct world *world)
{
	check(connect_to(below(world, "service")) == 0);
	check(connect_to(below(world, "service")) == 0);
	check(connect_to(below(world, "other")) == -EACCES);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void sockets_are_asked(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = use_sockets);
	autoclose int service = listen_at(below(&world, "service"));
	autoclose int other = listen_at(below(&world, "other"));
	world_go(&world);
	world_answer(&world, world_expect(&world, "write", "service"), "run", NULL);
	world_answer(&world, world_expect(&world, "write", "other"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int run_a_program(const struct world *world)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		(void)execl(below(world, "bin"), "bin", NULL);
		_exit(errno);
	}
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	return 0;
}

static void programs_are_asked(void **state)
{
	struct world world;
	char command[256];
	(void)state;
	start_or_skip(&world, .program = run_a_program);
	(void)snprintf(command, sizeof(command), "cp /bin/true %s/bin", world.tree);
	assert_int_equal(system(command), 0);
	world_go(&world);
	world_answer(&world, world_expect(&world, "exec", "bin"), "run", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

/* ---- many at once, and those who do not wait
 * ------------------------------------------------------------- */

static int read_in_children(const struct world *world)
{
	static const char *const names[] = {"letters/a", "letters/b", "keys/secret", "top"};
	static const char *const texts[] = {"dear a", "dear b", NULL, "the top"};
	int failed = 0, status;
	for (size_t i = 0; i < array_length(names); i++)
		if (fork() == 0)
			_exit(texts[i] ? !reads(below(world, names[i]), texts[i])
				       : open(below(world, names[i]), O_RDONLY) >= 0);
	while (wait(&status) > 0)
		failed += status != 0;
	check(failed == 0);
	return 0;
}

static void several_wait_at_once(void **state)
{
	struct world world;
	autofini(arena_fini) struct arena arena = {};
	(void)state;
	start_or_skip(&world, .program = read_in_children);
	world_go(&world);
	unsigned ids[4];
	const char *answers[4] = {};
	for (size_t i = 0; i < 4; i++) {
		const char *message = world_next(&world, &arena);
		assert_non_null(strstr(message, "\"type\":\"question\""));
		ids[i] = (unsigned)strtoul(strstr(message, "\"id\":") + 5, NULL, 10);
		answers[i] = strstr(message, "secret") ? "deny" : "run";
	}
	for (size_t i = 4; i-- > 0;) /* the last one first */
		world_answer(&world, ids[i], answers[i], NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

/*
 * One makes a file in the folder, which keeps its lock while the question waits; so the mount over
 * the folder has to wait, and with it the one who is to read there. Nobody else.
 */
static int block_a_mount(const struct world *world)
{
	int status, failed = 0;
	char byte;
	check(reads(below(world, "letters/b"), "dear b"));
	if (fork() == 0)
		_exit(!writes(below(world, "letters/new"), O_CREAT, "new"));
	check(read(world->signal_fd, &byte, 1) == 1);
	if (fork() == 0)
		_exit(!reads(below(world, "letters/b"), "dear b"));
	check(read(world->signal_fd, &byte, 1) == 1);
	check(reads(below(world, "keys/secret"), "the secret"));
	check(is_native(below(world, "keys/secret")));
	check(mkdir(below(world, "mark"), 0755) == 0);
	while (wait(&status) > 0)
		failed += status != 0;
	check(failed == 0);
	return 0;
}

static void a_mount_that_must_wait(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = block_a_mount);
	/* Known to the kernel already, for looking it up needs the lock too. */
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/b"), "once", NULL);
	unsigned maker = world_expect(&world, "write", "letters/new");
	world_go(&world);
	unsigned reader = world_expect(&world, "read", "letters/b");
	world_answer(&world, reader, "run", "letters");
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "run", NULL);
	/* It has read that, although the other mount still waits. */
	world_answer(&world, world_expect(&world, "write", "mark"), "once", NULL);
	world_answer(&world, maker, "once", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

/* The host's tree is changed while the person thinks: what was asked for is not there any more. */
static int read_replaced(const struct world *world)
{
	char buffer[64] = "";
	int fd = open(below(world, "letters/a"), O_RDONLY | O_CLOEXEC);
	check(fd < 0 || read(fd, buffer, sizeof(buffer) - 1) >= 0);
	check(!strstr(buffer, "secret"));
	fd = open(below(world, "letters/../keys/secret"), O_RDONLY | O_CLOEXEC);
	check(fd < 0 && errno == EACCES);
	return 0;
}

static void replaced_meanwhile(void **state)
{
	struct world world;
	char old[128], aside[128], bait[128];
	(void)state;
	start_or_skip(&world, .program = read_replaced);
	(void)snprintf(old, sizeof(old), "%s/letters", world.tree);
	(void)snprintf(aside, sizeof(aside), "%s/aside", world.tree);
	(void)snprintf(bait, sizeof(bait), "%s/keys/a", world.tree);
	assert_int_equal(symlink("secret", bait), 0);
	world_go(&world);
	unsigned id = world_expect(&world, "read", "letters/a");
	assert_int_equal(rename(old, aside), 0);
	assert_int_equal(symlink("keys", old), 0);
	world_answer(&world, id, "run", NULL);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "deny", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

static int swap_names(const struct world *world)
{
	char byte;
	check(rename(below(world, "letters"), below(world, "keys")) < 0);
	check(read(world->signal_fd, &byte, 1) == 1);
	/* A link that the program made itself leads the question to where it leads. */
	check(symlink("keys/secret", below(world, "innocent")) == 0);
	check(open(below(world, "innocent"), O_RDONLY) < 0 && errno == EACCES);
	check(link(below(world, "keys/secret"), below(world, "mine")) < 0 && errno == EACCES);
	check(open(below(world, ".rung-door/7-7"), O_RDONLY) < 0 && errno == ENOENT);
	check(open("/proc/self/fd/0/../../keys", O_RDONLY) < 0);
	return 0;
}

static void tricks_with_names(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = swap_names);
	world_go(&world);
	world_answer(&world, world_expect(&world, "write", "letters"), "deny", NULL);
	world_go(&world);
	world_answer(&world, world_expect(&world, "write", "innocent"), "run", NULL);
	world_answer(&world, world_expect(&world, "read", "keys/secret"), "deny", NULL);
	/* Who may not read it may not link it either: no further question. */
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

static int be_interrupted(const struct world *world)
{
	const struct sigaction action = {.sa_handler = nothing};
	check(sigaction(SIGALRM, &action, NULL) == 0);
	(void)alarm(1);
	check(open(below(world, "top"), O_RDONLY) < 0 && errno == EINTR);
	check(reads(below(world, "top"), "the top")); /* joins the question that is still there */
	return 0;
}

static void interrupted_waits(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = be_interrupted);
	world_go(&world);
	unsigned id = world_expect(&world, "read", "top");
	/* The alarm comes while we think. */
	struct pollfd poller = {.fd = world.result, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 1300), 0);
	world_answer(&world, id, "run", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

static int be_killed(const struct world *world)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(open(below(world, "top"), O_RDONLY) >= 0);
	char byte;
	check(read(world->signal_fd, &byte, 1) == 1);
	check(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	check(WIFSIGNALED(status));
	return 0;
}

static void killed_while_it_waits(void **state)
{
	struct world world;
	autofini(arena_fini) struct arena arena = {};
	(void)state;
	start_or_skip(&world, .program = be_killed);
	world_go(&world);
	(void)world_expect(&world, "read", "top");
	world_go(&world); /* a second word: kill it */
	assert_non_null(strstr(world_next(&world, &arena), "\"type\":\"withdrawn\""));
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

/* ---- ends
 * ----------------------------------------------------------------------------------------------------
 */

static int lose_the_supervisor(const struct world *world)
{
	check(reads(below(world, "letters/a"), "dear a"));
	/* The one who waits is told so at once; all who come later as well. */
	check(open(below(world, "top"), O_RDONLY) < 0);
	check(errno == ECONNABORTED || errno == ENOTCONN);
	check(open(below(world, "keys/secret"), O_RDONLY) < 0 && errno == ENOTCONN);
	return 0;
}

static void supervisor_dies(void **state)
{
	struct world world;
	int status;
	(void)state;
	start_or_skip(&world, .program = lose_the_supervisor, .survives = true);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/a"), "run", NULL);
	(void)world_expect(&world, "read", "top");
	assert_int_equal(kill(world.supervisor, SIGKILL), 0);
	assert_int_equal(world_end_of_program(&world), 0);
	status = world_end(&world);
	assert_int_equal(status, 128 + SIGKILL);
}

static int read_top(const struct world *world)
{
	return reads(below(world, "top"), "the top") ? 0 : 1;
}

static void nobody_to_ask(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_denied, .otherwise = "deny");
	world_go(&world);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static int read_asked_and_not(const struct world *world)
{
	check(open(below(world, "top"), O_RDONLY) < 0 && errno == EACCES);
	check(reads(below(world, "letters/a"), "dear a"));
	return 0;
}

/* A profile's "ask" is asked for, where all else is denied. */
static void asked_by_name(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_asked_and_not, .otherwise = "deny", .ask = "letters");
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "letters/a"), "run", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	world_expect_silence(&world);
	assert_int_equal(world_end(&world), 0);
}

static void front_end_leaves(void **state)
{
	struct world world;
	(void)state;
	start_or_skip(&world, .program = read_denied);
	world_go(&world);
	(void)world_expect(&world, "read", "keys/secret");
	(void)shutdown(world.front, SHUT_RDWR);
	assert_int_equal(world_end_of_program(&world), 0);
	assert_int_equal(world_end(&world), 0);
}

static void always_is_remembered(void **state)
{
	struct world world;
	char memory[512] = "", expected[256];
	(void)state;
	start_or_skip(&world, .program = read_top);
	world_go(&world);
	world_answer(&world, world_expect(&world, "read", "top"), "always", NULL);
	assert_int_equal(world_end_of_program(&world), 0);
	autoclose int fd = open(world.memory, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, memory, sizeof(memory) - 1) > 0);
	(void)snprintf(expected, sizeof(expected), "\nprogram /usr/bin/test\nallow read=%s/top\n",
		world.tree);
	assert_non_null(strstr(memory, expected));
	assert_int_equal(world_end(&world), 0);
}

static void learning(void **state)
{
	struct world world;
	char learned[512] = "", expected[256];
	(void)state;
	start_or_skip(&world, .program = read_top, .otherwise = "allow-and-record", .learn = true);
	world_go(&world);
	assert_int_equal(world_end_of_program(&world), 0);
	world_stop(&world);
	autoclose int fd = open(world.learned, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, learned, sizeof(learned) - 1) > 0);
	(void)snprintf(
		expected, sizeof(expected), "\nprogram test\nallow read=%s/top\n", world.tree);
	assert_non_null(strstr(learned, expected));
	assert_int_equal(world_end(&world), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_for_the_run),
		cmocka_unit_test(denied_for_the_run),
		cmocka_unit_test(allowed_once),
		cmocka_unit_test(allowed_for_the_folder),
		cmocka_unit_test(allowed_for_all),
		cmocka_unit_test(working_directory_and_descriptors),
		cmocka_unit_test(names_are_shown),
		cmocka_unit_test(granted_is_mounted_first),
		cmocka_unit_test(changes_are_asked),
		cmocka_unit_test(devices_are_asked),
		cmocka_unit_test(sockets_are_asked),
		cmocka_unit_test(programs_are_asked),
		cmocka_unit_test(several_wait_at_once),
		cmocka_unit_test(a_mount_that_must_wait),
		cmocka_unit_test(replaced_meanwhile),
		cmocka_unit_test(tricks_with_names),
		cmocka_unit_test(interrupted_waits),
		cmocka_unit_test(killed_while_it_waits),
		cmocka_unit_test(supervisor_dies),
		cmocka_unit_test(nobody_to_ask),
		cmocka_unit_test(asked_by_name),
		cmocka_unit_test(front_end_leaves),
		cmocka_unit_test(always_is_remembered),
		cmocka_unit_test(learning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
