// SPDX-License-Identifier: Apache-2.0
#include "walls/cgroup/internal.h"
