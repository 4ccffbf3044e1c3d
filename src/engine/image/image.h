// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Images: what the store's index, manifests and configurations mean (OCI image specification 1.1:
 * manifest.md, config.md; Docker's image manifest version 2, schema 2).
 *
 * An image's id is the digest of its configuration, as everywhere. It can have several names, and
 * names can share it through different manifests (pulled from a registry as gzip, loaded from an
 * archive as tar); push sends the manifest that belongs to the name.
 *
 * Two kinds of names: tags ("docker.io/library/debian:12") and digest references
 * ("docker.io/library/debian@sha256:…"), which a pull by digest leaves.
 */

#include "engine/store/store.h"
#include "plan/plan.h"

/** Docker's HEALTHCHECK; config.md knows it as a reserved word. */
struct image_health {
	struct strings test; /* "NONE" | "CMD", word… | "CMD-SHELL", line; empty: not given */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns; /* 0: the default */
	int64_t retries;
};

/** What a container made from the image starts with. */
struct image_config {
	struct strings entrypoint, command, environment;
	const char *user, *working_directory, *stop_signal; /* NULL: not given */
	struct strings volumes, exposed_ports, shell, onbuild;
	struct plan_key_value *labels;
	size_t label_count;
	struct image_health health;
	int64_t stop_timeout_s; /* 0: not given */
};

struct image_history {
	const char *created, *created_by, *author, *comment;
	bool empty_layer;
};

struct image {
	const char *id; /* "sha256:…" of the configuration */
	const char *manifest_digest, *manifest_media_type;
	struct strings names;      /* tags, in full: "docker.io/library/debian:12" */
	struct strings references; /* by digest: "docker.io/library/debian@sha256:…" */
	uint64_t size;             /* bytes of all files of all layers; of the blobs if unknown */
	const char *created;       /* RFC 3339, "" if the configuration does not say */

	/* Filled by image_find() and image_load(), not by image_list(). */
	struct image_config config;
	struct strings layers;   /* digests of the blobs, lowest first */
	struct strings diff_ids; /* digests of the tars in them, lowest first */
	struct image_history *history;
	size_t history_count;
	const char *architecture, *os, *variant, *author, *comment, *docker_version, *parent;
	bool loaded;
};

/* ---- looking ---------------------------------------------------------------- */

/**
 * The image that a person means: a name as `docker run` takes it (reference.h), an id or the
 * beginning of one, with "sha256:" or not. -ENOENT with a story, "no such image"; -EINVAL where a
 * beginning fits several.
 */
[[nodiscard]] int image_find(
	struct store *store, const char *name_or_id, struct arena *arena, struct image *ret_image);

/** The same; *ret_name is the full name it was found by, NULL where by id. */
[[nodiscard]] int image_find_named(struct store *store, const char *name_or_id, struct arena *arena,
	struct image *ret_image, const char **ret_name);

/** All images, newest first, from the index alone. */
[[nodiscard]] int image_list(
	struct store *store, struct arena *arena, struct image **ret_images, size_t *ret_count);

/** Reads the manifest and the configuration of an image from image_list(). */
[[nodiscard]] int image_load(struct store *store, struct image *image, struct arena *arena);

/**
 * The directories that make up its root: absolute paths, topmost first, as overlayfs wants them.
 * Unpacks again what is missing. Hold the shared lock until the container that uses them is
 * written down in <data>/containers.
 */
[[nodiscard]] int image_lowers(struct store *store, const struct image *image, struct arena *arena,
	struct strings *ret_paths);

/* ---- changing --------------------------------------------------------------- */

/**
 * Enters an image whose blobs are all there under a name (tag or digest reference in full, NULL:
 * none). The image that had the name so far loses it. Checks that manifest and configuration are
 * readable and that their blobs exist. Hold the shared lock.
 */
[[nodiscard]] int image_add(struct store *store, const char *manifest_digest,
	const char *media_type, size_t size, const char *name);

/** Gives an image one more name (in full). */
[[nodiscard]] int image_tag(struct store *store, const struct image *image, const char *name);

/** Takes one name (in full) away; an image without names stays as a dangling one. */
[[nodiscard]] int image_untag(struct store *store, const char *name);

/**
 * Takes an image out of the index with all its names and collects what nobody needs any more.
 * Containers that use it keep its layers.
 */
[[nodiscard]] int image_remove(struct store *store, const struct image *image);

struct image_layer {
	const char *digest, *diff_id, *media_type;
	uint64_t size; /* of the blob */
	const char *created_by;
};

/** What commit, import and build change. */
struct image_change {
	const struct image *base;        /* NULL: from nothing */
	const struct image_layer *layer; /* NULL: the configuration alone changes */
	struct image_config config;      /* the whole new one (see image_apply_change()) */
	const char *author, *comment;
	const char *architecture, *os, *variant; /* NULL: the base's, or this machine's */
	const char *created;                     /* RFC 3339; NULL: now */
	const char *name;                        /* in full; NULL: dangling */
	bool docker_format;                      /* schema 2 media types instead of OCI's */
};

/** Writes configuration and manifest and adds the image. Hold the shared lock. */
[[nodiscard]] int image_commit(struct store *store, const struct image_change *change,
	struct arena *arena, const char **ret_id);

/**
 * Applies one `--change` ("CMD [\"sh\"]", "ENV a=b", "EXPOSE 80/tcp" …): the instructions CMD
 * ENTRYPOINT ENV EXPOSE LABEL USER VOLUME WORKDIR STOPSIGNAL ONBUILD HEALTHCHECK SHELL as in a
 * Dockerfile, or with "=" behind the word as podman allows. -EINVAL with a story.
 */
[[nodiscard]] int image_apply_change(
	struct image_config *config, const char *change, struct arena *arena);

/* ---- showing ------------------------------------------------------------------ */

struct json_writer;

/** "repository@digest" for each name's repository, and the digest references. */
void image_digest_names(const struct image *image, struct arena *arena, struct strings *ret_names);

/**
 * The object that `image inspect` prints for it. @docker: ids with "sha256:" and short names, as
 * Docker prints them; otherwise Podman's plain ids and full names.
 */
void image_inspect_write(struct store *store, const struct image *image, bool docker,
	struct arena *arena, struct json_writer *writer);
