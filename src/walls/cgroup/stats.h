// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The chapters of the statistics; each adds one JSON object or member list to @out. */

#include "walls/cgroup/internal.h"

/** Separates members: the comma is written in front of all but the first. */
struct members {
	struct text *out;
	bool any;
};

void members_number(struct members *members, const char *key, uint64_t value);
/** Starts a member whose value the caller writes. */
void members_key(struct members *members, const char *key);

/** Splits off the next line of *rest, NULL at the end; changes the text. */
char *next_line(char **rest);
/** "8:0 rest" → the numbers and where the rest begins; NULL if it does not begin so. */
const char *read_device(const char *line, unsigned long *ret_major, unsigned long *ret_minor);
/** Reads a whole file that may not be there: NULL then. The caller frees it. */
char *read_if_there(const struct cgroup_directory *directory, const char *file);
/** 0 for what is not there. */
uint64_t number_or_zero(const struct cgroup_directory *directory, const char *file);

/** ,"psi":{"some":{…},"full":{…}} from a pressure file (Documentation/accounting/psi.rst). */
void stats_pressure(
	struct members *members, const struct cgroup_directory *directory, const char *file);
/** ,"raw":{…} and ,"cache":N from memory.stat; @cache_key is how the version calls the page cache.
 */
void stats_memory_raw(
	struct members *members, const struct cgroup_directory *directory, const char *cache_key);

typedef void stats_writer(struct members *members, const struct cgroup_directory *directory);
stats_writer stats_cpu_v1, stats_throttling_v1, stats_memory_v1, stats_block_v1, stats_hugetlb_v1;
stats_writer stats_cpu_v2, stats_memory_v2, stats_block_v2, stats_hugetlb_v2;
