// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Images as files: what `save` writes and `load` reads, in the forms that Docker, Podman and skopeo
 * know:
 *
 *	docker-archive   a tar: manifest.json, a configuration, layers as plain tars
 *	oci-archive      a tar of an OCI image layout, blobs as they are
 *	oci-dir          the layout as a directory
 *	docker-dir       a directory: manifest.json and blobs by their digits
 *
 * OCI forms and docker-dir keep every digest; docker-archive keeps the id, but has no manifest.
 */

#include "engine/image/image.h"

enum archive_format {
	ARCHIVE_DOCKER,
	ARCHIVE_OCI,
	ARCHIVE_OCI_DIRECTORY,
	ARCHIVE_DOCKER_DIRECTORY,
};

/** One image of an archive: what `load` tells. */
struct archive_image {
	const char *id;
	struct strings names; /* in full */
};

struct archive_images {
	struct archive_image *images;
	size_t count;
};

/**
 * Reads an archive (also compressed, also from a pipe) into the store and adds its images.
 * @local: short names of OCI archives are localhost/'s, as Podman has them, not Docker Hub's.
 * All images are there afterwards, or those before the first damaged one. Tells a story. Hold the
 * shared lock.
 */
[[nodiscard]] int archive_load(struct store *store, int input_fd, bool local, struct arena *arena,
	struct archive_images *ret_images);

/** The same from a directory that is an OCI image layout. */
[[nodiscard]] int archive_load_directory(struct store *store, const char *path, bool local,
	struct arena *arena, struct archive_images *ret_images);

struct archive_choice {
	const struct image *image;
	struct strings names; /* to be written into the archive, in full; may be none */
};

/** Writes images to a descriptor (a file, a pipe). Tells a story. Hold the shared lock. */
[[nodiscard]] int archive_save(struct store *store, const struct archive_choice *choices,
	size_t count, enum archive_format format, int output_fd);

/** The directory forms; the directory is made if it is not there, and must be empty. */
[[nodiscard]] int archive_save_directory(struct store *store, const struct archive_choice *choices,
	size_t count, enum archive_format format, const char *path);

/**
 * Takes one layer's archive (plain or compressed) from a descriptor into the store, as a blob and
 * unpacked: for import. ret->created_by stays NULL. Hold the shared lock.
 */
[[nodiscard]] int archive_take_layer(
	struct store *store, int input_fd, struct arena *arena, struct image_layer *ret_layer);
