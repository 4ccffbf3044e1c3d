// SPDX-License-Identifier: Apache-2.0

#include "cli/wrap.h"

#include "cli/width.h"

static void add_blanks(struct text *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		text_add(out, " ");
}

static void new_line(struct text *out, unsigned indent)
{
	text_add(out, "\n");
	add_blanks(out, indent);
}

/* One line of the source, which has no newline inside. Returns the column reached. */
static unsigned wrap_line(struct text *out, const char *line, size_t length, unsigned column,
	unsigned indent, unsigned width)
{
	const char *end = line + length;
	bool first = true;
	while (line < end) {
		size_t word = 0;
		while (line + word < end && line[word] != ' ')
			word++;
		unsigned wide = display_width(line, word);
		if (!first && column + 1 + wide > width) {
			new_line(out, indent);
			column = indent;
		} else if (!first) {
			text_add(out, " ");
			column++;
		}
		text_add_bytes(out, line, word);
		column += wide;
		first = false;
		line += word;
		while (line < end && *line == ' ')
			line++;
	}
	return column;
}

void wrap_text(struct text *out, const char *text, unsigned column, unsigned indent, unsigned width)
{
	for (;;) {
		size_t length = strcspn(text, "\n");
		if (text[0] == ' ')
			text_add_bytes(out, text, length);
		else
			(void)wrap_line(out, text, length, column, indent, width);
		if (text[length] == '\0')
			return;
		text += length + 1;
		if (*text == '\n' || *text == '\0')
			text_add(out, "\n");
		else
			new_line(out, indent);
		column = indent;
	}
}
