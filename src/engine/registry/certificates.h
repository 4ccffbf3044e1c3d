// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Certificates of a registry as containers-certs.d(5) and Docker lay them out: in the directory of
 * its name, *.crt are authorities to trust, a *.cert and *.key of one name identify the client.
 */

#include "base/arena.h"

struct certificates {
	const char *authorities; /* PEM, all of them; NULL: only the system's */
	const char *client, *key;
};

/**
 * Reads --cert-dir, or else the first that exists of ~/.config/containers/certs.d/HOST,
 * /etc/containers/certs.d/HOST, /etc/docker/certs.d/HOST. The files are read here, by the user's
 * own rights: rung-fetch has none. Tells a story.
 */
[[nodiscard]] int certificates_load(
	const char *cert_dir, const char *registry, struct arena *arena, struct certificates *ret);
