// SPDX-License-Identifier: Apache-2.0

#include "door_world.h"

#include "base/fs.h"
#include "base/kernel.h"
#include "base/memory_file.h"
#include "base/scope.h"
#include "plan/json.h"
#include "rungs/sandbox/doors_files.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 20000 };

/* ---- a tree of the host ---------------------------------------------------------------------- */

static void put_file(const char *tree, const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", tree, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_tree(struct world *world, const char *given)
{
	char path[128];
	strcpy(world->directory, "/tmp/rung-test-door-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	(void)snprintf(world->socket, sizeof(world->socket), "%s/ask", world->directory);
	(void)snprintf(world->memory, sizeof(world->memory), "%s/memory", world->directory);
	(void)snprintf(world->learned, sizeof(world->learned), "%s/learned", world->directory);
	if (given) {
		(void)snprintf(world->tree, sizeof(world->tree), "%s", given);
		return;
	}
	(void)snprintf(world->tree, sizeof(world->tree), "%s/tree", world->directory);
	assert_int_equal(mkdir(world->tree, 0755), 0);
	put_file(world->tree, "top", "the top");
	for (const char *const *name = (const char *const[]){"letters", "keys", "", NULL}; *name;
		name++) {
		(void)snprintf(path, sizeof(path), "%s/%s", world->tree, *name);
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	}
	put_file(world->tree, "letters/a", "dear a");
	put_file(world->tree, "letters/b", "dear b");
	put_file(world->tree, "keys/secret", "the secret");
	(void)snprintf(path, sizeof(path), "%s/link", world->tree);
	assert_int_equal(symlink("letters/a", path), 0);
}

/* ---- the sandbox -------------------------------------------------------------------------------
 */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(80);
	close(fd);
}

static void enter_user_namespace(void)
{
	char user[32], group[32];
	(void)snprintf(user, sizeof(user), "%u %u 1", getuid(), getuid());
	(void)snprintf(group, sizeof(group), "%u %u 1", getgid(), getgid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		_exit(81);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", user);
	write_file("/proc/self/gid_map", group);
	const struct mount_attr slave = {.propagation = MS_SLAVE};
	if (kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0)
		_exit(82);
}

/* What runs inside: it says when the door is in place, and waits for the word to go. */
[[gnu::noreturn]] static void be_program(const struct world *world,
	const struct world_settings *settings, int mount_fd, int placed_fd, int go_fd,
	int result_fd)
{
	int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char byte = 0;
	int status = 90;
	if (sandbox_file_door_place(mount_fd, root_fd, world->tree) < 0)
		_exit(83);
	(void)close(mount_fd);
	struct world inside = *world;
	inside.signal_fd = go_fd;
	if (write(placed_fd, "p", 1) == 1 && read(go_fd, &byte, 1) == 1)
		status = settings->program(&inside);
	(void)!write(result_fd, &status, sizeof(status));
	_exit(status);
}

static int hand_over(const struct world *world, const struct world_settings *settings, int fuse_fd,
	int mount_fd, int control_fd, pid_t program)
{
	char path[64], permission[256] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", program);
	int namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
	int fd = memory_file("handoff", false);
	FILE *file = fdopen(dup(fd), "w");
	if (namespace_fd < 0 || !file)
		_exit(84);
	if (settings->allow)
		(void)snprintf(permission, sizeof(permission), "\"allow read=%s/%s\"", world->tree,
			settings->allow);
	if (settings->deny)
		(void)snprintf(permission, sizeof(permission), "\"deny read=%s/%s\"", world->tree,
			settings->deny);
	if (settings->ask)
		(void)snprintf(permission, sizeof(permission), "\"ask read=%s/%s\"", world->tree,
			settings->ask);
	(void)fprintf(file,
		"{\"name\": \"test\", \"program\": \"/usr/bin/test\", \"permissions\": [%s], "
		"\"default\": \"%s\", \"sandbox_mounts\": %d, \"control\": %d, "
		"\"fuse\": [{\"fd\": %d, \"mount\": %d, \"path\": \"%s\"}], "
		"\"socket\": \"%s\", \"memory\": \"%s\", \"no_terminal\": true, "
		"\"no_desktop\": true, \"home\": \"%s\"",
		permission, settings->otherwise ? settings->otherwise : "ask", namespace_fd,
		control_fd, fuse_fd, mount_fd, world->tree, world->socket, world->memory,
		world->tree);
	if (settings->learn)
		(void)fprintf(file, ", \"learn\": \"%s\"", world->learned);
	(void)fprintf(file, "}\n");
	(void)fclose(file);
	for (int i = 0; i < 5; i++)
		(void)fcntl((const int[]){namespace_fd, control_fd, fuse_fd, mount_fd, fd}[i],
			F_SETFD, 0);
	return fd;
}

[[gnu::noreturn]] static void be_supervisor(const struct world *world,
	const struct world_settings *settings, int control_fd, const int go[2], const int result[2])
{
	int fuse_fd, mount_fd, placed[2];
	char byte, number[16];
	enter_user_namespace();
	if (sandbox_file_door_make(&fuse_fd, &mount_fd) < 0 || pipe2(placed, O_CLOEXEC) < 0)
		_exit(85);
	const struct clone_args arguments = {
		.flags = CLONE_NEWNS | CLONE_NEWPID, .exit_signal = SIGCHLD};
	int program = kernel_clone3(&arguments);
	if (program == 0) {
		(void)close(fuse_fd);
		(void)close(control_fd);
		if (!settings->survives)
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_program(world, settings, mount_fd, placed[1], go[0], result[1]);
	}
	(void)close(placed[1]);
	(void)close(result[1]);
	if (program < 0 || read(placed[0], &byte, 1) != 1)
		_exit(86);
	int fd = hand_over(world, settings, fuse_fd, mount_fd, control_fd, program);
	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)execl(RUNG_DOOR, "rung-door", number, NULL);
	_exit(87);
}

/* ---- the test's side
 * ------------------------------------------------------------------------------ */

static void await(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	if (poll(&poller, 1, PATIENCE_MS) != 1)
		fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void connect_front(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, world->socket, strlen(world->socket));
	world->front = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(
		connect(world->front, (const struct sockaddr *)&address, sizeof(address)), 0);
}

bool world_start(struct world *world, const struct world_settings *settings)
{
	int control[2], go[2], result[2];
	char word[16] = "";
	int possible = sandbox_file_door_possible();
	if (possible < 0) {
		print_message("no doors here: /dev/fuse: %s\n", strerror(-possible));
		return false;
	}
	*world = (struct world){};
	make_tree(world, settings->tree);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	(void)fflush(NULL);
	world->supervisor = fork();
	assert_true(world->supervisor >= 0);
	if (world->supervisor == 0) {
		(void)close(control[0]);
		(void)close(go[1]);
		be_supervisor(world, settings, control[1], go, result);
	}
	(void)close(control[1]);
	(void)close(go[0]);
	(void)close(result[1]);
	world->control = control[0];
	world->go = go[1];
	world->result = result[0];
	await(world->control);
	if (recv(world->control, word, sizeof(word) - 1, 0) <= 0) {
		int status = 0;
		(void)waitpid(world->supervisor, &status, 0);
		fail_msg("the supervisor ended with %d", WEXITSTATUS(status));
	}
	assert_string_equal(word, "ready");
	connect_front(world);
	return true;
}

void world_go(struct world *world)
{
	assert_int_equal(write(world->go, "g", 1), 1);
}

const char *world_next(const struct world *world, struct arena *arena)
{
	char message[8192];
	await(world->front);
	ssize_t length = recv(world->front, message, sizeof(message), 0);
	assert_true(length > 0);
	return arena_strndup(arena, message, (size_t)length);
}

unsigned world_expect(const struct world *world, const char *kind, const char *name)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	const char *message = world_next(world, &arena);
	while (strstr(message, "\"type\":\"withdrawn\""))
		message = world_next(world, &arena);
	assert_int_equal(json_parse(message, strlen(message), "question", &arena, &document), 0);
	const char *path = *name == '/' ? name
			   : *name      ? arena_format(&arena, "%s/%s", world->tree, name)
					: world->tree;
	if (strcmp(json_member_text(&document.top, "kind"), kind) != 0 ||
		strcmp(json_member_text(&document.top, "value"), path) != 0)
		fail_msg("expected a question to %s %s, got %s", kind, path, message);
	assert_true(json_member_number(&document.top, "pid") > 0);
	return (unsigned)json_member_number(&document.top, "id");
}

