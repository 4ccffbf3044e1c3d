// SPDX-License-Identifier: Apache-2.0

/* `rung oci create`: everything is set up, the program waits for `start`. */

#include "verbs/oci/oci.h"

struct create_options {
	struct bundle_options bundle;
};

static const struct option create_options[] = {{}};

static int run(struct invocation *invocation)
{
	const struct create_options *options = options_of(invocation, create_options);
	autofini(oci_bundle_fini) struct oci_bundle bundle = {};
	struct container_request request;
	int r = oci_bundle_read(invocation, &options->bundle, &bundle, &request);
	if (r < 0)
		return r;
	request.wait_for_start = true;
	return container_create(&request, NULL);
}

const struct verb verb_oci_create = {
	.name = "create",
	.summary = "make a container that waits for its start",
	.arguments = "CONTAINER",
	verb_options(
		create_options, shared_options("Bundle", bundle_options, create_options, bundle)),
	.run = run,
};
