// SPDX-License-Identifier: Apache-2.0

/*
 * `rung run`: create and start in one, with our own streams attached unless -d says otherwise.
 *
 * A run in a directory (--rootfs) or in the host itself (@host) that nobody gave a name is a thing
 * of the moment: it ends with us, its streams are ours, and nothing of it stays.
 */

#include "base/error.h"
#include "base/log.h"
#include "base/places.h"
#include "plan/oci.h"
#include "verbs/container/attached.h"
#include "verbs/container/options.h"
#include "verbs/container/request.h"
#include "verbs/verbs.h"

#include <stdio.h>

struct run_options {
	struct run_request request;
	bool detach, explain, signal_proxy;
	const char *detach_keys;
};

static const struct option run_options[] = {
	{"-d, --detach", "leave it running, print its id", flag_in(run_options, detach)},
	{"--detach-keys=KEYS", "keys that leave it running", text_in(run_options, detach_keys),
		.fallback = "ctrl-p,ctrl-q"},
	{"--sig-proxy", "pass signals on to the program", flag_in(run_options, signal_proxy),
		.fallback = "true"},
	{"--explain", "show what would run, and do not run it", flag_in(run_options, explain)},
	{},
};

static int explain(struct run_request *request, struct arena *arena)
{
	autofini(plan_fini) struct plan plan = {};
	struct run_layer layer;
	const char *directory =
		arena_format(arena, "%s/containers/%s", places_data(arena), request->id);
	run_layer_in(directory, request->id, arena, &layer);
	request->layer = &layer;
	int r = run_plan(request, &plan);
	if (r < 0)
		return r;
	autofini(text_fini) struct text out = {};
	plan_explain(&plan, &out);
	return fputs(text_get(&out), stdout) < 0 ? fail(-errno, "write the plan") : 0;
}

/* ---- a thing of the moment, or one that lasts --------------------------------------------- */

static bool is_for_the_moment(const struct run_options *options)
{
	return container_has_no_image(&options->request) && !options->request.life.name &&
	       !options->detach;
}

static void set_manners(struct run_options *options)
{
	struct run_request *request = &options->request;
	if (is_for_the_moment(options) && !request->life.restart)
		request->life.remove = true;
	if (container_has_no_image(request) && !options->detach && !request->process.terminal &&
		!request->life.log_driver && request->process.attach.count == 0)
		request->life.log_driver = "passthrough";
}

/*
 * Without an image, a name stands for what the program changed: the next run of that name finds it.
 * 1: *ret_instance is that one.
 */
static int find_earlier(
	const struct run_request *request, struct arena *arena, struct instance *ret_instance)
{
	if (!container_has_no_image(request) || !request->life.name || request->life.replace)
		return 0;
	int r = instance_check_name(request->life.name);
	if (r < 0)
		return r;
	r = instance_find_named(request->life.name, arena, ret_instance);
	if (r == -ENOENT) {
		error_clear();
		return 0;
	}
	if (r < 0 || !text_empty(ret_instance->image_id))
		return r;
	if (instance_is_alive(ret_instance) && !instance_ends_soon(ret_instance, arena)) {
		r = refuse(-EBUSY, "container %s is running already", request->life.name);
		hint("wait for its end, or choose another --name");
		return r;
	}
	return 1;
}

static int create(struct run_request *request, struct arena *arena, struct instance *ret_instance,
	bool *ret_is_new)
{
	int r = find_earlier(request, arena, ret_instance);
	*ret_is_new = r == 0;
	if (r > 0)
		return instance_renew(ret_instance, arena, request);
	if (r == 0)
		r = instance_create(request, arena, ret_instance);
	if (r < 0)
		run_resolve_undo(request);
	return r;
}

/* ---- streams -----------------------------------------------------------------------------------
 */

static bool attaches(const struct strings *streams, const char *name)
{
	if (streams->count == 0)
		return true;
	for (size_t i = 0; i < streams->count; i++)
		if (text_equal(streams->items[i], name))
			return true;
	return false;
}

