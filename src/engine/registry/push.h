// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Pushing: an image of the store becomes one of a registry. What the registry has is not sent, what
 * another of its repositories has is mounted from there; the rest goes up several blobs at once.
 * Layers are sent exactly as they lie in the store; only layers that are plain tar are compressed.
 */

#include "engine/registry/pull.h"

#define PUSH_DIGEST_SIZE 72 /* "sha256:", 64 digits, NUL: DIGEST_SIZE of base/digest.h */

enum registry_format {
	REGISTRY_FORMAT_SAME, /* as the store has it */
	REGISTRY_FORMAT_OCI,
	REGISTRY_FORMAT_DOCKER, /* version 2, schema 2 */
};

/** "oci", "v2s2", "docker"; -EINVAL with a story. */
[[nodiscard]] int registry_parse_format(const char *word, enum registry_format *ret_format);

struct registry_push {
	const char *manifest_digest; /* of a manifest, or of an index with all its children */
	const char *destination;     /* a reference; without tag: latest */
	enum registry_format format;
	const char *compression; /* for plain layers: "gzip" (or NULL), "zstd", "none" */
	int compression_level;   /* 0: the usual one */
	bool children;           /* of an index: send the manifests in it as well */
	uint64_t *ret_size;      /* of the manifest as it was sent; NULL: nobody asks */
};

/**
 * Sends it. *ret_digest: of the manifest as the registry has it now. Tells a story: -EACCES no
 * right to, -EPROTO nonsense, -ENOENT a blob that the store lacks, -ENOTSUP a format that cannot
 * hold the image's layers.
 */
[[nodiscard]] int registry_push(struct store *store, const struct registry_push *push,
	const struct registry_options *options, struct arena *arena,
	char ret_digest[static PUSH_DIGEST_SIZE]);
