// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Secrets: words that containers are given and that no image, inspect or command line shows.
 *
 *	<data>/secrets/<id>.json    mode 0600: name, labels, and the secret in base64
 *
 * A name is taken by the hard link <data>/secrets/names/<name>, which one process can make.
 */

#include "plan/plan.h"

/** As in Podman and Docker. */
#define SECRET_SIZE_MAX 512000

struct secret {
	const char *id, *name, *driver, *created, *updated; /* RFC 3339 */
	struct plan_key_value *labels, *options;
	size_t label_count, option_count;
	const char *base64; /* as it is kept */
};

/** Makes one of @size bytes. @replace: one of that name goes. -EEXIST with a story. */
[[nodiscard]] int secret_create(const char *data_root, const struct secret *wanted,
	const void *bytes, size_t size, bool replace, struct arena *arena,
	struct secret *ret_secret);

/** By name, id or the beginning of an id. -ENOENT with a story. */
[[nodiscard]] int secret_find(
	const char *data_root, const char *name, struct arena *arena, struct secret *ret_secret);

/** All, by name. */
[[nodiscard]] int secret_list(
	const char *data_root, struct arena *arena, struct secret **ret_secrets, size_t *ret_count);

[[nodiscard]] int secret_remove(const char *data_root, const struct secret *secret);

/** Its bytes, with a NUL behind them. */
[[nodiscard]] int secret_bytes(
	const struct secret *secret, struct arena *arena, const char **ret_bytes, size_t *ret_size);
