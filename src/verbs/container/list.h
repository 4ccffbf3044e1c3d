// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The verbs of this folder; see verbs/verbs.h. CONTAINER_VERBS stand at the program,
 * CONTAINER_INNER_VERBS below the noun "container".
 */

#define CONTAINER_VERBS(HEADING, VERB, AS) \
	HEADING("Containers") \
	VERB(run) \
	VERB(create) \
	VERB(start) \
	VERB(stop) \
	VERB(restart) \
	VERB(kill) \
	VERB(pause) \
	VERB(unpause) \
	VERB(wait) \
	VERB(rename) \
	VERB(init) \
	VERB(rm) \
	VERB(ps) \
	VERB(inspect) \
	VERB(top) \
	VERB(stats) \
	VERB(diff) \
	VERB(cp) \
	VERB(export) \
	VERB(commit) \
	VERB(update) \
	VERB(mount) \
	VERB(unmount) \
	VERB(port) \
	VERB(attach) \
	VERB(exec) \
	VERB(logs) \
	VERB(healthcheck) \
	VERB(container) \
	VERB(ended) \
	VERB(health)

#define CONTAINER_INNER_VERBS(VERB, AS) \
	VERB(run) \
	VERB(create) \
	VERB(start) \
	VERB(stop) \
	VERB(restart) \
	VERB(kill) \
	VERB(pause) \
	VERB(unpause) \
	VERB(wait) \
	VERB(rename) \
	VERB(init) \
	VERB(rm) \
	VERB(attach) \
	VERB(exec) \
	VERB(logs) \
	VERB(container_prune) \
	VERB(container_exists) \
	VERB(ps) \
	VERB(container_inspect) \
	VERB(top) \
	VERB(stats) \
	VERB(diff) \
	VERB(cp) \
	VERB(export) \
	VERB(commit) \
	VERB(update) \
	VERB(mount) \
	VERB(unmount) \
	VERB(port)
