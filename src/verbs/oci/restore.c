// SPDX-License-Identifier: Apache-2.0

/* `rung oci restore`: a container from the files of `checkpoint`, where it was. */

#include "rungs/container/attend.h"
#include "verbs/oci/checkpoint.h"

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

static int restore_attended(
	struct container_request *request, const struct checkpoint_options *options)
{
	autofini(attend_fini) struct attendant attendant;
	bool relay = request->plan->process.terminal && !request->console_socket;
	int r = attend_begin(relay, &attendant);
	if (r < 0)
		return r;
	request->console_fd = attendant.console_fd;
	struct container_process process;
	r = container_restore(request, options, &process);
	if (r < 0)
		return r;
	r = attend(&attendant, &process);
	scope_close(&process.pidfd);
	int deleted = container_delete(request->state_root, request->id, true);
	return r < 0 ? r : deleted < 0 ? deleted : r;
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
			       : restore_attended(&request, &restore);
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
