// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Are the containers, pods, volumes and secrets of a store whole? Everything that is kept as a
 * document can be read, every container has its name, every name its container, and nothing lies
 * about that is none of these.
 */

#include "engine/instance/instance.h"

enum instance_finding {
	INSTANCE_BAD_DOCUMENT, /* of a container, pod, volume or secret: it cannot be read */
	INSTANCE_LOST_STATE,   /* state.json cannot be read; what is true was found out otherwise */
	INSTANCE_LOST_NAME,    /* a container whose name leads elsewhere, or nowhere */
	INSTANCE_STALE_NAME,   /* a name that leads to no container */
	INSTANCE_FOREIGN,      /* what rung did not put there: told, never touched */
};

/** What is found, as it is found. @what: a path below the store. @why: what is wrong, or done. */
typedef void instance_check_listener(enum instance_finding finding, const char *what,
	const char *why, bool repaired, void *context);

struct instance_check_result {
	size_t containers, faults, repaired;
};

/**
 * Looks at everything, and settles what killed commands left, as every command does. @repair: gives
 * lost states and names back, removes stale names, writes a volume's lost description again (its
 * files are untouched). What cannot be read and cannot be made again is put aside whole, in
 * <data>/damaged: nobody but a person can decide to delete it.
 */
[[nodiscard]] int instance_check(bool repair, struct arena *arena,
	instance_check_listener *listener, void *context, struct instance_check_result *ret_result);
