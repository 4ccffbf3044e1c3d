// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Is the store whole? Every blob has the digest that is its name, every image's documents can be
 * read, its layers are there and are what the configuration says, every unpacked layer belongs to
 * somebody and was not cut short by a loss of power.
 */

#include "engine/image/image.h"

enum check_finding {
	CHECK_BAD_INDEX,        /* index.json cannot be read */
	CHECK_BAD_BLOB,         /* bytes that are not those of the name */
	CHECK_BROKEN_IMAGE,     /* a manifest, configuration or layer is missing or damaged */
	CHECK_DOUBTFUL_LAYER,   /* unpacked just before the power went */
	CHECK_MISSING_SNAPSHOT, /* not unpacked: costs time at the next run, nothing else */
	CHECK_GARBAGE,          /* nobody needs it; the next removal collects it */
};

/** What is found, as it is found. @what names it, @why says what is wrong. */
typedef void check_listener(enum check_finding finding, const char *what, const char *why,
	bool repaired, void *context);

struct check_result {
	size_t images, blobs, snapshots;
	size_t faults;   /* of the store; garbage and missing snapshots are none */
	size_t repaired; /* of them */
};

/**
 * Looks at everything. @quick: names and sizes, not the bytes of layers. @repair: deletes damaged
 * blobs and doubtful layers, takes broken images out of the list, makes the list again from the
 * manifests that are there if it cannot be read, and collects garbage. Tells a story only where
 * looking itself fails.
 */
[[nodiscard]] int image_check(struct store *store, bool quick, bool repair,
	check_listener *listener, void *context, struct check_result *ret_result);
