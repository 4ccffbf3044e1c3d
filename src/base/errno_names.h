// SPDX-License-Identifier: Apache-2.0
#pragma once

/** "ENOSYS" → 38; -EINVAL for what is no error's name. Tells no story. */
[[nodiscard]] int errno_by_name(const char *name);
