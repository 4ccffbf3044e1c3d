// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/complete.h"

/** What CONTAINER stands for: the names of all containers. */
extern const struct completer container_completers[];
