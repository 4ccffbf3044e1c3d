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
#include "verbs/verbs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>

struct run_options {
	const char *rootfs, *name, *working_directory, *user, *hostname, *cpuset_cpus;
	bool remove, interactive, tty, read_only, init, privileged, explain;
	struct option_list volumes, environment, environment_files, tmpfs, cap_add, cap_drop;
	struct option_list security_options, ulimits, devices;
	enum run_network network;
	uint64_t memory_bytes, cpu_shares, shm_bytes;
	int64_t memory_swap_bytes, cpus_billionths, pids_limit;
	enum { MANAGER_CGROUPFS, MANAGER_SYSTEMD, MANAGER_DISABLED } cgroup_manager;
};

static const struct option run_options[] = {
	{"--rootfs=DIR", "the directory to run in", text_in(run_options, rootfs)},
	{"--name=NAME", "keep what the program changes under NAME", text_in(run_options, name)},
	{"--rm", "throw a named container's changes away at the end", flag_in(run_options, remove)},
	{"-i, --interactive", "pass standard input on", flag_in(run_options, interactive)},
	{"-t, --tty", "give the program a terminal", flag_in(run_options, tty)},
	{"-v, --volume=SOURCE:DEST[:OPTIONS]", "show a host directory or file in the container",
		list_in(run_options, volumes)},
	{"--tmpfs=DEST[:OPTIONS]", "an empty directory in memory", list_in(run_options, tmpfs)},
	{"-e, --env=NAME[=VALUE]", "set a variable, or pass ours on",
		list_in(run_options, environment)},
	{"--env-file=FILE", "set the variables in FILE, one a line",
		list_in(run_options, environment_files)},
	{"-w, --workdir=DIR", "working directory", text_in(run_options, working_directory)},
	{"-u, --user=USER[:GROUP]", "run as this user of the image", text_in(run_options, user)},
	{"-h, --hostname=NAME", "host name", text_in(run_options, hostname)},
	{"--network, --net=none|host", "no network but a loopback, or the host's",
		choice_in(run_options, network)},
	{"--init", "run rung-init as process 1", flag_in(run_options, init)},
	{"--explain", "show what would run, and do not run it", flag_in(run_options, explain)},
	{"-m, --memory=SIZE", "memory limit", size_in(run_options, memory_bytes)},
	{"--memory-swap=SIZE", "memory and swap together; -1: unlimited",
		limit_in(run_options, memory_swap_bytes)},
	{"--cpus=NUMBER", "how many CPUs' time", decimal_in(run_options, cpus_billionths)},
	{"-c, --cpu-shares=NUMBER", "weight among others", integer_in(run_options, cpu_shares)},
	{"--cpuset-cpus=LIST", "CPUs to run on", text_in(run_options, cpuset_cpus)},
	{"--pids-limit=NUMBER", "most processes; -1: unlimited",
		integer_in(run_options, pids_limit)},
	{"--shm-size=SIZE", "size of /dev/shm", size_in(run_options, shm_bytes)},
	{"--ulimit=NAME=SOFT[:HARD]", "resource limit of the program",
		list_in(run_options, ulimits)},
	{"--device=DEVICE[:DEST[:rwm]]", "give it a device of the host",
		list_in(run_options, devices)},
	{"--read-only", "nothing can be changed but volumes", flag_in(run_options, read_only)},
	{"--cap-add=CAPABILITY", "give it a capability", list_in(run_options, cap_add)},
	{"--cap-drop=CAPABILITY", "take a capability away", list_in(run_options, cap_drop)},
	{"--security-opt=OPTION", "no-new-privileges, seccomp=FILE, mask=PATH, unmask=PATH, …",
		list_in(run_options, security_options)},
	{"--privileged", "all capabilities, no filter, any device may be made",
		flag_in(run_options, privileged)},
	{"--cgroup-manager=cgroupfs|systemd|disabled", "who makes the control groups",
		choice_in(run_options, cgroup_manager)},
	{},
};

/* ---- reading ------------------------------------------------------------------------- */

static struct strings words(const struct option_list *list)
{
	return (struct strings){list->words, list->count};
}

static int add_file(const char *path, struct arena *arena, struct strings *variables, size_t *room)
{
	autofree char *content = NULL;
	int r = fs_read(AT_FDCWD, path, 1 << 20, &content, NULL);
	if (r < 0)
		return fail(r, "--env-file %s", path);
	char *rest = arena_strdup(arena, content), *line;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		if (variables->count + 1 >= *room) {
			*room *= 2;
			const char **more = arena_new(arena, const char *, *room);
			memcpy(more, variables->items, variables->count * sizeof(*more));
			variables->items = more;
		}
		variables->items[variables->count++] = line;
	}
	return 0;
}

