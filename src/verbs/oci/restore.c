// SPDX-License-Identifier: Apache-2.0

/* `rung oci restore`: a container from the files of `checkpoint`, where it was. */

#include "verbs/oci/checkpoint.h"
#include "verbs/oci/oci.h"

struct restore_options {
	struct images_options images;
	struct bundle_options bundle;
	const char *lsm_profile, *lsm_mount_context;
	bool detach;
};

static const struct option restore_options[] = {
	{"-d, --detach", "return when the program runs", flag_in(restore_options, detach)},
	{"--lsm-profile=TYPE:NAME", "another AppArmor profile or SELinux label",
		text_in(restore_options, lsm_profile)},
	{"--lsm-mount-context=CONTEXT", "another SELinux context for the mounts",
		text_in(restore_options, lsm_mount_context)},
	{},
};

static int make(const struct container_request *request, const void *options,
	struct container_process *ret_process)
{
	return container_restore(request, options, ret_process);
}

static int run(struct invocation *invocation)
{
	const struct restore_options *options = options_of(invocation, restore_options);
	autofini(oci_bundle_fini) struct oci_bundle bundle = {};
	struct container_request request = {};
	struct checkpoint_options restore = {};
	int r = oci_checkpoint_options(invocation, &options->images, &restore);
	if (r == 0)
		r = oci_bundle_read(invocation, &options->bundle, &bundle, &request);
	if (r != 0)
		return r;
	restore.lsm_profile = options->lsm_profile;
	restore.lsm_mount_context = options->lsm_mount_context;
	return options->detach ? container_restore(&request, &restore, NULL)
			       : oci_stay(&request, make, &restore, false);
}

const struct verb verb_oci_restore = {
	.name = "restore",
	.summary = "make a container from the files of checkpoint",
	.arguments = "CONTAINER",
	verb_options(restore_options,
		shared_options("Images", images_options, restore_options, images),
		shared_options("Bundle", bundle_options, restore_options, bundle)),
	.run = run,
};
