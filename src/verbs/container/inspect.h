// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What `inspect` shows of a container: the object of Docker's and Podman's inspect. Members that
 * only one of them has are always there; where they differ in what a member holds, the manner
 * decides (Name: "/web" or "web"; Config.StopSignal: "SIGTERM" or 15).
 */

#include "engine/instance/instance.h"
#include "plan/json_write.h"
#include "verbs/manner.h"

struct inspection {
	const struct instance *instance;
	const struct run_request *request;
	enum manner manner;
	bool size;
	struct arena *arena;
	struct json_writer *writer;
};

/** The whole object. 0 or negative errno with a story. */
[[nodiscard]] int container_inspect_write(const struct instance *instance, enum manner manner,
	bool size, struct arena *arena, struct json_writer *writer);

/* Chapters. */
void inspect_host_config(const struct inspection *at);
void inspect_network_settings(const struct inspection *at);
void inspect_mounts(const struct inspection *at);
void inspect_config(const struct inspection *at);

/** The words that two chapters need. */
void inspect_pairs(struct json_writer *writer, const char *key, const struct plan_key_value *pairs,
	size_t count);
/** An array, or null where it is empty, as Docker writes most of them. */
void inspect_list(struct json_writer *writer, const char *key, const struct strings *words);
void inspect_text(struct json_writer *writer, const char *key, const char *value);
void inspect_port_bindings(const struct inspection *at, const char *key);
