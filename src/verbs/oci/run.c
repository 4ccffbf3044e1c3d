// SPDX-License-Identifier: Apache-2.0

/* `rung oci run`: create and start in one; in the foreground until the program ends. */

#include "base/log.h"
#include "rungs/container/attend.h"
#include "verbs/oci/oci.h"

#include <signal.h>

struct run_options {
	struct bundle_options bundle;
	bool detach, keep;
};

static const struct option run_options[] = {
	{"-d, --detach", "return when the program runs", flag_in(run_options, detach)},
	{"--keep", "keep the stopped container", flag_in(run_options, keep)},
	{},
};

/* Terminal without a socket: we are at its other end ourselves. */
static int run_attended(struct container_request *request, const struct run_options *options)
{
	autofini(attend_fini) struct attendant attendant;
	bool relay = request->plan->process.terminal && !request->console_socket;
	int r = attend_begin(relay, &attendant);
	if (r < 0)
		return r;
	request->console_fd = attendant.console_fd;
	struct container_process process;
	r = container_create(request, &process);
	if (r < 0)
		return r;
	r = attend(&attendant, &process);
	scope_close(&process.pidfd);
	if (r == 128 + SIGKILL && container_oom_kills(request->state_root, request->id) > 0)
		warn("container %s reached its memory limit: out-of-memory kill", request->id);
	if (options->keep)
		return r;
	int deleted = container_delete(request->state_root, request->id, true);
	return r < 0 ? r : deleted < 0 ? deleted : r;
}

static int run(struct invocation *invocation)
{
	const struct run_options *options = options_of(invocation, run_options);
	autofini(oci_bundle_fini) struct oci_bundle bundle = {};
	struct container_request request;
	int r = oci_bundle_read(invocation, &options->bundle, &bundle, &request);
	if (r < 0)
		return r;
	return options->detach ? container_create(&request, NULL) : run_attended(&request, options);
}

const struct verb verb_oci_run = {
	.name = "run",
	.summary = "make and start a container",
	.arguments = "CONTAINER",
	verb_options(run_options, shared_options("Bundle", bundle_options, run_options, bundle)),
	.run = run,
};
