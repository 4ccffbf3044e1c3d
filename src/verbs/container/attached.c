// SPDX-License-Identifier: Apache-2.0

#include "verbs/container/attached.h"

#include "base/error.h"

#include <sys/ioctl.h>

bool attached_passes_through(const struct instance *instance)
{
	return !instance->terminal && instance->log_driver &&
	       text_equal(instance->log_driver, "passthrough");
}

/* A program that begins by looking at its terminal must find the size it will keep. */
void attached_fill_size(const struct instance *instance, struct instance_start *how)
{
	struct winsize size;
	if (instance->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		how->rows = size.ws_row;
		how->columns = size.ws_col;
	}
}

/* The monitor is gone without a word: what became of the container is in its record, if anywhere.
 */
static int ask_record(struct instance *instance, struct arena *arena, int r)
{
	if (r != -ECONNRESET || instance_reload(instance, arena) < 0 || instance_is_alive(instance))
		return r;
	error_clear();
	return instance->state.exit_code;
}

int attached_start(const struct invocation *invocation, struct instance *instance,
	const struct attached_wishes *wishes)
{
	struct instance_start how = INSTANCE_START_DETACHED;
	how.passthrough = attached_passes_through(instance);
	how.request = wishes->request;
	how.interactive = wishes->streams.input;
	how.die_with_caller = wishes->die_with_us;
	attached_fill_size(instance, &how);
	int ours;
	int r = attach_pair(&ours, &how.client_fd);
	if (r < 0)
		return r;
	struct attach_options streams = wishes->streams;
	if (how.passthrough)
		streams.input = streams.output = streams.error = false;
	autofini(attach_client_fini) struct attach_client client = {-1, -1, {}};
	r = attach_client_begin(&client, ours, &streams);
	if (r == 0)
		r = instance_start(instance, invocation->arena, &how);
	if (r < 0)
		return r;
	r = attach_client(&client, true);
	if (r == ATTACH_DETACHED)
		return 0;
	return r < 0 ? ask_record(instance, invocation->arena, r) : r;
}