static struct attached_wishes wishes_of(const struct run_options *options)
{
	const struct strings *streams = &options->request.process.attach;
	const struct process_wishes *process = &options->request.process;
	bool moment = is_for_the_moment(options);
	bool input = streams->count ? attaches(streams, "stdin")
				    : process->interactive || (moment && process->terminal);
	return (struct attached_wishes){
		.streams = {.input = input,
			.output = attaches(streams, "stdout"),
			.error = attaches(streams, "stderr"),
			.foreground = true,
			.signal_proxy = options->signal_proxy,
			.detach_keys = moment ? "" : options->detach_keys},
		.request = &options->request,
		.die_with_us = container_has_no_image(&options->request),
	};
}

static int start(
	struct invocation *invocation, const struct run_options *options, struct instance *instance)
{
	if (options->detach) {
		struct instance_start how = INSTANCE_START_DETACHED;
		how.request = &options->request;
		how.passthrough = attached_passes_through(instance);
		attached_fill_size(instance, &how);
		int r = instance_start(instance, invocation->arena, &how);
		if (r >= 0)
			puts(instance->id);
		return r;
	}
	const struct attached_wishes wishes = wishes_of(options);
	return attached_start(invocation, instance, &wishes);
}

/* What could not be started is not kept where nobody wanted it kept; the story stays. */
static int drop(struct instance *instance, struct arena *arena, int r)
{
	char story[ERROR_TEXT_MAX], advice[1024];
	int status = error_exit_status();
	(void)snprintf(story, sizeof(story), "%s", error_text());
	(void)snprintf(advice, sizeof(advice), "%s", error_hint());
	const struct instance_removal how = {.force = true, .volumes = true};
	if (instance_remove(instance, arena, &how) < 0)
		warn("%s", error_text());
	r = error_adopt(r, story, advice);
	error_set_exit_status(status);
	return r;
}

static int run(struct invocation *invocation)
{
	struct run_options *options = options_of(invocation, run_options);
	struct run_request *request = &options->request;
	request->dry = options->explain;
	int r = attach_check_detach_keys(options->detach_keys);
	request->dry = options->explain;
	if (r == 0)
		r = container_request(invocation, request);
	if (r < 0)
		return r;
	if (options->explain)
		return explain(request, invocation->arena);
	set_manners(options);
	struct instance instance;
	bool is_new;
	r = create(request, invocation->arena, &instance, &is_new);
	if (r < 0)
		return r;
	r = start(invocation, options, &instance);
	if (r >= 0)
		return r;
	bool unwanted = request->life.remove ||
			(is_new && container_has_no_image(request) && !error_exit_status());
	if (unwanted && !instance_is_alive(&instance))
		r = drop(&instance, invocation->arena, r);
	if (error_exit_status())
		invocation->failure_status = error_exit_status();
	return r;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "run a program in a new container",
	.arguments = "[IMAGE] [COMMAND [ARGUMENT...]]",
	.command = true,
	.failure_status = 125,
	.own_failure_status = true, /* Docker's, too */
	verb_options(run_options, container_options(run_options, request)),
	.defaults =
		&(const struct run_options){.request = RUN_REQUEST_DEFAULTS, .signal_proxy = true},
	.description =
		"Makes a container and runs COMMAND in it, behind a wall of namespaces, control "
		"groups and a system call filter. Its root is an image, which is pulled if it is "
		"not here, a directory (--rootfs DIR), for example one that mmdebstrap made, or "
		"@host, the running system itself. None of them is ever changed: what the program "
		"writes goes to a layer of its own.\n\n"
		"The container stays when the program has ended, until rung rm, unless --rm is "
		"given. One without an image and without a --name is a thing of the moment and is "
		"always removed; under a --name the next run of that name finds what it changed."
		"\n\n"
		"An ordinary user needs no privileges. In an image he is root; in @host he is "
		"himself, the system is read-only, /tmp is empty and changes to his home and "
		"working directory are caught.\n\n"
		"The status is that of the program; 125 if rung itself failed, 126 if the program "
		"cannot be executed, 127 if it was not found, 128 + n after signal n.",
	.examples = "A shell in an image\n"
		    "$ rung run -it --rm debian bash\n"
		    "A service in the background\n"
		    "$ rung run -d --name web --restart always nginx\n"
		    "Try something without consequences\n"
		    "$ rung run @host make install\n"
		    "With a limit, and one directory to work on\n"
		    "$ rung run -m 512m -v .:/src -w /src --rootfs ./debian make\n",
	.run = run,
};
