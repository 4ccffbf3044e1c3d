// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Blobs on their way to a registry. */

#include "engine/registry/session.h"

struct upload {
	const char *digest;
	uint64_t size;
	bool configuration;
	const char *from; /* another repository of this registry that has it, NULL: not known */
	int fd;           /* its bytes; the caller's to close */

	/* upload.c's own */
	int step;
	bool in_parts; /* from now on */
	uint64_t request, offset, part_length, chunk;
	uint64_t farthest; /* offset that was ever reached */
	const char *location;
	unsigned attempts;
	int64_t wake_ms;
};

/** Brings all of them there, several at once. Tells a story. */
[[nodiscard]] int registry_upload(struct registry_session *session,
	const struct registry_remote *remote, struct upload *uploads, size_t count);
