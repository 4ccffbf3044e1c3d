// SPDX-License-Identifier: Apache-2.0

/* `rung attach`: our standard streams and those of a container that runs. */

#include "engine/instance/attach.h"
#include "base/error.h"
#include "verbs/container/chosen.h"
#include "verbs/verbs.h"

struct attach_verb_options {
	const char *detach_keys;
	bool no_input, signal_proxy, latest;
};

static const struct option attach_verb_options[] = {
	{"--detach-keys=KEYS", "keys that leave it running",
		text_in(attach_verb_options, detach_keys), .fallback = "ctrl-p,ctrl-q"},
	{"--no-stdin", "do not pass our standard input on", flag_in(attach_verb_options, no_input)},
	{"--sig-proxy", "pass signals on to the program",
		flag_in(attach_verb_options, signal_proxy)},
	{"-l, --latest", "the one made last", flag_in(attach_verb_options, latest)},
	{},
};

static int check(const struct instance *instance)
{
	if (instance->state.status == INSTANCE_PAUSED) {
		int r = refuse(-EBUSY, "container %s is paused", instance->name);
		hint("rung unpause %s", instance->name);
		return r;
	}
	if (instance->state.status != INSTANCE_RUNNING) {
		int r = refuse(-ESRCH, "you can only attach to running containers: %s is %s",
			instance->name, instance_status_name(instance->state.status));
		hint("rung start -a %s", instance->name);
		return r;
	}
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct attach_verb_options *options = options_of(invocation, attach_verb_options);
	struct instance instance = {};
	int r = attach_check_detach_keys(options->detach_keys);
	if (r == 0)
		r = chosen_find(invocation, options->latest, &instance, NULL);
	if (r == 0)
		r = check(&instance);
	if (r < 0)
		return r;
	int fd = attach_connect(instance.run_directory);
	if (fd < 0)
		return fd;
	const struct attach_options streams = {
		.input = instance.interactive && !options->no_input,
		.output = true,
		.error = true,
		.signal_proxy = options->signal_proxy,
		.detach_keys = options->detach_keys,
	};
	autofini(attach_client_fini) struct attach_client client;
	r = attach_client_begin(&client, fd, &streams);
	if (r < 0)
		return r;
	r = attach_client(&client, true);
	if (r == ATTACH_DETACHED)
		return 0;
	if (r == -ECONNRESET && instance_reload(&instance, invocation->arena) >= 0 &&
		!instance_is_alive(&instance)) {
		error_clear();
		return instance.state.exit_code;
	}
	return r;
}

const struct verb verb_attach = {
	.name = "attach",
	.summary = "connect to a running container's program",
	.arguments = "[CONTAINER]",
	.failure_status = 125,
	verb_options(attach_verb_options),
	.defaults = &(const struct attach_verb_options){.signal_proxy = true},
	.description =
		"Shows what the program writes from now on and, if it was started with -i, gives "
		"it "
		"what we type. Several people can be attached at once. The detach keys leave the "
		"program running; without them the status is the program's.",
	.examples = "Look at a shell that was started with -dit\n"
		    "$ rung attach work\n",
	.run = run,
};
