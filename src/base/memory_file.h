// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Files that exist only in memory and only as a descriptor (memfd_create(2)). */

#include <stdbool.h>

/**
 * A new one, close-on-exec, that can be sealed. @executable: it may be executed, which the kernel
 * wants to be told since Linux 6.3 (where sysctl vm.memfd_noexec is 2, it is -EACCES). @name is
 * for /proc alone. Tells no story.
 */
[[nodiscard]] int memory_file(const char *name, bool executable);

/** From now on nobody changes it, whoever has it open. Tells no story. */
[[nodiscard]] int memory_file_seal(int fd);
