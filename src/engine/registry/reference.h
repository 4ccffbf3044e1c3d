// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * References: the names of images.
 *
 *	[registry[:port]/]path[:tag][@digest]
 *
 * The grammar is that of distribution/reference, which Docker, Podman and the registries share.
 * The first word of a name is a registry when it holds a "." or ":", is "localhost" or has
 * a capital letter; all other names are of Docker Hub: "debian" is docker.io/library/debian.
 */

#include "base/arena.h"
#include "plan/plan.h"

#include <stdbool.h>

/** Longest name without tag and digest, as registries limit it. */
#define REFERENCE_NAME_MAX 255

#define REFERENCE_DOCKER_HUB "docker.io"

struct reference {
	const char *registry;   /* "docker.io", "127.0.0.1:5000", "[::1]:5000" */
	const char *repository; /* "library/debian" */
	const char *tag; /* "latest" where neither tag nor digest was written; else may be NULL */
	const char *digest; /* "sha256:…", or NULL */
};

/**
 * Reads a reference as Docker does. -EINVAL with a story on what the grammar does not know; also
 * 64 hexadecimal digits alone, which are an id and no name. A "docker://" in front, as skopeo and
 * Podman take it, is passed over.
 */
[[nodiscard]] int reference_parse(
	const char *word, struct arena *arena, struct reference *ret_reference);

/** The full name: "docker.io/library/debian:12", with the digest behind where there is one. */
const char *reference_name(const struct reference *reference, struct arena *arena);

/** The name without tag and digest: "docker.io/library/debian". */
const char *reference_repository(const struct reference *reference, struct arena *arena);

/** What distinguishes it at its registry: the digest, or else the tag. */
const char *reference_target(const struct reference *reference);

/** As Docker prints it: "debian:12", "user/app:1", "quay.io/a/b@sha256:…". */
const char *reference_familiar(const struct reference *reference, struct arena *arena);

/** The same for a full name as it stands in the store; a name that is none comes back as it is. */
const char *reference_familiar_name(const char *name, struct arena *arena);

/** Whether the word names its registry, so that no other is asked. */
bool reference_is_qualified(const char *word);

/**
 * The full names that a word can mean, the likeliest first.
 * @local: for looking into the store: "localhost/NAME" stands in front, as Podman calls what was
 * made here.
 *
 * A word with a registry means just that. A short one means what an alias says (registries.conf(5),
 * shortnames.conf), or else the name at each registry of the search list; that is docker.io where
 * nobody configured another. -EINVAL with a story on what is no reference, and when a configuration
 * file cannot be read.
 */
[[nodiscard]] int reference_candidates(
	const char *word, bool local, struct arena *arena, struct strings *ret_names);

/** "sha256:" and 64 small hexadecimal digits. */
bool reference_is_digest(const char *text);

/** Whether the text can be a tag: [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}. */
bool reference_is_tag(const char *text);
