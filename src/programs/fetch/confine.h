// SPDX-License-Identifier: Apache-2.0
#pragma once

/** Gives up everything but the network and the few files that resolving names and TLS read. */
void confine(void);
