// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Where a name is looked for in the table of system calls; its maker must agree. */

#include <stdint.h>

#define SECCOMP_SLOTS 2048u

/* FNV-1a: good enough for names, and three lines. */
static inline uint32_t seccomp_slot(const char *name)
{
	uint32_t hash = 2166136261u;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (hash ^ hash >> 16) % SECCOMP_SLOTS;
}
