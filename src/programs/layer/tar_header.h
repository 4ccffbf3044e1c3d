// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A header's block, field by field (POSIX.1-2017, pax, "ustar Interchange Format"). */

#include "tar.h"

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], modified[12], checksum[8], kind;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");
