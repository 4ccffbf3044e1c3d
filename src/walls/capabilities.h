// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the running kernel has of capabilities(7). Dropping them is the stage's work. */

#include "plan/plan.h"

/** The highest capability that this kernel knows; asked once. */
int capabilities_last(void);

/** Bits 0 … capabilities_last(). */
uint64_t capabilities_all(void);

/**
 * The sets as this kernel can have them. Capabilities that it does not know are left out with a
 * warning, as runc does; so are ambient ones that are not permitted and inheritable as well, which
 * prctl(2) would refuse (CVE-2022-29162 is why inheritable is empty and not made to fit).
 */
struct plan_capabilities capabilities_possible(const struct plan_capabilities *wanted);
