// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What ${DOWNLOADS} and its like stand for in profiles. */

#include "base/arena.h"

struct permission_place;

/** Which directories the variables stand for; NULL: none here. */
struct profile_places {
	const char *home;
	const char *directory; /* ${CWD} */
	const char *project;   /* ${PROJECT}: the tree under version control around it, or ${CWD} */
	const char *runtime;
	const char *user;
	const char *user_dirs; /* text of user-dirs.dirs, see xdg-user-dirs(1) */
	const char *config, *cache, *data, *state;
};

/** Those of the caller: HOME, XDG_*, the working directory. In the arena. */
void profile_places_of_caller(struct arena *arena, struct profile_places *ret_places);

/** Some that always exist, to check the form of a text without looking at the machine. */
extern const struct profile_places profile_places_of_nobody;

/**
 * The value with its variables replaced. 0; -ENXIO without a story where one stands for nothing on
 * this machine (no home, a directory that the person has switched off, a working directory that
 * nobody should be given whole); -EINVAL with a story about an unknown variable.
 */
[[nodiscard]] int profile_expand(const char *value, const struct profile_places *places,
	struct arena *arena, const char **ret_text);
