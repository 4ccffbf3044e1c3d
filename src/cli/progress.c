// SPDX-License-Identifier: Apache-2.0

#include "cli/progress.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "cli/width.h"

#define INTERVAL_MS 100
#define BAR_COLUMNS 30u
#define BAR_LEAST 4u
#define FRAME_COLUMNS 4u /* blanks and brackets around a bar */
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

/* As long as there is room for; numbers say more, so that they go first. */
static void add_bar(const struct progress *progress, uint64_t done, size_t room, struct text *out)
{
	if (room < BAR_LEAST + FRAME_COLUMNS)
		return;
	unsigned columns = BAR_COLUMNS;
	if (room < BAR_COLUMNS + FRAME_COLUMNS)
		columns = (unsigned)room - FRAME_COLUMNS;
	unsigned full = (unsigned)((double)done / (double)progress->total * columns);
	text_add(out, "  [");
	for (unsigned i = 0; i < columns; i++)
		text_add(out, i < full ? "#" : " ");
	text_add(out, "]");
}

void progress_line(const struct progress *progress, uint64_t done_bytes, int64_t now_ms,
	unsigned width, struct text *out)
{
	autofini(text_fini) struct text line = {};
	size_t label = display_fit(progress->label, strlen(progress->label), LABEL_COLUMNS);
	text_add_bytes(&line, progress->label, label);

	autofini(text_fini) struct text numbers = {};
	char done[UNITS_TEXT_MAX], total[UNITS_TEXT_MAX], rate[UNITS_TEXT_MAX];
	units_size(done_bytes, done);
	text_format(&numbers, "  %s", done);
	if (progress->total) {
		units_size(progress->total, total);
		text_format(&numbers, " / %s", total);
	}
	int64_t passed_ms = now_ms - progress->start_ms;
	size_t taken = display_width(text_get(&line), line.length) + numbers.length;
	if (passed_ms >= SECOND_MS) {
		size_t before = numbers.length;
		units_size((uint64_t)((double)done_bytes * SECOND_MS / (double)passed_ms), rate);
		text_format(&numbers, "  %s/s", rate);
		taken += numbers.length - before;
		if (taken > width) { /* half a rate would be taken for a size */
			taken -= numbers.length - before;
			numbers.length = before;
			numbers.bytes[before] = '\0';
		}
	}
	if (progress->total)
		add_bar(progress, done_bytes < progress->total ? done_bytes : progress->total,
			width > taken ? width - taken : 0, &line);
	text_add(&line, text_get(&numbers));
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
