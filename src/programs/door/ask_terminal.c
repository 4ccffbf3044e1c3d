// SPDX-License-Identifier: Apache-2.0

/*
 * Asking at the terminal that the walled-in program also uses. It may have it in raw mode, may draw
 * on it, and an inner shell may have given it to a process group that is not ours. So for one
 * question: remember modes and foreground group, take both, throw away what was typed ahead (it was
 * meant for the program), ask, give both back, and tell the program that the window changed, which
 * makes those that draw draw again.
 *
 *	rung: cat (/usr/bin/cat, process 4711) wants to
 *	    read the file /home/u/letters/a.txt
 *	    (it can then pass on what stands there)
 *	  o once   r this run   a always   d deny   n never
 *	  f for the folder /home/u/letters
 *	  letter, then Enter >
 *
 * The letter needs Enter behind it: nobody shall answer by the key that he was about to type when
 * the question came. Ctrl-C denies.
 *
 * A job in the background never takes the terminal from whoever has it: the question waits until
 * the job is brought to the foreground (or somebody else answers).
 *
 * Weak: the program shares the screen, and can write over the question. It cannot answer it:
 * pushing characters into the terminal (TIOCSTI) is among what its filter refuses.
 */

#include "ask.h"
#include "peer.h"

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <termios.h>

enum { RETRY_MS = 300, NOTHING_CHOSEN = -1 };

struct ask_terminal {
	struct ask *ask;
	int fd;
	struct ask_item *item;    /* the question on the screen, or waiting for it */
	struct loop_watch *input; /* while we have the terminal */
	struct loop_watch *retry; /* while somebody else has it */
	struct arena arena;       /* of value */
	const char *value;        /* what the answer will be for */
	int choice;               /* enum ask_reply or NOTHING_CHOSEN */
	struct termios modes;     /* the program's */
	pid_t foreground;         /* its process group */
};

static void say(const struct ask_terminal *terminal, const struct text *text)
{
	const char *at = text_get(text);
	size_t left = text->length;
	while (left > 0) {
		ssize_t written = write(terminal->fd, at, left);
		if (written <= 0 && errno != EINTR)
			return; /* the reading side finds out */
		at += written > 0 ? written : 0;
		left -= written > 0 ? (size_t)written : 0;
	}
}

/* ---- whose terminal it is ------------------------------------------------------------------ */

/* A group of the sandbox's: one of its processes is in another pid namespace than we. */
static bool group_is_inside(pid_t group)
{
	bool found = false;
	DIR *all = opendir("/proc");
	const struct dirent *entry;
	while (all && !found && (entry = readdir(all))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		found = pid > 0 && getpgid(pid) == group && peer_is_walled_in(pid);
	}
	if (all)
		(void)closedir(all);
	return found;
}

/* -1 where the terminal is nobody's or a stranger's. Not our controlling one: no groups there. */
static pid_t group_to_take_from(const struct ask_terminal *terminal)
{
	pid_t group = tcgetpgrp(terminal->fd);
	if (group < 0)
		return errno == ENOTTY ? 0 : -1;
	return group == getpgrp() || group_is_inside(group) ? group : -1;
}

/* ---- the screen ------------------------------------------------------------------------------ */

static void add_program(const struct ask_item *item, struct text *out)
{
	const char *slash = strrchr(item->program, '/');
	ask_plain(slash ? slash + 1 : "a program", out);
	if (slash) {
		text_add(out, " (");
		ask_plain(item->program, out);
		text_format(out, ", process %d)", item->question.pid);
	}
}

static void add_wider(const struct ask_terminal *terminal, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	const char *value = terminal->value, *wider = ask_wider(terminal->item, value, &arena);
	if (wider == value || text_equal(wider, value))
		return;
	text_add(out, "  f for all of ");
	ask_plain(wider, out);
	text_add(out, "\n");
}

static void draw_line(const struct ask_terminal *terminal)
{
	autofini(text_fini) struct text out = {};
	text_format(&out, "\r\033[K  letter, then Enter > %s",
		terminal->choice == NOTHING_CHOSEN ? "" : ask_reply_names[terminal->choice]);
	say(terminal, &out);
}

static void draw(const struct ask_terminal *terminal)
{
	autofini(text_fini) struct text out = {};
	const struct ask_item *item = terminal->item;
	text_add(&out, "\r\033[K\nrung: ");
	add_program(item, &out);
	text_add(&out, " wants to\n    ");
	ask_describe(item, terminal->value, &out);
	text_format(&out, "\n    (%s)\n  o once   r this run   a always   d deny   n never\n",
		ask_meaning(item));
	add_wider(terminal, &out);
	say(terminal, &out);
	draw_line(terminal);
}

static void take_back_screen(const struct ask_terminal *terminal, const char *outcome)
{
	autofini(text_fini) struct text out = {};
	text_format(&out, "\r\033[K  %s\n", outcome);
	say(terminal, &out);
}

/* ---- the terminal ------------------------------------------------------------------------------
 */

static void give_back(struct ask_terminal *terminal)
{
	loop_remove(take(terminal->retry));
	if (!terminal->input)
		return;
	loop_remove(take(terminal->input));
	(void)tcsetattr(terminal->fd, TCSADRAIN, &terminal->modes);
	if (terminal->foreground > 0 && terminal->foreground != getpgrp())
		(void)tcsetpgrp(terminal->fd, terminal->foreground);
	if (terminal->foreground > 0)
		(void)kill(-terminal->foreground, SIGWINCH);
}

