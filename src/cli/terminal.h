// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the terminal is like: how wide, and whether it wants colours. */

#include <stdbool.h>
#include <stddef.h>

/** Columns of the terminal behind fd; COLUMNS wins; 80 where there is no terminal. */
unsigned terminal_columns(int fd);

/** Whether fd is a terminal that shows colours: NO_COLOR (no-color.org) and TERM=dumb say no. */
bool terminal_colours(int fd);

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW };

/** The escape sequence that starts a style ("" without colours); STYLE_PLAIN ends it. */
const char *terminal_style(bool colours, enum style style);
