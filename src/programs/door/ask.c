// SPDX-License-Identifier: Apache-2.0

/*
 * The queue of questions, and who shows them.
 */

#include "ask.h"

#include "base/error.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"

#include <stdio.h>
#include <sys/stat.h>

const char *const ask_reply_names[5] = {"once", "run", "always", "deny", "never"};

/* ---- words ------------------------------------------------------------------------------- */

/* Control characters, and what turns the direction of writing round (Unicode's Bidi_Control). */
static bool misleads(const char *at, size_t length)
{
	const unsigned char *byte = (const unsigned char *)at;
	if (length <= 1)
		return byte[0] < ' ' || byte[0] == 0x7f || byte[0] >= 0x80;
	if (length == 2)
		return byte[0] == 0xc2 && byte[1] < 0xa0;
	return length == 3 && byte[0] == 0xe2 &&
	       ((byte[1] == 0x80 && (byte[2] == 0x8e || byte[2] == 0x8f ||
					    (byte[2] >= 0xa8 && byte[2] <= 0xae))) ||
		       (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9));
}

void ask_plain(const char *string, struct text *out)
{
	while (*string) {
		size_t length = text_utf8_length(string);
		if (length > 0 && !misleads(string, length)) {
			text_add_bytes(out, string, length);
		} else {
			length = length ? length : 1;
			for (size_t i = 0; i < length; i++)
				text_format(out, "\\x%02x", (unsigned char)string[i]);
		}
		string += length;
	}
}

static const char *what_is(const char *path)
{
	struct stat about;
	if (lstat(path, &about) < 0)
		return "the new file";
	return S_ISDIR(about.st_mode)    ? "everything in the folder"
	       : S_ISSOCK(about.st_mode) ? "what listens at"
	       : S_ISFIFO(about.st_mode) ? "the pipe"
					 : "the file";
}

void ask_describe(const struct ask_item *item, const char *value, struct text *out)
{
	static const char *const verbs[PERMISSION_COUNT] = {
		[PERMISSION_READ] = "read",
		[PERMISSION_WRITE] = "write",
		[PERMISSION_EXEC] = "run",
		[PERMISSION_DEVICE] = "use the device",
		[PERMISSION_NET] = "connect to",
		[PERMISSION_LISTEN] = "be reached at port",
		[PERMISSION_DBUS] = "talk over D-Bus to",
	};
	const struct question *question = &item->question;
	const char *verb = verbs[question->kind];
	text_add(out, verb ? verb : permission_kind_meaning(question->kind));
	if (permission_has_path(question->kind) && question->kind != PERMISSION_DEVICE)
		text_format(out, " %s", what_is(value));
	if (value) {
		text_add(out, " ");
		ask_plain(value, out);
	}
	if (question->port)
		text_format(out, value ? ", port %u" : " %u", question->port);
	if (question->why) {
		text_add(out, ", ");
		ask_plain(question->why, out);
	}
}

const char *ask_meaning(const struct ask_item *item)
{
	switch (item->question.kind) {
	case PERMISSION_READ:
		return "it can then pass on what stands there";
	case PERMISSION_WRITE:
		return "it can then change and destroy what stands there, for good";
	case PERMISSION_EXEC:
		return "it can then do what that program can";
	case PERMISSION_NET:
		return "it can then send there all that it knows";
	default:
		return permission_kind_meaning(item->question.kind);
	}
}

const char *ask_wider(const struct ask_item *item, const char *value, struct arena *arena)
{
	const char *top = item->question.top;
	const char *slash = value ? strrchr(value, '/') : NULL;
	if (!top || !slash || strlen(value) <= strlen(top))
		return value;
	size_t length = (size_t)(slash - value);
	return arena_strndup(arena, value, length > strlen(top) ? length : strlen(top));
}

/* ---- who asks ------------------------------------------------------------------------------ */

static char *copy(const char *string)
{
	char *copied = string ? strdup(string) : NULL;
	if (string && !copied)
		memory_exhausted();
	return copied;
}

