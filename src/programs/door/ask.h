// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Asking a person. In: questions, one for each thing that is wanted. Out: one of five answers, by
 * whichever front end is there:
 *
 *	1. a program connected to the socket (docs/ask-socket.md); it sees all questions at once
 *	2. the person's terminal, one question at a time
 *	3. a dialogue of the desktop, where there is a display and no terminal
 *
 * Where none is there any more, what waits is denied.
 */

#include "policy.h"

#include "base/text.h"

enum ask_reply {
	ASK_ONCE,   /* this one time */
	ASK_RUN,    /* until the sandbox ends */
	ASK_ALWAYS, /* remembered */
	ASK_DENY,   /* not in this run */
	ASK_NEVER,  /* remembered */
};
/** "once", "run", "always", "deny", "never". */
extern const char *const ask_reply_names[5];

struct ask;

struct ask_item {
	struct ask_item *next;
	uint64_t id;
	struct question question; /* its strings are the item's */
	const char *program;      /* the path of who asks; "?" where it is not known */
	void *context;            /* the policy's */
};

struct ask_settings {
	const char *name;   /* the sandbox's; NULL: none */
	const char *socket; /* where front ends connect; NULL: nowhere */
	int terminal_fd;    /* -1: the controlling terminal, if there is one */
	bool no_terminal;   /* not even that */
	bool no_desktop;
};

/**
 * @value: what the answer is for, the question's own or a tree above it. The item is gone
 * afterwards. Denied for want of somebody to ask: @asked is false.
 */
typedef void (*ask_answered)(
	struct ask_item *item, enum ask_reply reply, const char *value, bool asked, void *context);

/** Tells a story. A front end that cannot be started is left out with a warning. */
[[nodiscard]] int ask_new(struct loop *loop, const struct ask_settings *settings, struct ask **ret);
void ask_free(struct ask *ask);
void ask_listen(struct ask *ask, ask_answered answered, void *context);

/** Whether there is anybody. */
bool ask_possible(const struct ask *ask);

/** Puts a question at the end of the queue; it may be answered from the event loop only. */
struct ask_item *ask_add(struct ask *ask, const struct question *question, void *context);

/** Takes it back. */
void ask_remove(struct ask *ask, struct ask_item *item);

/* ---- between the front ends -------------------------------------------------------------- */

struct ask_terminal;
struct ask_desktop;
struct ask_socket;

struct ask {
	struct loop *loop;
	const struct ask_settings *settings;
	struct ask_item *items; /* the oldest first */
	uint64_t last_id;
	ask_answered answered;
	void *context;
	struct ask_terminal *terminal;
	struct ask_desktop *desktop;
	struct ask_socket *socket;
};

/** A front end's answer. @value as in ask_answered(). */
void ask_answer(struct ask *ask, struct ask_item *item, enum ask_reply reply, const char *value);

/** A front end came or went. */
void ask_changed(struct ask *ask);

/** What is wanted, in plain words: "read the file /home/u/letter". For people: see ask_plain(). */
void ask_describe(const struct ask_item *item, const char *value, struct text *out);

/** Why it matters: what could go wrong. */
const char *ask_meaning(const struct ask_item *item);

/** Adds text without what a terminal would obey, or a reader be misled by. */
void ask_plain(const char *string, struct text *out);

/** The tree above @value, at most the question's top; @value itself when there is none. */
const char *ask_wider(const struct ask_item *item, const char *value, struct arena *arena);

[[nodiscard]] int ask_terminal_new(struct ask *ask, struct ask_terminal **ret);
void ask_terminal_free(struct ask_terminal *terminal);
/** Shows the first item, another than before, or takes it away (NULL). */
void ask_terminal_show(struct ask_terminal *terminal, struct ask_item *item);

[[nodiscard]] int ask_desktop_new(struct ask *ask, struct ask_desktop **ret);
void ask_desktop_free(struct ask_desktop *desktop);
void ask_desktop_show(struct ask_desktop *desktop, struct ask_item *item);

[[nodiscard]] int ask_socket_new(struct ask *ask, struct ask_socket **ret);
void ask_socket_free(struct ask_socket *socket);
bool ask_socket_has_clients(const struct ask_socket *socket);
void ask_socket_added(struct ask_socket *socket, const struct ask_item *item);
void ask_socket_removed(struct ask_socket *socket, const struct ask_item *item);
