// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * registries.conf(5), version 2, as Podman, Buildah and skopeo read it: which registries are asked
 * for a short name, where a name's images really lie, which mirrors come first, what is insecure or
 * blocked.
 *
 * Read are $CONTAINERS_REGISTRIES_CONF alone; or else ~/.config/containers/registries.conf, or else
 * /etc/containers/registries.conf, and over it /etc/containers/registries.conf.d/ *.conf,
 * ~/.config/containers/registries.conf.d/ *.conf and Podman's own short-name-aliases.conf.
 */

#include "engine/registry/reference.h"

struct registries_mirror {
	const char *location;
	bool insecure;
	enum { MIRROR_ALL, MIRROR_DIGEST_ONLY, MIRROR_TAG_ONLY } pull;
};

/** A [[registry]]. */
struct registries_entry {
	const char *prefix, *location; /* either may be missing */
	bool insecure, blocked, mirror_by_digest_only;
	struct registries_mirror *mirrors;
	size_t mirror_count;
};

struct registries_alias {
	const char *name, *value; /* value "": the alias of an earlier file is taken back */
};

struct registries {
	struct strings search; /* "docker.io" where nobody says otherwise */
	struct strings credential_helpers;
	struct registries_entry *entries;
	size_t entry_count;
	struct registries_alias *aliases; /* the last of a name counts */
	size_t alias_count;
};

/** Reads the files of this user. Tells a story that names file and line. */
[[nodiscard]] int registries_load(struct arena *arena, struct registries *ret);

/** Reads one file's text over what is there. */
[[nodiscard]] int registries_read(
	const char *text, const char *file, struct arena *arena, struct registries *registries);

/** What an alias says about a short name without tag, NULL if there is none. */
const char *registries_alias(const struct registries *registries, const char *name);

/** A place where an image may be had. */
struct registries_source {
	const char *registry; /* host with port */
	const char *repository;
	bool insecure, mirror;
};

/**
 * The places to ask for a reference, in order: mirrors, then the registry itself. @push: the
 * registry alone. -EPERM with a story when it is blocked.
 */
[[nodiscard]] int registries_sources(const struct registries *registries,
	const struct reference *reference, bool push, struct arena *arena,
	struct registries_source **ret_sources, size_t *ret_count);

/** Whether a registry by this name is on this machine: its traffic never leaves it. */
bool registries_is_loopback(const char *registry);
