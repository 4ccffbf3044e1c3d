// SPDX-License-Identifier: Apache-2.0

/*
 * One command of the runtime, as conmon and containerd call it too: global options, the command,
 * an error log in JSON. Its standard streams are those of the container's program when it makes
 * one, so what it has to say is in the log; what it says elsewhere we do not see.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "plan/json.h"
#include "rungs/container/story.h"
#include "rungs/foreign/internal.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define LOG_MAX (1u << 20)
#define LOG_NAME "runtime.log"

/* ---- finding it --------------------------------------------------------------------------------
 */

static const char *find_in(const char *places, const char *name, struct arena *arena)
{
	while (places && *places) {
		size_t length = strcspn(places, ":");
		const char *path = arena_format(arena, "%.*s/%s", (int)length, places, name);
		if (length && access(path, X_OK) == 0)
			return path;
		places += length + (places[length] == ':');
	}
	return NULL;
}

int foreign_find(const char *word, struct arena *arena, const char **ret_path)
{
	static const char usual[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
				    "/opt/kata/bin";
	*ret_path = NULL;
	if (text_empty(word) || text_equal(word, "rung") || text_equal(word, "rung-oci"))
		return 0;
	const char *path = NULL;
	if (strchr(word, '/')) {
		char *real = realpath(word, NULL);
		path = real && access(real, X_OK) == 0 ? arena_strdup(arena, real) : NULL;
		free(real);
	} else {
		path = find_in(getenv("PATH"), word, arena);
		if (!path)
			path = find_in(usual, word, arena);
		if (!path) /* kata's program has a longer name than the runtime */
			path = find_in(usual, arena_format(arena, "%s-runtime", word), arena);
	}
	if (!path) {
		int r = refuse(-ENOENT, "--runtime %s: there is no such program", word);
		hint("give a path, or install it: crun, runc, runsc, kata; without --runtime "
		     "nothing else is needed");
		return r;
	}
	*ret_path = path;
	return 0;
}

int foreign_directory(
	const struct container_record *record, struct arena *arena, const char **ret_path)
{
	char path[4096];
	ssize_t length = readlink(fd_path(record->directory_fd).text, path, sizeof(path));
	if (length < 0)
		return fail(-errno, "state of container %s", record->id);
	*ret_path = arena_strndup(arena, path, (size_t)length);
	return 0;
}

int foreign_make_file(int directory_fd, const char *name)
{
	autoclose int fd = openat(
		directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? fail(-errno, "create %s", name) : 0;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

static bool is_about_program(const char *text)
{
	return strcasestr(text, "executable") || strcasestr(text, "exec: \"");
}

/* The program's own fault has the status that shells give it. */
static void set_status(const char *text)
{
	if (!is_about_program(text))
		return;
	bool absent = strcasestr(text, "not found") || strcasestr(text, "no such file");
	error_set_exit_status(absent ? 127 : 126);
}

/* The last line that holds a message. */
static const char *last_word(const char *log, struct arena *arena)
{
	const char *found = NULL;
	char *rest = arena_strdup(arena, log), *line;
	while ((line = strsep(&rest, "\n"))) {
		autofini(json_document_fini) struct json_document document = {};
		struct json message;
		const char *text;
		if (!*line)
			continue;
		bool good = json_parse(line, strlen(line), "log", arena, &document) == 0 &&
			    document.top.value->type == JSON_OBJECT &&
			    json_find(&document.top, "msg", &message) &&
			    json_string(&message, &text) == 0;
		error_clear();
		found = good ? arena_strdup(arena, text) : line;
	}
	return found;
}

static int failed(const struct foreign_call *call, int status)
{
	autofini(arena_fini) struct arena arena = {};
	autofree char *log = NULL;
	const char *said = NULL, *name = strrchr(call->record->runtime, '/') + 1;
	if (fs_read(call->record->directory_fd, LOG_NAME, LOG_MAX, &log, NULL) == 0)
		said = last_word(log, &arena);
	if (!said)
		return refuse(-EIO, "%s %s: it failed (status %d) and did not say why", name,
			call->words[0], status);
	int r = refuse(-EIO, "%s %s: %s", name, call->words[0], said);
	set_status(said);
	return r;
}

/* ---- the call -------------------------------------------------------------------------------- */

struct command {
	const char *words[40];
	size_t count;
};

static void add(struct command *command, const char *word)
{
	if (command->count + 1 < array_length(command->words))
		command->words[command->count++] = word;
}

static void compose(const struct foreign_call *call, const char *directory, struct arena *arena,
	struct command *command)
{
	add(command, call->record->runtime);
	add(command, "--root");
	add(command, arena_format(arena, "%s/runtime", directory));
	add(command, "--log");
	add(command, arena_format(arena, "%s/" LOG_NAME, directory));
	add(command, "--log-format");
	add(command, "json");
	if (call->record->cgroup.manager == CGROUP_SYSTEMD)
		add(command, "--systemd-cgroup");
	for (const char *const *word = call->words; *word; word++)
		add(command, *word);
}

/* Between us and the child: a story to hear, and the word that it may go on. */
struct line {
	int hear, tell, wait, go;
};

static void line_fini(struct line *line)
{
	close_now(line->hear);
	close_now(line->tell);
	close_now(line->wait);
	close_now(line->go);
}

static int line_open(struct line *line)
{
	int back[2], forth[2];
	if (pipe2(back, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	line->hear = back[0];
	line->tell = back[1];
	if (pipe2(forth, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	line->wait = forth[0];
	line->go = forth[1];
	return 0;
}

[[gnu::noreturn]] static void give_up(int tell_fd)
{
	struct story story;
	story_keep(&story);
	(void)!write(tell_fd, &story, sizeof(story));
	_exit(125);
}

[[gnu::noreturn]] static void become(
	const struct foreign_call *call, const struct command *command, struct line *line)
{
	char nothing;
	int tell_fd = fcntl(line->tell, F_DUPFD_CLOEXEC, 3 + (int)call->preserved_fds);
	kernel_reset_signals();
	close_now(line->go);
	(void)!read(line->wait, &nothing, 1); /* until the caller has closed his end */
	autoclose int here =
		openat(call->record->directory_fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (view_enter(call->view) < 0)
		give_up(tell_fd);
	/* Sockets are named from there: their whole path may be too long for sockaddr_un. */
	if (fchdir(here) < 0) {
		(void)fail(-errno, "enter the bundle");
		give_up(tell_fd);
	}
	int null = call->streams ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int number = 0; null >= 0 && number < 3; number++)
		(void)dup2(null, number);
	(void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
	(void)kernel_close_range(3 + call->preserved_fds, ~0u, CLOSE_RANGE_CLOEXEC);
	(void)execv(call->record->runtime, (char *const *)(uintptr_t)command->words);
	(void)fail(-errno, "execute %s", call->record->runtime);
	give_up(tell_fd);
}

/* It goes with its only process. */
static int enter_scope(pid_t pid, struct arena *arena)
{
	const char *id = arena_format(arena, "call-%d", (int)pid);
	const struct plan plan = {.cgroups_path = arena_format(arena, "user.slice:rung:%s", id)};
	struct cgroup_location scope = {};
	int r = cgroup_locate(&plan, id, CGROUP_SYSTEMD, arena, &scope);
	if (r == 0)
		r = cgroup_create(&scope, &plan, arena);
	if (r == 0)
		r = cgroup_enter(&scope, &plan, pid, false);
	cgroup_close(&scope);
	return r;
}

int foreign_call(const struct foreign_call *call)
{
	autofini(arena_fini) struct arena arena = {};
	struct command command = {};
	const char *directory;
	int r = foreign_directory(call->record, &arena, &directory);
	if (r < 0)
		return r;
	compose(call, directory, &arena, &command);
	r = foreign_make_file(call->record->directory_fd, LOG_NAME);
	if (r < 0)
		return r;
	autofini(line_fini) struct line line = {-1, -1, -1, -1};
	r = line_open(&line);
	if (r < 0)
		return r;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0)
		become(call, &command, &line);
	if (pid < 0)
		return fail(pid, "fork");
	close_now(line.tell);
	if (call->in_scope)
		r = enter_scope(pid, &arena);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	close_now(line.go);
	struct story story;
	int status = 0;
	ssize_t told = read(line.hear, &story, sizeof(story)); /* nothing, once it is the runtime */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(-errno, "wait for %s", call->record->runtime);
	step("%s %s", call->record->runtime, call->words[0]);
	if (told == (ssize_t)sizeof(story))
		return error_adopt(-EIO, story.text, story.advice);
	if (r < 0 || status == 0)
		return r;
	return failed(call, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
