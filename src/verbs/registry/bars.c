// SPDX-License-Identifier: Apache-2.0

/*
 * The lines are drawn anew at most ten times a second: the cursor goes up over those of the last
 * time. More blobs than the terminal has lines are told by those that move.
 */

#include "verbs/registry/bars.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/width.h"

#include <stdio.h>
#include <sys/ioctl.h>

#define INTERVAL_MS 100
#define SHOWN_DIGITS 12
#define NARROW_COLUMNS 60u /* no room for words beside numbers */

void bars_init(struct bars *bars, bool quiet, bool push)
{
	*bars = (struct bars){
		.quiet = quiet, .push = push, .terminal = !quiet && isatty(STDERR_FILENO)};
}

static const char *short_digest(const struct bar *bar, char out[static SHOWN_DIGITS + 1])
{
	const char *colon = strchr(bar->digest, ':');
	const char *digits = colon ? colon + 1 : bar->digest;
	(void)snprintf(out, SHOWN_DIGITS + 1, "%.*s", SHOWN_DIGITS, digits);
	return out;
}

static unsigned screen_lines(void)
{
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2)
		return size.ws_row - 1;
	return 24;
}

static void add_line(const struct bar *bar, int64_t now_ms, unsigned width, struct text *out)
{
	char digits[SHOWN_DIGITS + 1], label[64];
	(void)short_digest(bar, digits);
	(void)snprintf(label, sizeof(label), "Copying %s %s",
		bar->configuration ? "config" : "blob", digits);
	text_add(out, "\r");
	if (bar->ended) {
		/* A line that wraps would be two, and the cursor would not go up enough. */
		char line[128];
		(void)snprintf(line, sizeof(line), "%s %s", label, bar->word);
		text_add_bytes(out, line, display_fit(line, strlen(line), width));
	} else {
		const struct progress progress = {.label = width < NARROW_COLUMNS ? digits : label,
			.total = bar->total,
			.start_ms = bar->start_ms};
		progress_line(&progress, bar->done, now_ms, width, out);
	}
	text_add(out, "\033[K\n");
}

static void draw(struct bars *bars, bool last)
{
	int64_t now_ms = clock_monotonic_ms();
	if (!bars->terminal || bars->count == 0 || (!last && now_ms < bars->next_ms))
		return;
	bars->next_ms = now_ms + INTERVAL_MS;
	autofini(text_fini) struct text screen = {};
	unsigned width = terminal_columns(STDERR_FILENO) - 1, room = screen_lines(), lines = 0;
	/* After a resize nobody knows where those lines are now: they stay, and others are drawn.
	 */
	if (bars->drawn > 0 && width == bars->width)
		text_format(&screen, "\033[%uA", bars->drawn);
	/* Those that ended leave first where there is no room for all. */
	size_t surplus = bars->count > room ? bars->count - room : 0;
	for (size_t i = 0; i < bars->count && lines < room; i++) {
		if (!last && surplus > 0 && bars->items[i].ended) {
			surplus--;
			continue;
		}
		add_line(&bars->items[i], now_ms, width, &screen);
		lines++;
	}
	text_add(&screen, "\033[J");
	bars->drawn = lines;
	bars->width = width;
	(void)!fs_write_all(STDERR_FILENO, text_get(&screen), screen.length);
}

static struct bar *bar_of(struct bars *bars, const struct registry_news *news, bool *ret_new)
{
	*ret_new = false;
	for (size_t i = 0; i < bars->count; i++)
		if (text_equal(bars->items[i].digest, news->subject))
			return &bars->items[i];
	struct bar *longer = realloc(bars->items, (bars->count + 1) * sizeof(*longer));
	if (!longer)
		return NULL;
	bars->items = longer;
	struct bar *bar = &longer[bars->count++];
	*bar = (struct bar){.configuration = news->configuration,
		.total = news->total,
		.begin = news->done,
		.start_ms = clock_monotonic_ms()};
	(void)snprintf(bar->digest, sizeof(bar->digest), "%s", news->subject);
	*ret_new = true;
	return bar;
}

static void settle(struct bars *bars)
{
	draw(bars, true);
	bars->drawn = 0;
	bars->count = 0;
}

static void tell_blob(struct bars *bars, const struct registry_news *news)
{
	bool new;
	struct bar *bar = bar_of(bars, news, &new);
	if (!bar)
		return;
	char digits[SHOWN_DIGITS + 1];
	bool skipped = news->step == REGISTRY_SKIPPED;
	bar->done = news->done;
	bar->ended = news->step != REGISTRY_BLOB;
	bar->word = skipped ? "skipped: already exists" : "done";
	if (bars->terminal)
		draw(bars, false);
	else if (new)
		fprintf(stderr, "Copying %s %s%s\n", bar->configuration ? "config" : "blob",
			short_digest(bar, digits), skipped ? " skipped: already exists" : "");
}

void bars_listen(const struct registry_news *news, void *context)
{
	struct bars *bars = context;
	if (bars->quiet)
		return;
	switch (news->step) {
	case REGISTRY_TRYING:
		settle(bars);
		fprintf(stderr, "Trying to pull %s...\n", news->subject);
		break;
	case REGISTRY_WRITING:
		settle(bars);
		fprintf(stderr, "Writing manifest to image destination\n");
		break;
	default:
		tell_blob(bars, news);
	}
}

void bars_fini(struct bars *bars)
{
	settle(bars);
	free(bars->items);
	bars->items = NULL;
}
