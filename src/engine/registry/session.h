// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A command's dealings with registries: one rung-fetch, the configuration read once, and for each
 * repository that is spoken with a remote: where it is and what it wants to see first.
 */

#include "engine/image/document.h"
#include "engine/registry/fetch.h"
#include "engine/registry/pull.h"
#include "engine/registry/registries.h"

struct registry_session {
	struct fetch fetch;
	struct registries registries;
	const struct registry_options *options;
	struct arena *arena;
};
#define REGISTRY_SESSION_NONE \
	{ \
		.fetch = FETCH_NONE \
	}

/** Reads the configuration. The options and the arena must live as long. Tells a story. */
[[nodiscard]] int registry_session_init(struct registry_session *session,
	const struct registry_options *options, struct arena *arena);
void registry_session_fini(struct registry_session *session);

/** How often what failed for a while is tried again. */
unsigned registry_retries(const struct registry_session *session);

struct registry_remote {
	uint64_t endpoint;
	const char *registry, *repository;
	const char *scope; /* "repository:library/debian:pull" */
};

/** Finds its credentials and certificates. @actions: "pull" or "pull,push". Tells a story. */
[[nodiscard]] int registry_connect(struct registry_session *session,
	const struct registries_source *source, const char *actions,
	struct registry_remote *ret_remote);

/** A manifest or an index as the registry has it, its digest verified. */
struct remote_manifest {
	char digest[DIGEST_SIZE];
	const char *media_type;
	const char *text;
	size_t length;
	struct image_manifest parsed;
};

/** @target: a tag or a digest. -ENOENT when the registry has none. Tells a story. */
[[nodiscard]] int registry_fetch_manifest(struct registry_session *session,
	const struct registry_remote *remote, const char *target, struct remote_manifest *ret);

/** A blob of a known digest, not longer than the limit, into memory, verified. Tells a story. */
[[nodiscard]] int registry_fetch_blob(struct registry_session *session,
	const struct registry_remote *remote, const char *digest, size_t limit, struct arena *arena,
	const char **ret_text, size_t *ret_length);

/** Out of an index the manifest for a platform ("os/arch[/variant]", NULL: this machine). */
[[nodiscard]] int registry_choose_platform(const struct image_manifest *index, const char *platform,
	const struct image_descriptor **ret_child);

/** Reads "os/arch[/variant]", "arch" or "os/". -EINVAL with a story. */
[[nodiscard]] int registry_parse_platform(
	const char *text, struct arena *arena, struct image_platform *ret_platform);

/** All tags of a repository. Tells a story. */
[[nodiscard]] int registry_list_tags(struct registry_session *session,
	const struct registry_remote *remote, struct strings *ret_tags);

/**
 * The address in "</v2/a/tags/list?last=x&n=100>; rel=\"next\"" (RFC 8288), NULL without a next
 * page.
 */
const char *registry_next_page(const char *link, struct arena *arena);

/** Tells the listener, if there is one. */
void registry_tell(const struct registry_session *session, const struct registry_news *news);
