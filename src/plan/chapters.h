// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The chapters of the specification, each a table in a file of its own. */

#include "plan/shape.h"

extern const struct json_shape plan_shape;      /* config.md; struct plan */
extern const struct json_shape process_shape;   /* config.md "Process" */
extern const struct json_shape mount_shape;     /* config.md "Mounts" */
extern const struct json_shape id_map_shape;    /* config-linux.md "User namespace mappings" */
extern const struct json_shape linux_shape;     /* config-linux.md; struct plan */
extern const struct json_shape device_shape;    /* config-linux.md "Devices" */
extern const struct json_shape resources_shape; /* config-linux.md "Control groups" */
extern const struct json_shape seccomp_shape;   /* config-linux.md "Seccomp" */

/** Ranges must not overlap, overflow or be empty, in the container and on the host. */
[[nodiscard]] int check_id_maps(
	const struct json *at, const char *key, const struct plan_id_maps *maps);

/** "0-3,7": what sched_setaffinity(2) and set_mempolicy(2) are called with. */
[[nodiscard]] int check_number_list(const struct json *at, const char *key, const char *list);

/** A network device's name as the kernel accepts it (dev_valid_name()). */
[[nodiscard]] int check_interface_name(const struct json *at, const char *name);