/* Files first, so that --env wins: of two equal names the last one counts. */
static int read_environment(
	const struct run_options *options, struct arena *arena, struct strings *ret_variables)
{
	size_t room = options->environment.count + 64;
	struct strings variables = {arena_new(arena, const char *, room), 0};
	for (size_t i = 0; i < options->environment_files.count; i++) {
		int r = add_file(options->environment_files.words[i], arena, &variables, &room);
		if (r < 0)
			return r;
	}
	struct strings files = variables;
	variables.items =
		arena_new(arena, const char *, files.count + options->environment.count + 1);
	memcpy(variables.items, files.items, files.count * sizeof(*files.items));
	for (size_t i = 0; i < options->environment.count; i++)
		variables.items[variables.count++] = options->environment.words[i];
	*ret_variables = variables;
	return 0;
}

static int choose_root(
	struct invocation *invocation, const struct run_options *options, const char ***ret_command)
{
	const char **arguments = invocation->arguments;
	if (!options->rootfs) {
		if (!arguments[0] || !text_equal(arguments[0], "@host")) {
			int r = usage_error(invocation, "what to run in is missing");
			hint("say @host before the command, or --rootfs DIR");
			return r;
		}
		arguments++;
		if (arguments[0] && arguments[0][0] == '-')
			return usage_error(
				invocation, "option %s must come before @host", arguments[0]);
	}
	if (!arguments[0])
		return usage_error(invocation, "a COMMAND is missing");
	*ret_command = arguments;
	return 0;
}

static const char *choose_id(const struct run_options *options, struct arena *arena)
{
	if (options->name)
		return options->name;
	unsigned char random[6] = {};
	if (getrandom(random, sizeof(random), 0) < 0)
		return "run";
	return arena_format(arena, "%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2],
		random[3], random[4], random[5]);
}

static int make_plan(struct invocation *invocation, const struct run_options *options,
	const char *data_root, const struct run_layer *layer, struct plan *ret_plan)
{
	struct run_request request = {
		.id = layer->id,
		.data_root = data_root,
		.layer = layer,
		.rootfs = options->rootfs,
		.working_directory = options->working_directory,
		.user = options->user,
		.hostname = options->hostname,
		.terminal = options->tty,
		.read_only = options->read_only,
		.init = options->init,
		.privileged = options->privileged,
		.volumes = words(&options->volumes),
		.tmpfs = words(&options->tmpfs),
		.cap_add = words(&options->cap_add),
		.cap_drop = words(&options->cap_drop),
		.security_options = words(&options->security_options),
		.ulimits = words(&options->ulimits),
		.devices = words(&options->devices),
		.network = options->network,
		.memory_bytes = options->memory_bytes,
		.memory_swap_bytes = options->memory_swap_bytes,
		.cpus_billionths = options->cpus_billionths,
		.cpu_shares = options->cpu_shares,
		.cpuset_cpus = options->cpuset_cpus,
		.pids_limit = options->pids_limit,
		.shm_bytes = options->shm_bytes,
	};
	const char **command = NULL;
	int r = choose_root(invocation, options, &command);
	if (r == 0)
		r = read_environment(options, invocation->arena, &request.environment);
	if (r < 0)
		return r;
	request.command = command;
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
	if (options->interactive || options->tty)
		return 0;
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return fail(-errno, "open /dev/null");
	return 0;
}

static int run_container(struct container_request *request, const struct run_options *options)
{
	autofini(attend_fini) struct attendant attendant;
	int r = attend_begin(options->tty, &attendant);
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
		.cgroup_manager = managers[options->cgroup_manager],
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
	if (options->name && !options->remove && (started || !layer->is_new))
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
	const struct run_options *options = options_of(invocation, run_options);
	const char *id = choose_id(options, invocation->arena);
	const char *data_root = places_data(invocation->arena);
	const char *state_root = places_state("containers", invocation->arena);
	autofini(plan_fini) struct plan plan = {};
	autofini(run_layer_fini) struct run_layer layer;
	run_layer_plan(data_root, id, options->name, invocation->arena, &layer);
	int r = container_check_id(id);
	if (r < 0)
		return r;
	if (options->explain) {
		r = make_plan(invocation, options, data_root, &layer, &plan);
		return r < 0 ? r : explain(&plan);
	}
	r = run_layer_open(&layer);
	if (r < 0)
		return r;
	if (options->name)
		r = run_sweep_record(state_root, id);
	if (r == 0)
		r = make_plan(invocation, options, data_root, &layer, &plan);
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
	verb_options(run_options),
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
