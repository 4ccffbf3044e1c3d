// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * `rung oci`: the command line of an OCI runtime, as containerd, Docker, CRI-O, Podman and Buildah
 * call it. Both runc's and crun's spellings are understood.
 */

#include "cli/verb.h"
#include "rungs/container/container.h"

extern const struct verb verb_oci_create, verb_oci_start, verb_oci_run, verb_oci_exec,
	verb_oci_state, verb_oci_kill, verb_oci_delete, verb_oci_list, verb_oci_ps, verb_oci_pause,
	verb_oci_resume, verb_oci_update, verb_oci_events, verb_oci_features, verb_oci_spec,
	verb_oci_checkpoint, verb_oci_restore;

/** Containers for the Tab key. */
extern const struct completer oci_completers[];

/** What stands before the inner verb. */
struct oci_options {
	const char *root, *log, *log_level, *criu, *rootless;
	enum { OCI_LOG_TEXT, OCI_LOG_JSON } log_format;
	enum { OCI_CGROUPFS, OCI_SYSTEMD, OCI_DISABLED } cgroup_manager;
	bool debug, systemd_cgroup, version;
};

/** Where the records are: --root, or /run/rung/oci, or the user's runtime directory. */
const char *oci_state_root(const struct invocation *invocation);

/** --criu, or NULL. */
const char *oci_criu(const struct invocation *invocation);

enum cgroup_manager oci_cgroup_manager(const struct invocation *invocation);

/** Options of create, run and restore. */
struct bundle_options {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	uint32_t preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper;
};
extern const struct option bundle_options[];

/** A bundle that has been read; freed with oci_bundle_fini(). */
struct oci_bundle {
	char *directory; /* absolute */
	char *config;
	size_t config_length;
	struct plan plan;
};

void oci_bundle_fini(struct oci_bundle *bundle);

/** Reads the bundle and fills a request for the container @id. */
[[nodiscard]] int oci_bundle_read(const struct invocation *invocation,
	const struct bundle_options *options, struct oci_bundle *ret_bundle,
	struct container_request *ret_request);

/** Makes the container of a request: container_create(), container_restore(). */
typedef int oci_make_function(const struct container_request *request, const void *context,
	struct container_process *ret_process);

/**
 * Makes it, stays with it to its end, removes it unless @keep. The exit status of its program, or a
 * negative errno.
 */
[[nodiscard]] int oci_stay(
	struct container_request *request, oci_make_function *make, const void *context, bool keep);

/** LISTEN_FDS and NOTIFY_SOCKET of our environment become the container's (see activation.c). */
void oci_pass_activation(struct plan *plan);

/** Descriptors to pass on: --preserve-fds plus those of socket activation (LISTEN_FDS). */
[[nodiscard]] int oci_preserved_fds(uint32_t asked, unsigned *ret_count);
