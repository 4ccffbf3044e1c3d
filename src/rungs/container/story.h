// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Keeping the story of a failure over the clean-up, which may tell others. */

#include "base/error.h"

#include <stdio.h>

struct story {
	char text[ERROR_TEXT_MAX], advice[1024];
	int exit_status;
};

static inline void story_keep(struct story *story)
{
	snprintf(story->text, sizeof(story->text), "%s", error_text());
	snprintf(story->advice, sizeof(story->advice), "%s", error_hint());
	story->exit_status = error_exit_status();
}

static inline void story_tell(const struct story *story)
{
	(void)error_adopt(-EIO, story->text, story->advice);
	error_set_exit_status(story->exit_status);
}
