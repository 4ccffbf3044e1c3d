// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Credentials of registries: containers-auth.json(5) and Docker's config.json, and the credential
 * helpers that either names (docker-credential-NAME, github.com/docker/docker-credential-helpers).
 *
 * Looked into, the first that knows the registry counts: --authfile or $REGISTRY_AUTH_FILE alone;
 * or else ${XDG_RUNTIME_DIR}/containers/auth.json (root without it: /run/containers/0/auth.json),
 * ~/.config/containers/auth.json, ~/.docker/config.json ($DOCKER_CONFIG).
 */

#include "base/arena.h"
#include "plan/plan.h"

#include <stdbool.h>

struct auth {
	const char *username, *password; /* NULL: none */
	const char *identity_token;      /* for the registry's token server; NULL: none */
	const char *registry_token;      /* to be sent as it is; NULL: none */
};

/**
 * Credentials for a repository ("quay.io", "library/debian"); the longest entry that fits counts,
 * as Podman has them for "quay.io/team" too. None are no error. Tells a story: a file that cannot
 * be read, a helper that fails.
 */
[[nodiscard]] int auth_find(const char *authfile, const char *registry, const char *repository,
	struct arena *arena, struct auth *ret);

/* ---- auth_keepers.c: the files, or the credential-helpers of registries.conf ---- */

/** auth_find(), among all keepers. */
[[nodiscard]] int auth_ask(const struct strings *helpers, const char *authfile,
	const char *registry, const char *repository, struct arena *arena, struct auth *ret);

/** auth_store() with the first of them; *ret_keeper: a file or a helper's name. */
[[nodiscard]] int auth_keep(const struct strings *helpers, const char *authfile,
	const char *registry, const struct auth *auth, struct arena *arena,
	const char **ret_keeper);

/** auth_erase() from all of them. */
[[nodiscard]] int auth_forget(const struct strings *helpers, const char *authfile,
	const char *registry, struct arena *arena);

/** The same as auth_find() gives, from "user:password", or "user" alone with an empty password. */
struct auth auth_of_words(const char *credentials, struct arena *arena);

/** The file that login writes and logout changes. */
const char *auth_file_for_writing(const char *authfile, struct arena *arena);

/**
 * Keeps credentials for a registry ("quay.io", "quay.io/team"): by the helper that the file names
 * for it, or in the file, which is made if it is not there, for the user's eyes only. All else that
 * it holds stays. Tells a story.
 */
[[nodiscard]] int auth_store(
	const char *path, const char *registry, const struct auth *auth, struct arena *arena);

/** Forgets them: 1, or 0 when there were none. NULL forgets all. Tells a story. */
[[nodiscard]] int auth_erase(const char *path, const char *registry, struct arena *arena);

/* ---- auth_helper.c ---- */

/** Asks docker-credential-NAME: 1, or 0 when it knows none. Tells a story. */
[[nodiscard]] int auth_helper_get(
	const char *helper, const char *registry, struct arena *arena, struct auth *ret);
[[nodiscard]] int auth_helper_store(
	const char *helper, const char *registry, const struct auth *auth, struct arena *arena);

/** Forgets: 1, or 0 when it knew none. @registry NULL: all that it lists. Tells a story. */
[[nodiscard]] int auth_helper_erase(const char *helper, const char *registry, struct arena *arena);

/* ---- for auth_write.c, and tests ---- */

#define AUTH_HUB_KEY "https://index.docker.io/v1/" /* Docker Hub's name in Docker's file */

/** The name that an entry's key stands for: without scheme, and without Docker's "/v1/". */
const char *auth_key(const char *key, struct arena *arena);

/** Looks into one file's text: 1 found, 0 not. */
[[nodiscard]] int auth_read(const char *text, size_t length, const char *file, const char *registry,
	const char *repository, struct arena *arena, struct auth *ret);
