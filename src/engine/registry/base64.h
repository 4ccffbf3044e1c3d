// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Base64 (RFC 4648 section 4) for the "user:password" of auth files and headers. */

#include "base/arena.h"

const char *base64_encode(const char *text, struct arena *arena);

/** NULL for what is no base64, or holds a NUL byte (trailing ones are cut off). */
const char *base64_decode(const char *text, struct arena *arena);
