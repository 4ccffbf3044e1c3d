// SPDX-License-Identifier: Apache-2.0

#include "cli/table.h"

#include "cli/width.h"

#define GAP 3u
#define CLOSE_GAP 2u
/* A column is not shortened below this; a line that still does not fit is left to the terminal. */
#define NARROWEST 8u

void table_fini(struct table *table)
{
	free(table->lines);
	arena_fini(&table->arena);
	*table = (struct table){};
}

/* Whether the character steers a terminal: C0, DEL and C1 controls. */
static bool steers(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

void table_add(struct table *table, const char *line)
{
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 16;
		table->lines = reallocarray(table->lines, table->room, sizeof(*table->lines));
		if (!table->lines)
			memory_exhausted();
	}
	char *copy = arena_strdup(&table->arena, line);
	size_t length = strlen(copy);
	for (size_t at = 0, step; at < length; at += step) {
		uint32_t character = utf8_decode(copy + at, length - at, &step);
		if (steers(character) && character != '\t')
			memset(copy + at, '?', step);
	}
	table->lines[table->count++] = copy;
}

/* The next cell of a line; false behind the last. The last column takes all that is left over. */
static bool next_cell(const char **at, unsigned column, const char **ret_cell, size_t *ret_length)
{
	if (!*at)
		return false;
	*ret_cell = *at;
	*ret_length = column + 1 < TABLE_COLUMNS_MAX ? strcspn(*at, "\t") : strlen(*at);
	*at = (*at)[*ret_length] ? *at + *ret_length + 1 : NULL;
	return true;
}

struct widths {
	unsigned of[TABLE_COLUMNS_MAX];
	unsigned count, gap;
};

static struct widths measure(const struct table *table)
{
	struct widths widths = {.gap = GAP};
	for (size_t i = 0; i < table->count; i++) {
		const char *at = table->lines[i], *cell;
		size_t length;
		for (unsigned column = 0; next_cell(&at, column, &cell, &length); column++) {
			unsigned wide = display_width(cell, length);
			if (wide > widths.of[column])
				widths.of[column] = wide;
			if (column + 1 > widths.count)
				widths.count = column + 1;
		}
	}
	return widths;
}

static unsigned total_width(const struct widths *widths)
{
	unsigned total = 0;
	for (unsigned i = 0; i < widths->count; i++)
		total += widths->of[i] + (i ? widths->gap : 0);
	return total;
}

/* The widest column that may lose a character; NULL: none is left. */
static unsigned *widest_of(struct widths *widths, uint32_t shrinks)
{
	unsigned *widest = NULL;
	for (unsigned i = 0; i < widths->count; i++)
		if ((shrinks >> i & 1) && widths->of[i] > NARROWEST &&
			(!widest || widths->of[i] >= *widest))
			widest = &widths->of[i];
	return widest;
}

/* Makes the columns fit. If they never will, nothing is lost either: the terminal breaks the lines.
 */
static void fit(struct widths *widths, uint32_t shrinks, unsigned width)
{
	if (total_width(widths) <= width)
		return;
	struct widths narrow = *widths;
	narrow.gap = CLOSE_GAP;
	unsigned total = total_width(&narrow), *widest;
	for (; total > width && (widest = widest_of(&narrow, shrinks)); total--)
		--*widest;
	if (total <= width)
		*widths = narrow;
}

/* gap: blanks behind the cell; 0 for the last one. */
static void write_cell(
	struct text *out, const char *cell, size_t length, unsigned width, bool right, unsigned gap)
{
	unsigned wide = display_width(cell, length);
	const char *end = "";
	if (wide > width) {
		length = display_fit(cell, length, width - 1);
		wide = display_width(cell, length) + 1;
		end = "\u2026";
	}
	unsigned missing = width > wide ? width - wide : 0;
	if (right)
		text_format(out, "%*s", (int)missing, "");
	text_add_bytes(out, cell, length);
	text_add(out, end);
	if (!right && gap)
		text_format(out, "%*s", (int)missing, "");
	text_format(out, "%*s", (int)gap, "");
}

static void write_line(
	const struct table *table, const char *line, const struct widths *widths, struct text *out)
{
	const char *at = line, *cell;
	size_t length;
	for (unsigned column = 0; next_cell(&at, column, &cell, &length); column++)
		write_cell(out, cell, length, widths->of[column], table->right >> column & 1,
			at ? widths->gap : 0);
	/* Empty cells at the end leave blanks behind. */
	while (out->length && out->bytes[out->length - 1] == ' ')
		out->bytes[--out->length] = '\0';
	text_add(out, "\n");
}

void table_write(const struct table *table, unsigned width, struct text *out)
{
	struct widths widths = measure(table);
	if (width)
		fit(&widths, table->shrinks, width);
	for (size_t i = 0; i < table->count; i++)
		write_line(table, table->lines[i], &widths, out);
}