void world_answer(const struct world *world, unsigned id, const char *answer, const char *name)
{
	char message[512];
	int length =
		snprintf(message, sizeof(message), "{\"id\": %u, \"answer\": \"%s\"", id, answer);
	if (name)
		length += snprintf(message + length, sizeof(message) - (size_t)length,
			", \"value\": \"%s%s%s\"", world->tree, *name ? "/" : "", name);
	length += snprintf(message + length, sizeof(message) - (size_t)length, "}");
	assert_int_equal(send(world->front, message, (size_t)length, 0), length);
}

void world_expect_silence(const struct world *world)
{
	char message[8192];
	ssize_t length;
	while ((length = recv(world->front, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[length] = '\0';
		if (!strstr(message, "\"type\":\"withdrawn\""))
			fail_msg("nobody expected %s", message);
	}
}

int world_end_of_program(struct world *world)
{
	int status = -1;
	await(world->result);
	if (read(world->result, &status, sizeof(status)) != (ssize_t)sizeof(status))
		return -1;
	return status;
}

void world_stop(struct world *world)
{
	if (world->ended)
		return;
	world->ended = true;
	(void)close(world->control);
	assert_int_equal(waitpid(world->supervisor, &world->status, 0), world->supervisor);
}

int world_end(struct world *world)
{
	int status;
	world_stop(world);
	status = world->status;
	(void)close(world->front);
	(void)close(world->go);
	(void)close(world->result);
	autoclose int parent_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fs_remove_tree(parent_fd, world->directory + strlen("/tmp/")), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
