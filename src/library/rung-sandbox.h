/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNG_SANDBOX_H
#define RUNG_SANDBOX_H

/*
 * librung-sandbox: start a child behind rung's walls from a program of your own.
 *
 *	rung_sandbox *box = rung_sandbox_new();
 *	rung_sandbox_allow(box, "read=/srv/data");
 *	pid_t pid = rung_sandbox_spawn(box, (const char *const[]){"convert", "in", "out", NULL});
 *	if (pid < 0)
 *		fprintf(stderr, "%s\n", rung_sandbox_error(box));
 *	int status = rung_sandbox_wait(pid);
 *	rung_sandbox_free(box);
 *
 * The words are those of rung-sandbox(1); the program rung does the work, so a program that uses
 * this needs no privileges and links nothing else. Functions return 0, or a negative errno with
 * the reason in rung_sandbox_error(). None of them writes to standard error. A box may be used
 * again; it belongs to one thread at a time.
 *
 * This interface is stable: later versions add functions and take none away.
 */

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rung_sandbox rung_sandbox;

/** NULL when there is no memory. */
rung_sandbox *rung_sandbox_new(void);

/** NULL is fine. Programs that run are not touched. */
void rung_sandbox_free(rung_sandbox *box);

/** Grants a permission: "home:ro", "read=PATH", "net=HOST:443", ... Checked when it is started. */
int rung_sandbox_allow(rung_sandbox *box, const char *permission);

/** Refuses one, whatever else is allowed. */
int rung_sandbox_deny(rung_sandbox *box, const char *permission);

/** What a profile grants; "auto": the one for the program. NULL: none. */
int rung_sandbox_profile(rung_sandbox *box, const char *name);

/** Keeps what it writes under this name (rung-sandbox-diff(1)). NULL: it is forgotten. */
int rung_sandbox_name(rung_sandbox *box, const char *name);

/** Any other option of `rung sandbox run` that takes a value: ("memory", "512m"), ("time", "10s").
 */
int rung_sandbox_option(rung_sandbox *box, const char *name, const char *value);

/** A variable of its environment. */
int rung_sandbox_variable(rung_sandbox *box, const char *name, const char *value);

/** The descriptors of the caller that become its 0, 1 and 2; -1: the caller's own. */
int rung_sandbox_streams(rung_sandbox *box, int input, int output, int error);

/** Another rung than the first of $PATH. */
int rung_sandbox_program(rung_sandbox *box, const char *path);

/**
 * Starts @arguments[0] behind the walls. Returns the process id of a child of the caller, which
 * ends with the program's status, hands signals on to it, and takes it along when it is killed.
 * -ENOENT: there is no rung. What rung itself refuses it says on the child's standard error, and
 * ends with 125, 126 or 127.
 */
pid_t rung_sandbox_spawn(rung_sandbox *box, const char *const *arguments);

/** Waits for the end: the exit status, 128 + n for signal n. Negative errno of waitpid(2). */
int rung_sandbox_wait(pid_t pid);

/** What went wrong last, one line; "" if nothing did. Valid until the next call. */
const char *rung_sandbox_error(const rung_sandbox *box);

#ifdef __cplusplus
}
#endif
#endif
