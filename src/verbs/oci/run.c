// SPDX-License-Identifier: Apache-2.0

/* `rung oci run`: create and start in one; in the foreground until the program ends. */

#include "verbs/oci/oci.h"

struct run_options {
	struct bundle_options bundle;
	bool detach, keep;
};

static const struct option run_options[] = {
	{"-d, --detach", "return when the program runs", flag_in(run_options, detach)},
	{"--keep", "keep the stopped container", flag_in(run_options, keep)},
	{},
};

static int make(const struct container_request *request, const void *unused,
	struct container_process *ret_process)
{
	return container_create(request, ret_process);
}

static int run(struct invocation *invocation)
{
	const struct run_options *options = options_of(invocation, run_options);
	autofini(oci_bundle_fini) struct oci_bundle bundle = {};
	struct container_request request;
	int r = oci_bundle_read(invocation, &options->bundle, &bundle, &request);
	if (r < 0)
		return r;
	return options->detach ? container_create(&request, NULL)
			       : oci_stay(&request, make, NULL, options->keep);
}

const struct verb verb_oci_run = {
	.name = "run",
	.summary = "make and start a container",
	.arguments = "CONTAINER",
	verb_options(run_options, shared_options("Bundle", bundle_options, run_options, bundle)),
	.run = run,
};
