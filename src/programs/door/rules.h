// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a list of permissions says to one question. Pure: nothing of the system is looked at.
 */

#include "policy.h"

/** What no rule speaks about. */
#define RULES_SILENT (-1)

/**
 * An enum permission_answer, or RULES_SILENT. @home is what "home" stands for; may be NULL.
 * *ret_weight: how particular the rule is that spoke; may be NULL.
 */
int rules_answer(const struct permissions *rules, const char *home, const struct question *question,
	unsigned *ret_weight);

/** Whether some rule about files speaks of a path below @path (not of @path itself). */
bool rules_speak_below(const struct permissions *rules, const char *home, const char *path);

/** Whether something below @path may still be had although @path itself may not. */
bool rules_allow_below(const struct permissions *rules, const char *home, const char *path);
