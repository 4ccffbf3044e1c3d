// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"
#include "plan/json.h"

enum json_text_form {
	JSON_TEXT_COMPACT, /* one line, no blanks */
	JSON_TEXT_PRETTY,  /* a line per value, indented by four blanks, as `docker inspect` does */
};

/** Adds what was read as JSON again; numbers and the order of members stay as they were written. */
void json_text(const struct json_value *value, enum json_text_form form, struct text *out);
