// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Whose manners an answer has. Where Docker and Podman call a field alike and mean different
 * things by it, or print JSON of another shape, `rung` speaks as Docker does; started as
 * `podman` it speaks as Podman. docs/compatibility.md lists the places.
 */

#include "cli/verb.h"

enum manner { MANNER_DOCKER, MANNER_PODMAN };

/** By the name that the program was started under. */
enum manner manner_of(const struct invocation *invocation);

/** "amd64", "arm64": this machine's processor as images name it (version.c). */
const char *version_architecture(void);