static void answer(struct ask_terminal *terminal, enum ask_reply reply)
{
	struct ask_item *item = terminal->item;
	autofini(arena_fini) struct arena arena = terminal->arena; /* of the value */
	const char *value = terminal->value;
	take_back_screen(terminal, ask_reply_names[reply]);
	give_back(terminal);
	terminal->arena = (struct arena){};
	terminal->item = NULL;
	ask_answer(terminal->ask, item, reply, value);
}

static void widen(struct ask_terminal *terminal)
{
	const struct ask_item *item = terminal->item;
	const char *wider = ask_wider(item, terminal->value, &terminal->arena);
	bool topmost = wider == terminal->value || text_equal(wider, terminal->value);
	terminal->value = topmost ? item->question.value : wider;
	terminal->choice = NOTHING_CHOSEN;
	draw(terminal);
}

/* True when the question has been answered. */
static bool on_key(struct ask_terminal *terminal, char key)
{
	static const char letters[] = "oradn"; /* in the order of enum ask_reply */
	enum { control_c = 3, control_d = 4, backspace = 8, delete = 127 };
	const char *letter = key ? strchr(letters, key) : NULL;
	if (key == control_c || key == control_d) {
		answer(terminal, ASK_DENY);
		return true;
	}
	if ((key == '\r' || key == '\n') && terminal->choice != NOTHING_CHOSEN) {
		answer(terminal, (enum ask_reply)terminal->choice);
		return true;
	}
	if (key == 'f') {
		widen(terminal);
		return false;
	}
	if (letter)
		terminal->choice = (int)(letter - letters);
	else if (key == backspace || key == delete)
		terminal->choice = NOTHING_CHOSEN;
	else
		return false;
	draw_line(terminal);
	return false;
}

/* Hung up: nobody is asked here any more. */
static void leave(struct ask_terminal *terminal)
{
	struct ask *ask = terminal->ask;
	ask->terminal = NULL;
	ask_terminal_free(terminal);
	ask_changed(ask);
}

static int on_input(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct ask_terminal *terminal = context;
	char keys[64];
	(void)watch;
	ssize_t length = read(fd, keys, sizeof(keys));
	if (length <= 0 && (events & (EPOLLHUP | EPOLLERR) || (length < 0 && errno == EIO))) {
		leave(terminal);
		return 0;
	}
	for (ssize_t i = 0; i < length; i++)
		if (on_key(terminal, keys[i]))
			break; /* what was typed behind it answers no other question */
	return 0;
}

static int set_modes(const struct ask_terminal *terminal)
{
	struct termios modes = terminal->modes;
	modes.c_iflag |= ICRNL;
	modes.c_iflag &= ~(tcflag_t)(INLCR | IGNCR);
	modes.c_oflag |= OPOST | ONLCR;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	modes.c_cc[VMIN] = 0;
	modes.c_cc[VTIME] = 0;
	return tcsetattr(terminal->fd, TCSAFLUSH, &modes) < 0 ? -errno : 0;
}

static int take_terminal(struct ask_terminal *terminal)
{
	pid_t group = group_to_take_from(terminal);
	if (group < 0)
		return -EAGAIN;
	terminal->foreground = group;
	if (group > 0 && group != getpgrp() && tcsetpgrp(terminal->fd, getpgrp()) < 0)
		return -EAGAIN;
	if (tcgetattr(terminal->fd, &terminal->modes) < 0)
		return -errno;
	int r = loop_add_fd(
		terminal->ask->loop, terminal->fd, EPOLLIN, on_input, terminal, &terminal->input);
	if (r == 0)
		r = set_modes(terminal);
	if (r == 0)
		draw(terminal);
	return r;
}

static int on_retry(struct loop_watch *watch, void *context)
{
	(void)watch;
	struct ask_terminal *terminal = context;
	int r = take_terminal(terminal);
	if (r == 0)
		loop_remove(take(terminal->retry));
	else if (r != -EAGAIN)
		leave(terminal);
	return 0;
}

void ask_terminal_show(struct ask_terminal *terminal, struct ask_item *item)
{
	if (item == terminal->item)
		return;
	if (terminal->item) {
		if (terminal->input)
			take_back_screen(terminal, "(no longer of interest)");
		give_back(terminal);
		arena_fini(&terminal->arena);
		terminal->arena = (struct arena){};
	}
	terminal->item = item;
	if (!item)
		return;
	terminal->value = item->question.value;
	terminal->choice = NOTHING_CHOSEN;
	if (take_terminal(terminal) < 0) /* from the loop, for it may end the terminal */
		(void)!loop_add_timer_ms(terminal->ask->loop, RETRY_MS, RETRY_MS, on_retry,
			terminal, &terminal->retry);
	error_clear();
}

int ask_terminal_new(struct ask *ask, struct ask_terminal **ret)
{
	int given = ask->settings->terminal_fd;
	int fd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 3)
			    : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open the terminal");
	struct ask_terminal *terminal = calloc(1, sizeof(*terminal));
	if (!terminal)
		memory_exhausted();
	terminal->ask = ask;
	terminal->fd = fd;
	/* So that a group in the background may change modes and groups (tcsetpgrp(3)). */
	(void)signal(SIGTTOU, SIG_IGN);
	*ret = terminal;
	return 0;
}

void ask_terminal_free(struct ask_terminal *terminal)
{
	if (!terminal)
		return;
	give_back(terminal);
	arena_fini(&terminal->arena);
	close_now(terminal->fd);
	free(terminal);
}
