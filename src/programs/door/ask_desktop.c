// SPDX-License-Identifier: Apache-2.0

/*
 * Asking by a dialogue of the desktop: zenity's or kdialog's, whichever there is. It is a list of
 * the five answers; what it prints is the answer. A window that is closed has denied.
 *
 * The dialogue is a process of the host that the program inside cannot draw over. What it is told
 * goes as plain arguments, without markup.
 */

#include "ask.h"

#include "base/error.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>

struct ask_desktop {
	struct ask *ask;
	const char *program;
	bool is_kdialog;
	struct ask_item *item; /* what is shown */
	struct process_child child;
	struct loop_watch *output;
	char answer[256];
	size_t length;
};

static const char *const labels[array_length(ask_reply_names)] = {
	"Allow once", "Allow for this run", "Allow always", "Deny", "Deny always"};

static void close_dialogue(struct ask_desktop *desktop)
{
	loop_remove(take(desktop->output));
	if (desktop->child.pid > 0) {
		int status;
		(void)kill(desktop->child.pid, SIGKILL);
		(void)waitpid(desktop->child.pid, &status, 0);
		close_now(desktop->child.pidfd);
		close_now(desktop->child.output_fd);
	}
	desktop->child = (struct process_child){0, -1, -1};
	desktop->item = NULL;
	desktop->length = 0;
}

static enum ask_reply reply_of(const char *line)
{
	for (size_t i = 0; i < array_length(labels); i++) {
		size_t length = strlen(ask_reply_names[i]);
		if (strncmp(line, ask_reply_names[i], length) == 0 &&
			(line[length] == '\n' || line[length] == '\0'))
			return (enum ask_reply)i;
	}
	return ASK_DENY;
}

static int on_output(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)watch, (void)events;
	struct ask_desktop *desktop = context;
	size_t room = sizeof(desktop->answer) - 1 - desktop->length;
	ssize_t length = room ? read(fd, desktop->answer + desktop->length, room) : 0;
	if (length > 0) {
		desktop->length += (size_t)length;
		return 0;
	}
	if (length < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	desktop->answer[desktop->length] = '\0';
	enum ask_reply reply = reply_of(desktop->answer);
	struct ask_item *item = desktop->item;
	close_dialogue(desktop);
	ask_answer(desktop->ask, item, reply, item->question.value);
	return 0;
}

static void describe(const struct ask_item *item, struct text *out)
{
	ask_plain(item->program, out);
	text_format(out, " (process %d) wants to ", item->question.pid);
	ask_describe(item, item->question.value, out);
	text_format(out, ": %s.", ask_meaning(item));
}

/* zenity(1): two columns, of which the first is printed and hidden. kdialog: pairs. */
static size_t add_arguments(const struct ask_desktop *desktop, const char *text, const char **words)
{
	size_t count = 0;
	words[count++] = desktop->program;
	if (desktop->is_kdialog) {
		words[count++] = "--title";
		words[count++] = "rung";
		words[count++] = "--menu";
		words[count++] = text;
	} else {
		words[count++] = "--list";
		words[count++] = "--title=rung";
		words[count++] = "--text";
		words[count++] = text;
		words[count++] = "--column=answer";
		words[count++] = "--column=What may it do?";
		words[count++] = "--hide-column=1";
		words[count++] = "--print-column=1";
	}
	for (size_t i = 0; i < array_length(labels); i++) {
		words[count++] = ask_reply_names[i];
		words[count++] = labels[i];
	}
	words[count] = NULL;
	return count;
}

static int start(struct ask_desktop *desktop, const struct ask_item *item)
{
	autofini(text_fini) struct text text = {};
	const char *words[32];
	describe(item, &text);
	(void)add_arguments(desktop, text_get(&text), words);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "make a pipe");
	autoclose int reader = ends[0], writer = ends[1];
	const struct process_fd fds[] = {{writer, 1}};
	const struct process_spawn spawn = {.program = desktop->program,
		.arguments = words,
		.fds = fds,
		.fd_count = array_length(fds)};
	int r = process_start(&spawn, &desktop->child);
	if (r < 0)
		return r;
	close_now(desktop->child.output_fd);
	desktop->child.output_fd = take_fd(reader);
	return loop_add_fd(desktop->ask->loop, desktop->child.output_fd, EPOLLIN, on_output,
		desktop, &desktop->output);
}

/* From the loop: a front end never answers while it is told of a question. */
static int on_failure(struct loop_watch *watch, void *context)
{
	struct ask_desktop *desktop = context;
	struct ask *ask = desktop->ask;
	loop_remove(watch);
	ask->desktop = NULL;
	ask_desktop_free(desktop);
	ask_changed(ask);
	return 0;
}

void ask_desktop_show(struct ask_desktop *desktop, struct ask_item *item)
{
	if (item == desktop->item)
		return;
	close_dialogue(desktop);
	desktop->item = item;
	if (item && start(desktop, item) < 0) {
		close_dialogue(desktop);
		desktop->item = item;
		if (loop_add_timer_ms(
			    desktop->ask->loop, 1, 0, on_failure, desktop, &desktop->output) < 0)
			desktop->item = NULL;
		error_clear();
	}
}

static const char *find(const char *const *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

int ask_desktop_new(struct ask *ask, struct ask_desktop **ret)
{
	static const char *const zenity[] = {"/usr/bin/zenity", "/usr/local/bin/zenity"};
	static const char *const kdialog[] = {"/usr/bin/kdialog", "/usr/local/bin/kdialog"};
	if (text_empty(getenv("DISPLAY")) && text_empty(getenv("WAYLAND_DISPLAY")))
		return refuse(-ENODEV, "there is no display");
	const char *session = getenv("XDG_CURRENT_DESKTOP");
	bool kde = session && strstr(session, "KDE");
	const char *first = kde ? find(kdialog, 2) : find(zenity, 2);
	const char *program = first ? first : kde ? find(zenity, 2) : find(kdialog, 2);
	if (!program)
		return refuse(-ENOENT, "there is neither zenity nor kdialog");
	struct ask_desktop *desktop = calloc(1, sizeof(*desktop));
	if (!desktop)
		memory_exhausted();
	*desktop = (struct ask_desktop){.ask = ask,
		.program = program,
		.is_kdialog = text_ends(program, "kdialog"),
		.child = {0, -1, -1}};
	*ret = desktop;
	return 0;
}

void ask_desktop_free(struct ask_desktop *desktop)
{
	if (!desktop)
		return;
	close_dialogue(desktop);
	free(desktop);
}
