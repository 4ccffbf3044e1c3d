// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the verbs that speak with registries share: their options, the store, how they tell. */

#include "cli/verb.h"
#include "engine/registry/pull.h"
#include "engine/store/store.h"
#include "verbs/registry/bars.h"

struct remote_options {
	const char *authfile, *cert_dir, *credentials;
	bool tls_verify;
	uint64_t retries;
	int64_t retry_delay_ns;
};
extern const struct option remote_options[];

/** The options as the engine takes them. */
struct registry_options remote_options_of(
	const struct invocation *invocation, const struct remote_options *options);

/** --platform, or --os, --arch and --variant, as one word; NULL: this machine's. Tells a story. */
struct platform_options {
	const char *platform, *os, *architecture, *variant;
};
extern const struct option platform_options[];
[[nodiscard]] int platform_options_of(const struct invocation *invocation,
	const struct platform_options *options, const char **ret);

/** Opens the store of this invocation. */
[[nodiscard]] int remote_store_open(struct invocation *invocation, struct store *ret_store);

/** Started under the name docker, a verb answers in Docker's words. */
bool remote_as_docker(const struct invocation *invocation);

/** Asks on the terminal, without showing what is typed where secret. -ENOTTY without one. */
[[nodiscard]] int remote_ask(
	const char *question, bool secret, struct arena *arena, const char **ret_answer);
