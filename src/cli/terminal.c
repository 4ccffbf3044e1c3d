// SPDX-License-Identifier: Apache-2.0

#include "cli/terminal.h"

#include "base/text.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned terminal_columns(int fd)
{
	const char *said = getenv("COLUMNS");
	uint64_t columns;
	if (said && parse_uint64(said, 10000, &columns) >= 0 && columns > 0)
		return (unsigned)columns;
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

bool terminal_colours(int fd)
{
	const char *type = getenv("TERM");
	return text_empty(getenv("NO_COLOR")) && isatty(fd) && type && !text_equal(type, "dumb");
}

const char *terminal_style(bool colours, enum style style)
{
	static const char sequences[][8] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",
		[STYLE_RED] = "\033[31m",
		[STYLE_GREEN] = "\033[32m",
		[STYLE_YELLOW] = "\033[33m",
	};
	return colours ? sequences[style] : "";
}
