// SPDX-License-Identifier: Apache-2.0
#pragma once

/** The highest capability that the running kernel knows (capabilities(7)). Cached. */
int capabilities_last(void);
