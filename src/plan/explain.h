// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Shared by the two halves of plan_explain(). */

#include "plan/plan.h"

struct text;

/** The label of a section, padded. */
void explain_label(struct text *out, const char *label);

/** A string of unknown origin; quoted unless it is nothing but printable. */
void explain_safe(struct text *out, const char *string);

/** "512 MiB" */
void explain_bytes(struct text *out, uint64_t bytes);

/** One more item of a list that is broken into lines; *column starts as 0. */
void explain_item(struct text *out, size_t *column, const char *item);

/** Memory, CPU, processes, disks, and the process's own rlimits, each in the units people use. */
void explain_limits(const struct plan *plan, struct text *out);
