// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What `checkpoint` and `restore` have in common. */

#include "rungs/container/checkpoint.h"
#include "verbs/oci/oci.h"

struct images_options {
	const char *image_path, *work_path;
	bool tcp_established, ext_unix_sk, shell_job, file_locks, lazy_pages, auto_dedup;
	enum { CGROUPS_SOFT, CGROUPS_FULL, CGROUPS_STRICT, CGROUPS_IGNORE } manage_cgroups;
	enum { LOCK_DEFAULT, LOCK_IPTABLES, LOCK_NFTABLES } network_lock;
	struct option_list empty_namespaces;
};
extern const struct option images_options[];

[[nodiscard]] int oci_checkpoint_options(const struct invocation *invocation,
	const struct images_options *images, struct checkpoint_options *ret_options);
