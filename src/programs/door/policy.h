// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the doors may let through. In: a question ("may process 4711 read /home/u/letter?"). Out:
 * yes or no, at once where a permission, a remembered answer or an earlier answer of this run
 * speaks, else when somebody has answered. Never an error: whoever cannot be asked has said no.
 *
 * Of the rules that cover a question the most particular one holds: the longest path, the host
 * written out before *.domain before "any", a port before none; of equals the later one.
 */

#include "base/loop.h"
#include "plan/permission.h"

#include <sys/types.h>

struct policy;
struct policy_ticket;

enum decision { DECISION_DENY, DECISION_ALLOW };

struct question {
	enum permission_kind kind;
	const char *value; /* as in struct permission: a clean path, a host name; copied */
	uint16_t port;     /* 0: of no matter */
	pid_t pid;         /* who wants it, as rung-door sees it; 0: unknown */
	const char *why;   /* "to remove old.txt": what it is about to do; NULL */
	const char *top;   /* an answer may be for any tree from here down to value; NULL: no */
};

/** Called once, maybe inside policy_decide() itself; never after policy_withdraw(). */
typedef void (*policy_answer)(enum decision decision, void *context);

/**
 * Decides. Returns NULL when @answer was called already, else the ticket of the question that now
 * waits; it is the policy's and is void once @answer was called or it was withdrawn. Who never
 * takes a question back need not keep it.
 */
struct policy_ticket *policy_decide(struct policy *policy, const struct question *question,
	policy_answer answer, void *context);

/** Nobody waits for the answer any more (the program was killed, the call interrupted). */
void policy_withdraw(struct policy *policy, struct policy_ticket *ticket);

/** The same without asking anybody: what the rules say now, PERMISSION_ASK where they are silent.
 */
enum permission_answer policy_look(const struct policy *policy, const struct question *question);

/**
 * The tree that may be shown as a whole to answer a question that is allowed: the topmost path
 * between question->top and ->value in which all is allowed alike. Its length in question->value;
 * 0 where only this once was allowed.
 */
size_t policy_whole(const struct policy *policy, const struct question *question);

/** Whether a path that is denied must still be passed to reach what is not. */
bool policy_passes(const struct policy *policy, const char *path);

/* ---- for main alone -------------------------------------------------------------------- */

struct ask;

enum policy_otherwise {
	POLICY_ASK,   /* what no rule covers is asked, and denied where nobody can be asked */
	POLICY_DENY,  /* it is denied */
	POLICY_ALLOW, /* it is allowed and noted (--learn, --audit) */
};

struct policy_settings {
	struct permissions permissions;
	struct permissions granted; /* what is mounted already; no whole tree may hide it */
	enum policy_otherwise otherwise;
	const char *program; /* whose answers are remembered */
	const char *home;    /* what "home" stands for; NULL: nothing */
	const char *memory;  /* the file of remembered answers; NULL: none */
};

/** The settings' strings and @ask stay the caller's and must live as long. Tells a story. */
[[nodiscard]] int policy_new(
	const struct policy_settings *settings, struct ask *ask, struct policy **ret);
/** Denies all that waits; afterwards @ask may be freed. */
void policy_withdraw_all(struct policy *policy);
void policy_free(struct policy *policy);

/** What was noted, each once, in the order it came. */
struct policy_note {
	struct permission permission; /* answer: what it got */
	bool asked;                   /* somebody was there to say so */
};
const struct policy_note *policy_notes(const struct policy *policy, size_t *ret_count);
