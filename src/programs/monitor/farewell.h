// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What clients have not read when the program ends, and the process that stays with them. */

#include "engine/instance/wire.h"

/** Keeps a chunk for those who are behind. */
void farewell_keep(enum wire_kind kind, const void *bytes, size_t length);

/** How much is kept: the place of the next chunk. */
size_t farewell_length(void);

/** A client whose first missing chunk is at @place. Its descriptor stays open in this process. */
void farewell_add_client(int fd, unsigned wants, size_t place);

/** Sends each of them the rest and the exit status, from another process. Returns at once. */
void farewell_send(int exit_status);