static char *program_of(pid_t pid)
{
	char path[64], program[4096];
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t length = pid > 0 ? readlink(path, program, sizeof(program) - 1) : -1;
	program[length > 0 ? length : 0] = '\0';
	return copy(length > 0 ? program : "?");
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void free_item(struct ask_item *item)
{
	free((char *)item->question.value);
	free((char *)item->question.why);
	free((char *)item->question.top);
	free((char *)item->program);
	free(item);
}

static bool unlink_item(struct ask *ask, const struct ask_item *item)
{
	for (struct ask_item **at = &ask->items; *at; at = &(*at)->next)
		if (*at == item) {
			*at = item->next;
			return true;
		}
	return false;
}

/* One front end for all: the socket's before the terminal before the desktop. */
static void show(struct ask *ask)
{
	bool elsewhere = ask->socket && ask_socket_has_clients(ask->socket);
	struct ask_item *first = elsewhere ? NULL : ask->items;
	if (ask->terminal)
		ask_terminal_show(ask->terminal, first);
	else if (ask->desktop)
		ask_desktop_show(ask->desktop, first);
}

bool ask_possible(const struct ask *ask)
{
	return ask->terminal || ask->desktop ||
	       (ask->socket && ask_socket_has_clients(ask->socket));
}

struct ask_item *ask_add(struct ask *ask, const struct question *question, void *context)
{
	struct ask_item *item = calloc(1, sizeof(*item));
	if (!item)
		memory_exhausted();
	item->id = ++ask->last_id;
	item->question = *question;
	item->question.value = copy(question->value);
	item->question.why = copy(question->why);
	item->question.top = copy(question->top);
	item->program = program_of(question->pid);
	item->context = context;
	struct ask_item **last = &ask->items;
	while (*last)
		last = &(*last)->next;
	*last = item;
	if (ask->socket)
		ask_socket_added(ask->socket, item);
	show(ask);
	return item;
}

static void withdraw(struct ask *ask, struct ask_item *item)
{
	(void)unlink_item(ask, item);
	if (ask->socket)
		ask_socket_removed(ask->socket, item);
	show(ask);
}

void ask_remove(struct ask *ask, struct ask_item *item)
{
	withdraw(ask, item);
	free_item(item);
}

static void answer(
	struct ask *ask, struct ask_item *item, enum ask_reply reply, const char *value, bool asked)
{
	autofree char *kept = copy(value); /* it may lie in what goes now */
	withdraw(ask, item);
	ask->answered(item, reply, kept, asked, ask->context);
	free_item(item);
}

void ask_answer(struct ask *ask, struct ask_item *item, enum ask_reply reply, const char *value)
{
	answer(ask, item, reply, value, true);
}

void ask_changed(struct ask *ask)
{
	while (ask->items && !ask_possible(ask))
		answer(ask, ask->items, ASK_DENY, ask->items->question.value, false);
	show(ask);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static void leave_out(const char *what)
{
	warn("no questions by %s: %s", what, error_text());
	error_clear();
}

int ask_new(struct loop *loop, const struct ask_settings *settings, struct ask **ret)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	if (!ask)
		memory_exhausted();
	ask->loop = loop;
	ask->settings = settings;
	if (settings->socket && ask_socket_new(ask, &ask->socket) < 0)
		leave_out("the socket");
	if (!settings->no_terminal && ask_terminal_new(ask, &ask->terminal) < 0)
		error_clear(); /* there is none */
	if (!ask->terminal && !settings->no_desktop && ask_desktop_new(ask, &ask->desktop) < 0)
		error_clear();
	*ret = ask;
	return 0;
}

void ask_listen(struct ask *ask, ask_answered answered, void *context)
{
	ask->answered = answered;
	ask->context = context;
}

void ask_free(struct ask *ask)
{
	if (!ask)
		return;
	while (ask->items)
		ask_remove(ask, ask->items);
	ask_terminal_free(ask->terminal);
	ask_desktop_free(ask->desktop);
	ask_socket_free(ask->socket);
	free(ask);
}
