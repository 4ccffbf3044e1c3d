// SPDX-License-Identifier: Apache-2.0

/*
 * `rung run`: a program behind a wall. What it runs in is a directory (--rootfs DIR) or the running
 * system itself (@host); what it changes goes to a layer of its own, which is thrown away at the
 * end or kept under a name.
 */

#include "engine/container/run.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "plan/oci.h"
#include "rungs/container/attend.h"
#include "verbs/container/options.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>

struct run_options {
	struct run_request request;
	bool explain;
};

static const struct option run_options[] = {
	{"--explain", "show what would run, and do not run it", flag_in(run_options, explain)},
	{},
};

/* ---- reading ------------------------------------------------------------------------- */

static const char *choose_id(const struct run_options *options, struct arena *arena)
{
	if (options->request.life.name)
		return options->request.life.name;
	unsigned char random[6] = {};
	if (getrandom(random, sizeof(random), 0) < 0)
		return "run";
	return arena_format(arena, "%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2],
		random[3], random[4], random[5]);
}

static int make_plan(const struct run_options *options, const char *data_root,
	const struct run_layer *layer, struct plan *ret_plan)
{
	struct run_request request = options->request;
	request.id = layer->id;
	request.data_root = data_root;
	request.layer = layer;
	return run_plan(&request, ret_plan);
}

/* A program that begins by looking at its terminal must find the size it will keep. */
static void set_terminal_size(struct plan_process *process)
{
	struct winsize size;
	if (process->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		process->console_width = size.ws_col;
		process->console_height = size.ws_row;
	}
}

/* ---- running -------------------------------------------------------------------------- */

/* Without -i the program reads nothing of ours, as in Docker. */
static int close_input(const struct run_options *options)
{
	if (options->request.process.interactive || options->request.process.terminal)
		return 0;
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return fail(-errno, "open /dev/null");
	return 0;
}

static int run_container(struct container_request *request, const struct run_options *options)
{
	autofini(attend_fini) struct attendant attendant;
	int r = attend_begin(options->request.process.terminal, &attendant);
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
		warn("%s reached its memory limit: out-of-memory kill", request->id);
	int deleted = container_delete(request->state_root, request->id, true);
	return r < 0 ? r : deleted < 0 ? deleted : r;
}

static int run_plan_of(struct invocation *invocation, const struct run_options *options,
	const char *id, const char *state_root, const struct plan *plan)
{
	static const enum cgroup_manager managers[] = {
		CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED};
	autofini(text_fini) struct text config = {};
	plan_write(plan, &config);
	struct container_request request = {
		.state_root = state_root,
		.id = id,
		.bundle = plan->root_path,
		.plan = plan,
		.config = text_get(&config),
		.config_length = config.length,
		.cgroup_manager = managers[options->request.resources.cgroup_manager],
		.console_fd = -1,
		.die_with_starter = true,
	};
	int r = close_input(options);
	if (r == 0)
		r = run_container(&request, options);
	if (r < 0 && error_exit_status())
		invocation->failure_status = error_exit_status();
	return r;
}

static int explain(const struct plan *plan)
{
	autofini(text_fini) struct text out = {};
	plan_explain(plan, &out);
	return fputs(text_get(&out), stdout) < 0 ? fail(-errno, "write the plan") : 0;
}

/* Removes a layer that nobody wants kept; the story of a failure stays as it is. */
static int close_layer(const struct run_options *options, const struct run_layer *layer, int r)
{
	bool started = r >= 0 || error_exit_status();
	if (options->request.life.name && !options->request.life.remove &&
		(started || !layer->is_new))
		return r;
	char story[ERROR_TEXT_MAX], advice[1024];
	int status = error_exit_status();
	snprintf(story, sizeof(story), "%s", error_text());
	snprintf(advice, sizeof(advice), "%s", error_hint());
	int removed = run_layer_remove(layer);
	if (r >= 0)
		return removed < 0 ? removed : r;
	r = error_adopt(r, story, advice);
	error_set_exit_status(status);
	return r;
}

static int run(struct invocation *invocation)
{
	struct run_options *options = options_of(invocation, run_options);
	int r = container_options_read(invocation, &options->request);
	if (r < 0)
		return r;
	if (options->request.image_name && !text_equal(options->request.image_name, "@host"))
		return usage_error(invocation, "what to run in is missing");
	if (options->request.arguments.count == 0)
		return usage_error(invocation, "a COMMAND is missing");
	const char *id = choose_id(options, invocation->arena);
	const char *data_root = places_data(invocation->arena);
	const char *state_root = places_state("containers", invocation->arena);
	autofini(plan_fini) struct plan plan = {};
	autofini(run_layer_fini) struct run_layer layer;
	run_layer_plan(data_root, id, options->request.life.name, invocation->arena, &layer);
	r = container_check_id(id);
	if (r < 0)
		return r;
	if (options->explain) {
		r = make_plan(options, data_root, &layer, &plan);
		return r < 0 ? r : explain(&plan);
	}
	r = run_layer_open(&layer);
	if (r < 0)
		return r;
	if (options->request.life.name)
		r = run_sweep_record(state_root, id);
	if (r == 0)
		r = make_plan(options, data_root, &layer, &plan);
	if (r == 0)
		set_terminal_size(&plan.process);
	if (r == 0)
		r = run_plan_of(invocation, options, id, state_root, &plan);
	r = close_layer(options, &layer, r);
	if (r >= 0)
		run_sweep(data_root, state_root);
	return r;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "run a program behind a wall",
	.arguments = "[@host] COMMAND [ARGUMENT...]",
	.command = true,
	.failure_status = 125,
	verb_options(run_options, container_options(run_options, request)),
	.defaults = &(const struct run_options){.request = RUN_REQUEST_DEFAULTS},
	.description =
		"Runs COMMAND in a container: with namespaces, control groups and a system call "
		"filter of its own. Its root is a directory (--rootfs DIR), for example one that "
		"mmdebstrap made, or @host, the running system itself. Neither is ever changed: "
		"what "
		"the program writes goes to a layer of its own, which is thrown away when it ends, "
		"or kept under a --name, where the next run of that name finds it.\n\n"
		"An ordinary user needs no privileges. In --rootfs he is root; in @host he is "
		"himself, the system is read-only, /tmp is empty and changes to his home and "
		"working directory are caught.\n\n"
		"The status is that of the program; 125 if rung itself failed, 126 if the program "
		"cannot be executed, 127 if it was not found, 128 + n after signal n.",
	.examples = "Try something without consequences\n"
		    "$ rung run @host make install\n"
		    "A shell in another distribution\n"
		    "$ rung run -it --rootfs ./debian bash\n"
		    "With a limit, and one directory to work on\n"
		    "$ rung run -m 512m -v .:/src -w /src --rootfs ./debian make\n",
	.run = run,
};
