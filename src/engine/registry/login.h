// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Questions to a registry that concern no image: whether it knows somebody, and what it offers. */

#include "engine/registry/auth.h"
#include "engine/registry/pull.h"

/**
 * Asks the registry whether these credentials are good (options->credentials is not looked at).
 * -EACCES with a story when not.
 */
[[nodiscard]] int registry_check_login(const char *registry, const struct auth *auth,
	const struct registry_options *options, struct arena *arena);

struct registry_found {
	const char *name, *description;
	uint64_t stars;
	bool official, automated;
};

/**
 * Searches for a term: by Docker Hub's index where the registry has one, else in its catalogue.
 * @limit: so many at most. Tells a story.
 */
[[nodiscard]] int registry_search(const char *registry, const char *term, unsigned limit,
	const struct registry_options *options, struct arena *arena,
	struct registry_found **ret_found, size_t *ret_count);

/** All tags of a repository, given as a reference. Tells a story. */
[[nodiscard]] int registry_tags(const char *word, const struct registry_options *options,
	struct arena *arena, const char **ret_repository, struct strings *ret_tags);
