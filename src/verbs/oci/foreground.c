// SPDX-License-Identifier: Apache-2.0

/* What run and restore do without --detach: they stay with the container and remove it afterwards.
 */

#include "base/log.h"
#include "rungs/container/attend.h"
#include "verbs/oci/oci.h"

#include <signal.h>

/* Terminal without a socket: we are at its other end ourselves. */
int oci_stay(
	struct container_request *request, oci_make_function *make, const void *context, bool keep)
{
	autofini(attend_fini) struct attendant attendant;
	bool relay = request->plan->process.terminal && !request->console_socket;
	int r = attend_begin(relay, &attendant);
	if (r < 0)
		return r;
	request->console_fd = attendant.console_fd;
	struct container_process process;
	r = make(request, context, &process);
	if (r < 0)
		return r;
	r = attend(&attendant, &process);
	scope_close(&process.pidfd);
	if (r == 128 + SIGKILL && container_oom_kills(request->state_root, request->id) > 0)
		warn("container %s reached its memory limit: out-of-memory kill", request->id);
	if (keep)
		return r;
	int deleted = container_delete(request->state_root, request->id, true);
	return r < 0 ? r : deleted < 0 ? deleted : r;
}
