// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Pulling: from a name to an image in the store.
 *
 *	name → manifest → rung-fetch → rung-layer (verifies, unpacks, keeps the blob) → snapshots →
 *image
 *
 * Layers come in parallel, each blob is complete as soon as it has arrived, and what arrived in
 * part is continued by the next pull. Two pulls of one image share the work.
 */

#include "engine/registry/reference.h"

#include <stdint.h>

struct store;

enum registry_policy {
	REGISTRY_POLICY_MISSING, /* ask a registry only when the store has no such image */
	REGISTRY_POLICY_ALWAYS,  /* ask always; a registry that cannot be asked is an error */
	REGISTRY_POLICY_NEVER,   /* the store alone */
	REGISTRY_POLICY_NEWER,   /* ask always; where that fails, the store's image will do */
};

/** "always", "missing", "never", "newer", and Podman's older "true", "false", "ifnotpresent". */
[[nodiscard]] int registry_parse_policy(const char *word, enum registry_policy *ret_policy);

/** What is told on the way. The strings are valid only during the call. */
enum registry_step {
	REGISTRY_TRYING,  /* a name is looked up: subject is it */
	REGISTRY_BLOB,    /* a layer (or the configuration) is being copied: its digest, bytes */
	REGISTRY_SKIPPED, /* it is there already */
	REGISTRY_DONE,    /* it is complete */
	REGISTRY_WRITING, /* all blobs are there; the manifest is written */
};
struct registry_news {
	enum registry_step step;
	const char *subject;  /* a name or a digest */
	bool configuration;   /* the blob is the image's configuration */
	uint64_t done, total; /* bytes; total 0: not known */
};
typedef void registry_listener(const struct registry_news *news, void *context);

struct registry_options {
	const char *platform;    /* "os/architecture[/variant]"; NULL: this machine's */
	const char *authfile;    /* NULL: the usual places, see auth.h */
	const char *credentials; /* "user:password" of --creds; NULL: look them up */
	const char *cert_dir;    /* NULL: /etc/containers/certs.d and /etc/docker/certs.d */
	int tls_verify;          /* 1 yes, 0 no, -1 as registries.conf says */
	enum registry_policy policy;
	int retries;                 /* -1: the usual 3 */
	uint64_t retry_delay_ms;     /* 0: a short one that doubles each time */
	registry_listener *listener; /* NULL: silent */
	void *listener_context;
};
#define REGISTRY_OPTIONS_DEFAULT ((struct registry_options){.tls_verify = -1, .retries = -1})

/**
 * Makes the image that the word means present in the store, as the policy says, and returns its id
 * ("sha256:…" of the configuration). A short name is tried at each registry of the search list.
 * Tells a story: -ENOENT no registry knows it (or the store does not, with POLICY_NEVER), -EACCES
 * credentials are wanted, -EPROTO a registry that answers nonsense or bytes of a wrong digest,
 * -ENOSPC, -EINVAL a bad name, -ENOTSUP no image of that platform.
 */
[[nodiscard]] int registry_pull(struct store *store, const char *word,
	const struct registry_options *options, struct arena *arena, const char **ret_image_id);
