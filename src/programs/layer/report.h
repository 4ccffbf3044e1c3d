// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the caller is told, as lines of JSON on one descriptor: a line for each member that `split`
 * found, at the end one line with what was done or why it was not.
 *
 *	{"member":"manifest.json","file":"0","digest":"sha256:…","size":123}
 *	{"digest":"sha256:…","diffID":"sha256:…","size":1,"unpackedSize":2,"contentSize":2,"entries":1}
 *	{"error":"…","hint":"…","errno":74}
 */

#include "base/digest.h"
#include "base/text.h"

#include <stdint.h>

/** The same facts as struct layer_report of engine/store/layer.h. */
struct report {
	char digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	uint64_t size, unpacked_size, content_size, entries, skipped;
	char note[256];
};

/** Remembers that something could not be kept; the first text stays. */
[[gnu::format(printf, 2, 3)]] void report_skip(struct report *report, const char *format, ...);

/** A name from outside, for a story: control characters become "?". */
struct shown {
	char text[256];
};
struct shown report_show(const char *name);

/** The report's members, without braces. */
void report_add(struct text *line, const struct report *report);

/** Writes a line; there is nobody to tell if that fails. */
void report_line(int fd, const char *line);
