// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * OCI runtime-spec JSON ↔ plan. Reading checks everything that can be checked
 * without touching the system: types, ranges, grammar, what excludes what. An
 * error names the place: "config.json: process.rlimits[2].type: unknown limit
 * "RLIMIT_FOO"".
 */

#include "plan/plan.h"

struct text;

/** Largest config.json read, in bytes. */
#define PLAN_JSON_MAX (16u << 20)

/**
 * Reads a configuration. @name is used in errors ("config.json"); @bundle (absolute,
 * may be NULL) is what a relative root path and relative bind sources start from.
 * *ret_plan is the caller's to plan_fini(). -EINVAL with a story on bad input.
 */
[[nodiscard]] int plan_read(const char *json, size_t length, const char *name, const char *bundle,
	struct plan *ret_plan);

/** Reads bundle/config.json (or @config when not NULL). */
[[nodiscard]] int plan_read_bundle(const char *bundle, const char *config, struct plan *ret_plan);

/** Reads a process object (exec --process). Everything lives in @arena. */
[[nodiscard]] int plan_read_process(const char *json, size_t length, const char *name,
	struct arena *arena, struct plan_process *ret_process);

/** Reads a LinuxResources object (update --resources). Everything lives in @arena. */
[[nodiscard]] int plan_read_resources(const char *json, size_t length, const char *name,
	struct arena *arena, struct plan_resources *ret_resources);

/**
 * Reads a seccomp profile (--security-opt seccomp=FILE): a LinuxSeccomp object, or the form
 * of Docker and Podman with "includes", "excludes" and "archMap", of which what applies to
 * @capabilities (the bounding set), this machine and this kernel is kept. Everything lives
 * in @arena.
 */
[[nodiscard]] int plan_read_seccomp(const char *json, size_t length, const char *name,
	const struct plan_capabilities *capabilities, struct arena *arena,
	struct plan_seccomp *ret_seccomp);

/** Writes the plan as runtime-spec JSON, indented by tabs as `rung oci spec` prints it. */
void plan_write(const struct plan *plan, struct text *out);

/** Writes the plan for people: what it will be, see, and be allowed (`--explain`). */
void plan_explain(const struct plan *plan, struct text *out);

/**
 * One container-mount option list, as in config.json's "options" or `-v src:dst:OPTIONS`.
 * Fills flags, propagation, data of @mount; unknown words become data.
 */
void plan_mount_options(
	struct plan_mount *mount, const struct strings *options, struct arena *arena);

/** "CAP_NET_ADMIN", "net_admin" → number of capabilities(7); -EINVAL if unknown. */
[[nodiscard]] int plan_capability(const char *name);
const char *plan_capability_name(int number);

/**
 * Reads the annotation "org.rung.landlock" into the plan:
 *   {"paths":[{"path":"/usr","access":["read","execute"]}],"ports":[{"port":443,
 *    "access":["connect"]}],"scoped":["signal","abstract-unix-socket"],"bestEffort":true}
 */
[[nodiscard]] int plan_landlock_parse(
	const char *json, const char *where, struct arena *arena, struct plan_landlock *ret_rules);
