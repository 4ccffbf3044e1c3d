// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What verbs say to the person, and ask, beside their output. */

#include "cli/verb.h"

/**
 * A verb with several arguments goes on after a failure: this tells the present story and its hint
 * on standard error, and forgets them.
 */
void tell_failure(const struct invocation *invocation);

/**
 * Asks whether to go on after "WARNING! <warning>"; @force: without asking. Without a terminal
 * nobody could answer: the end of input is a no, as for Docker and Podman.
 */
bool confirm(bool force, const char *warning);
