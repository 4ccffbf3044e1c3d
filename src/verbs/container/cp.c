// SPDX-License-Identifier: Apache-2.0

/*
 * `rung cp`: files between containers and the host. Both ends are a tree and a path in it; an
 * archive goes from one rung-layer to another through a pipe, so nothing of a container is ever
 * named by a path of the host's (cp_place.c finds out what names mean).
 *
 *	cp FILE   C:DIR     DIR/FILE            cp DIR   C:EXISTING   EXISTING/DIR
 *	cp FILE   C:NEW     NEW                 cp DIR   C:NEW        NEW
 *	cp FILE   C:FILE    FILE, replaced      cp DIR/. C:EXISTING   what is in DIR, into EXISTING
 *	cp -      C:DIR     a tar, unpacked     cp C:PATH -           a tar, written
 */

#include "verbs/container/cp.h"

#include "base/error.h"
#include "base/process.h"
#include "base/scope.h"
#include "engine/store/layer.h"
#include "verbs/container/container.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct cp_options {
	bool archive, follow, overwrite, quiet, pause;
};

static const struct option cp_options[] = {
	{"-a, --archive", "keep owners (as podman: give files the container's user)",
		flag_in(cp_options, archive)},
	{"-L, --follow-link", "copy what a link leads to", flag_in(cp_options, follow)},
	{"--overwrite", "let a directory replace a file, and the other way round",
		flag_in(cp_options, overwrite)},
	{"-q, --quiet", "say nothing", flag_in(cp_options, quiet)},
	{"--pause", "", flag_in(cp_options, pause), .hidden = true},
	{},
};

/* ---- whose files they will be ------------------------------------------------------------ */

struct owner {
	bool given;
	uid_t uid;
	gid_t gid;
};

/*
 * Into a container: Docker makes them root's unless -a keeps them; Podman's -a, which is its
 * default, makes them those of the container's user. Out of it: ours, unless they are kept.
 */
static struct owner choose_owner(const struct invocation *invocation, const struct cp_place *to)
{
	const struct cp_options *options = options_of(invocation, cp_options);
	bool podman = manner_of(invocation) == MANNER_PODMAN;
	bool archive = options->archive || (podman && !option_given(invocation, &options->archive));
	if (podman != archive)
		return (struct owner){};
	struct owner owner = {.given = true};
	/* On the host 0 is the caller: rung-layer runs as root of an ordinary user's namespace. */
	if (to->container && podman)
		cp_container_user(to, &owner.uid, &owner.gid);
	return owner;
}

/* ---- one end each ---------------------------------------------------------------------------- */

static int start_archive(const struct cp_place *from, const struct cp_target *target, bool follow,
	int output_fd, struct layer_job *job)
{
	const struct layer_archive archive = {
		.tree_fd = from->root_fd,
		.path = from->path,
		.name = target->name,
		.follow = follow,
		.output_fd = output_fd,
		.compression = LAYER_PLAIN,
		.user_namespace_fd = from->tree.user_namespace_fd,
	};
	return layer_archive_start(&archive, job);
}

static int start_extract(const struct invocation *invocation, const struct cp_place *to,
	const struct cp_target *target, int input_fd, struct layer_job *job)
{
	const struct cp_options *options = options_of(invocation, cp_options);
	struct owner owner = choose_owner(invocation, to);
	const struct layer_extract extract = {
		.input_fd = input_fd,
		.tree_fd = to->root_fd,
		.directory = target->directory,
		.has_owner = owner.given,
		.uid = owner.uid,
		.gid = owner.gid,
		.keep_kinds = !options->overwrite,
		.user_namespace_fd = to->tree.user_namespace_fd,
	};
	return layer_extract_start(&extract, job);
}

static int copy_out_of_pipe(const struct invocation *invocation, struct cp_place *to,
	const struct cp_source *source, int input_fd)
{
	struct cp_target target;
	int r = cp_place_open(to, invocation->arena);
	if (r == 0)
		r = cp_find_target(to, source, invocation->arena, &target);
	struct layer_job job = {};
	if (r == 0)
		r = start_extract(invocation, to, &target, input_fd, &job);
	return r < 0 ? r : layer_extract_wait(&job, NULL);
}

/* ---- from one place to another --------------------------------------------------------------- */

static int make_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) < 0 ? fail(-errno, "create a pipe") : 0;
}

/*
 * The archive is named for its target, which has to be known first: where both are containers, one
 * process each has to enter their namespaces. So the archive's members are called "x" (or are the
 * contents alone), and whoever extracts them does not ask for the name but for the kind.
 */
struct message {
	struct cp_source source;
	char name[256];
};

static int wait_for(pid_t pid)
{
	int status = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : refuse(-EIO, "the other side of the copy failed");
}

/* In a process of its own: looks at the source, is told the name, sends the archive. */
static int serve_source(const struct invocation *invocation, struct cp_place *from, bool follow,
	int channel, int output_fd)
{
	struct cp_source source = {};
	struct cp_target target = {.name = ""};
	char name[256];
	int r = cp_place_open(from, invocation->arena);
	if (r == 0)
		r = cp_look_at_source(from, follow, invocation->arena, &source);
	if (r < 0)
		return r;
	struct message message = {.source = source};
	(void)snprintf(message.name, sizeof(message.name), "%s", source.name);
	message.source.name = NULL;
	if (write(channel, &message, sizeof(message)) != sizeof(message))
		return fail(-errno, "tell what is copied");
	ssize_t length = read(channel, name, sizeof(name) - 1);
	if (length <= 0)
		return 0; /* the target could not be used, and they have said so */
	name[length] = '\0';
	target.name = name;
	struct layer_job job = {};
	r = start_archive(from, &target, follow, output_fd, &job);
	return r < 0 ? r : layer_archive_wait(&job, NULL);
}

