// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Digests as the OCI image specification writes them (descriptor.md, "Digests"): "sha256:" and 64
 * lower-case hexadecimal digits. Other algorithms are refused: a store that cannot verify a name
 * must not trust it, and the name becomes a file name.
 */

#include <stdbool.h>
#include <stddef.h>

/** "sha256:", 64 digits, NUL. */
#define DIGEST_SIZE 72
#define DIGEST_HEX_LENGTH 64

/** True for exactly "sha256:" and 64 lower-case hexadecimal digits. */
bool digest_is_valid(const char *digest);

/** The 64 digits of a valid digest: its file name. */
const char *digest_hex(const char *digest);

/** True for 1…64 lower-case hexadecimal digits, with "sha256:" in front or not: a short id. */
bool digest_is_prefix(const char *text);

/** The digest of a document that is in memory. */
void digest_of(const void *bytes, size_t length, char ret_digest[static DIGEST_SIZE]);
