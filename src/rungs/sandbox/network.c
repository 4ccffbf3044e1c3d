// SPDX-License-Identifier: Apache-2.0

/*
 * The network namespace takes a third of a start: the kernel sets up routes, sysctls, loopback and
 * all protocols anew. So a helper makes it on another processor while PID 1 builds the root; it
 * is no more than a second stack in PID 1's memory and table of descriptors, and has ended before
 * anything else is started inside.
 *
 * The two share errno. A call of the helper's writes it only when it fails, and then the start
 * fails anyway; at worst with the other's words.
 */

#include "base/error.h"
#include "base/scope.h"
#include "rungs/sandbox/internal.h"
#include "walls/netns.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static int make(void *context)
{
	struct sandbox_network *network = context;
	network->fd = netns_make();
	return 0;
}

int sandbox_network_begin(struct sandbox_network *network)
{
	network->fd = -ECHILD; /* until it says otherwise */
	network->helper = clone(make, network->stack + sizeof(network->stack),
		CLONE_VM | CLONE_FILES | SIGCHLD, network);
	return network->helper < 0 ? fail(-errno, "make a network namespace") : 0;
}

int sandbox_network_enter(struct sandbox_network *network)
{
	while (waitpid(network->helper, NULL, 0) < 0)
		if (errno != EINTR)
			return fail(-errno, "make a network namespace");
	if (network->fd < 0)
		return network->fd;
	autoclose int fd = network->fd;
	return setns(fd, CLONE_NEWNET) < 0 ? fail(-errno, "enter the network namespace") : 0;
}
