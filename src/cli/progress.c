// SPDX-License-Identifier: Apache-2.0

#include "cli/progress.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "cli/width.h"

#define INTERVAL_MS 100
#define BAR_COLUMNS 30u
#define LABEL_COLUMNS 30u
#define SECOND_MS 1000

void progress_start(struct progress *progress, int fd, const char *label, uint64_t total_bytes)
{
	*progress =
		(struct progress){.fd = isatty(fd) ? fd : -1, .label = label, .total = total_bytes};
	if (progress->fd < 0)
		return;
	progress->start_ms = clock_monotonic_ms();
	/* What is done within an interval is never drawn: it would only flicker. */
	progress->next_ms = progress->start_ms + INTERVAL_MS;
}

static void add_bar(const struct progress *progress, uint64_t done, struct text *out)
{
	unsigned full = (unsigned)((double)done / (double)progress->total * BAR_COLUMNS);
	text_add(out, "  [");
	for (unsigned i = 0; i < BAR_COLUMNS; i++)
		text_add(out, i < full ? "#" : " ");
	text_add(out, "]");
}

void progress_line(const struct progress *progress, uint64_t done_bytes, int64_t now_ms,
	unsigned width, struct text *out)
{
	autofini(text_fini) struct text line = {};
	size_t label = display_fit(progress->label, strlen(progress->label), LABEL_COLUMNS);
	text_add_bytes(&line, progress->label, label);

	char done[UNITS_TEXT_MAX], total[UNITS_TEXT_MAX], rate[UNITS_TEXT_MAX];
	units_size(done_bytes, done);
	if (progress->total) {
		uint64_t shown = done_bytes < progress->total ? done_bytes : progress->total;
		units_size(progress->total, total);
		add_bar(progress, shown, &line);
		text_format(&line, "  %s / %s", done, total);
	} else {
		text_format(&line, "  %s", done);
	}
	int64_t passed_ms = now_ms - progress->start_ms;
	if (passed_ms >= SECOND_MS) {
		units_size((uint64_t)((double)done_bytes * SECOND_MS / (double)passed_ms), rate);
		text_format(&line, "  %s/s", rate);
	}
	text_add_bytes(out, text_get(&line), display_fit(text_get(&line), line.length, width));
}

void progress_update(struct progress *progress, uint64_t done_bytes)
{
	if (progress->fd < 0)
		return;
	int64_t now_ms = clock_monotonic_ms();
	if (now_ms < progress->next_ms)
		return;
	progress->next_ms = now_ms + INTERVAL_MS;
	autofini(text_fini) struct text line = {};
	text_add(&line, "\r");
	/* The last column stays free: some terminals wrap as soon as it is written. */
	progress_line(progress, done_bytes, now_ms, terminal_columns(progress->fd) - 1, &line);
	text_add(&line, "\033[K");
	(void)fs_write_all(progress->fd, text_get(&line), line.length);
	progress->drawn = true;
}

void progress_fini(struct progress *progress)
{
	if (progress->fd >= 0 && progress->drawn)
		(void)fs_write_all(progress->fd, "\r\033[K", 4);
	progress->fd = -1;
}