static int receive(
	const struct invocation *invocation, struct cp_place *to, int channel, int input_fd)
{
	struct message message;
	struct cp_target target = {};
	ssize_t length = read(channel, &message, sizeof(message));
	if (length != sizeof(message))
		return -EPIPE; /* they have said why */
	message.source.name = message.name;
	int r = cp_place_open(to, invocation->arena);
	if (r == 0)
		r = cp_find_target(to, &message.source, invocation->arena, &target);
	if (r != 0)
		return r;
	if (write(channel, target.name, strlen(target.name)) < 0)
		return fail(-errno, "tell the name");
	struct layer_job job = {};
	r = start_extract(invocation, to, &target, input_fd, &job);
	return r < 0 ? r : layer_extract_wait(&job, NULL);
}

/* Within one container both ends are the same tree, which can be opened but once. */
static int share_tree(
	const struct invocation *invocation, struct cp_place *from, struct cp_place *to)
{
	struct instance first = {}, second = {};
	if (!from->container || !to->container)
		return 0;
	int r = instance_find(from->container, invocation->arena, &first);
	if (r == 0)
		r = instance_find(to->container, invocation->arena, &second);
	if (r != 0 || !text_equal(first.id, second.id))
		return r;
	r = cp_place_open(to, invocation->arena);
	from->instance = to->instance;
	from->root_fd = to->root_fd;
	from->tree.user_namespace_fd = to->tree.user_namespace_fd;
	from->is_shared = true;
	return r;
}

static int copy(const struct invocation *invocation, struct cp_place *from, struct cp_place *to,
	bool follow)
{
	int data[2] = {-1, -1}, talk[2] = {-1, -1};
	int r = share_tree(invocation, from, to);
	if (r == 0)
		r = make_pipe(data);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		r = fail(-errno, "create a channel");
	if (r < 0)
		return r;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return fail(-errno, "fork");
	if (pid == 0) {
		(void)close(data[0]);
		(void)close(talk[0]);
		r = serve_source(invocation, from, follow, talk[1], data[1]);
		if (r < 0)
			tell_failure(invocation);
		cp_place_fini(from);
		_exit(r < 0);
	}
	(void)close(data[1]);
	(void)close(talk[1]);
	r = receive(invocation, to, talk[0], data[0]);
	(void)close(data[0]);
	(void)close(talk[0]);
	/* Without a story of ours the other one has told why. */
	bool told = r == -EPIPE && !error_text()[0];
	char story[ERROR_TEXT_MAX];
	(void)snprintf(story, sizeof(story), "%s", error_text());
	int other = wait_for(pid);
	if (r < 0 && !told)
		return error_adopt(r, story, "");
	if (other < 0) {
		error_clear();
		return CP_TOLD;
	}
	return r;
}

static int copy_from_stdin(const struct invocation *invocation, struct cp_place *to)
{
	const struct cp_source source = {
		.is_directory = true, .contents = true, .is_archive = true, .name = "."};
	return copy_out_of_pipe(invocation, to, &source, STDIN_FILENO);
}

static int copy_to_stdout(const struct invocation *invocation, struct cp_place *from, bool follow)
{
	struct cp_source source = {};
	int r = isatty(STDOUT_FILENO) ? refuse(-EINVAL, "a tar is not for a terminal") : 0;
	if (r == 0)
		r = cp_place_open(from, invocation->arena);
	if (r == 0)
		r = cp_look_at_source(from, follow, invocation->arena, &source);
	if (r < 0)
		return r;
	const struct cp_target target = {.name = source.contents ? "." : source.name};
	struct layer_job job = {};
	r = start_archive(from, &target, follow, STDOUT_FILENO, &job);
	return r < 0 ? r : layer_archive_wait(&job, NULL);
}

static int run(struct invocation *invocation)
{
	const struct cp_options *options = options_of(invocation, cp_options);
	autofini(cp_place_fini) struct cp_place from = CP_PLACE_NONE, to = CP_PLACE_NONE;
	int r = cp_place_read(invocation->arguments[0], invocation->arena, &from);
	if (r == 0)
		r = cp_place_read(invocation->arguments[1], invocation->arena, &to);
	if (r < 0)
		return r;
	if (!from.container && !to.container)
		return usage_error(invocation, "neither side is a container: say CONTAINER:PATH");
	bool follow = options->follow || manner_of(invocation) == MANNER_PODMAN;
	if (from.is_stream)
		r = copy_from_stdin(invocation, &to);
	else if (to.is_stream)
		r = copy_to_stdout(invocation, &from, follow);
	else
		r = copy(invocation, &from, &to, follow);
	return r == CP_TOLD ? invocation->failure_status : r;
}

const struct verb verb_cp = {
	.name = "cp",
	.summary = "copy files between containers and the host",
	.arguments = "[CONTAINER:]SOURCE [CONTAINER:]DEST",
	verb_options(cp_options),
	.defaults = &(const struct cp_options){.pause = true},
	.completers = container_completers,
	.description =
		"Copies a file or a directory with all that is in it. What exists as a directory "
		"gets the copy inside, what does not exist becomes the copy; SOURCE/. means what "
		"is in SOURCE. \"-\" is a tar on standard input or output. Containers may run or "
		"not; links inside of a container never lead out of it.",
	.examples = "A configuration into a container\n"
		    "$ rung cp nginx.conf web:/etc/nginx/\n"
		    "All logs of it\n"
		    "$ rung cp web:/var/log/. ./logs\n"
		    "A file as it is in an image\n"
		    "$ rung cp $(rung create debian):/etc/os-release .\n",
	.run = run,
};
