// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox run`: a program of this system that sees only what it was granted. */

#include "engine/sandbox/sandbox.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/sandbox/bus.h"
#include "engine/sandbox/groups.h"
#include "engine/sandbox/profile.h"
#include "engine/sandbox/trees.h"
#include "plan/oci.h"
#include "verbs/dialogue.h"
#include "verbs/verbs.h"

#include <stdio.h>
#include <sys/file.h>

/* As it stands in --writes. */
enum writes { WRITES_DISCARD, WRITES_KEEP };

struct sandbox_run_options {
	const char *profile, *name, *working_directory;
	struct option_list allow, deny, environment;
	enum writes writes;
	uint64_t memory_bytes, disk_bytes, pids;
	int64_t time_ns, cpus_billionths;
	bool explain, new_session, ask, audit;
	const char *learn;
	unsigned preserve_fds;
};

static const struct option sandbox_run_options[] = {
	{"-a, --allow=PERMISSION", "give it this: home, read=PATH, net, …",
		list_in(sandbox_run_options, allow)},
	{"-d, --deny=PERMISSION", "refuse it this, whatever else is allowed",
		list_in(sandbox_run_options, deny)},
	{"--ask", "ask at first use for what is not granted", flag_in(sandbox_run_options, ask),
		.conflicts = "--audit --learn"},
	{"--learn=FILE", "allow all, and write down as a profile what was used",
		text_in(sandbox_run_options, learn), .conflicts = "--audit"},
	{"--audit", "allow all, and say at the end what was not granted",
		flag_in(sandbox_run_options, audit)},
	{"-p, --profile=NAME", "what this profile grants; auto: the one for the program",
		text_in(sandbox_run_options, profile)},
	{"-n, --name=NAME", "keep what it writes under this name",
		text_in(sandbox_run_options, name)},
	{"--writes=discard|keep", "what becomes of what it writes where it may not",
		choice_in(sandbox_run_options, writes)},
	{"-e, --env=NAME[=VALUE]", "set a variable, or let one in",
		list_in(sandbox_run_options, environment)},
	{"-w, --workdir=DIR", "start it there", text_in(sandbox_run_options, working_directory)},
	{"-m, --memory=SIZE", "how much memory it may have",
		size_in(sandbox_run_options, memory_bytes)},
	{"--cpus=NUMBER", "how much of the processors: 1.5 is one and a half",
		decimal_in(sandbox_run_options, cpus_billionths)},
	{"--pids=NUMBER", "how many processes it may have", integer_in(sandbox_run_options, pids)},
	{"--time=DURATION", "end it after that, with status 124",
		duration_in(sandbox_run_options, time_ns)},
	{"--disk=SIZE", "what it may write where nothing is kept",
		size_in(sandbox_run_options, disk_bytes)},
	{"--new-session", "without a controlling terminal",
		flag_in(sandbox_run_options, new_session)},
	{"--preserve-fds=NUMBER", "so many descriptors from 3 on stay open",
		integer_in(sandbox_run_options, preserve_fds)},
	{"--explain", "say what would run, and do not", flag_in(sandbox_run_options, explain)},
	{},
};

struct run {
	struct invocation *invocation;
	const struct sandbox_run_options *options;
	struct arena *arena;
	struct sandbox_wishes wishes;
	const char *profile_name;
	int sandbox_fd, lock_fd; /* of a named one */
	struct sandbox_record record;
	struct sandbox_groups groups;
};

static void run_fini(struct run *run)
{
	close_now(run->lock_fd);
	close_now(run->sandbox_fd);
}

/* ---- wishes ---------------------------------------------------------------------------- */

static int add_words(struct run *run, const struct option_list *words,
	enum permission_answer answer, const struct permission_place *place)
{
	for (size_t i = 0; i < words->count; i++) {
		struct permission permission;
		int r = permission_parse(words->words[i], answer, place, run->arena, &permission);
		if (r < 0)
			return r;
		permissions_add(&run->wishes.permissions, &permission, run->arena);
	}
	return 0;
}

static int use_profile(struct run *run)
{
	struct profile profile;
	const char *name = run->options->profile;
	if (!name || text_equal(name, "none"))
		return 0;
	int r = text_equal(name, "auto")
			? profile_for_program(run->wishes.program, run->arena, &profile)
			: profile_find(name, run->arena, &profile);
	if (r == -ENOENT && text_equal(name, "auto")) {
		r = refuse(r, "there is no profile for %s", run->wishes.program);
		hint("rung sandbox profile list shows those there are");
	}
	if (r == 0)
		r = profile_make_directories(&profile);
	if (r < 0)
		return r;
	run->wishes.permissions = profile.permissions;
	profile_grant_arguments(&profile, run->wishes.arguments.items + 1,
		run->wishes.arguments.count - 1, run->arena, &run->wishes.permissions);
	run->wishes.limits = (struct sandbox_limits){
		.memory_bytes = profile.limits.memory_bytes,
		.disk_bytes = profile.limits.disk_bytes,
		.cpus_billionths = profile.limits.cpus_billionths,
		.pids = profile.limits.pids,
		.time_ms = profile.limits.time_ns / 1000000,
	};
	run->profile_name = profile.name;
	return 0;
}

static void set_limits(struct run *run)
{
	const struct sandbox_run_options *options = run->options;
	struct sandbox_limits *limits = &run->wishes.limits;
	if (options->memory_bytes)
		limits->memory_bytes = options->memory_bytes;
	if (options->disk_bytes)
		limits->disk_bytes = options->disk_bytes;
	if (options->cpus_billionths)
		limits->cpus_billionths = options->cpus_billionths;
	if (options->pids)
		limits->pids = options->pids;
	if (options->time_ns)
		limits->time_ms = options->time_ns < 1000000 ? 1 : options->time_ns / 1000000;
}

static void set_environment(struct run *run)
{
	const struct option_list *given = &run->options->environment;
	struct strings *environment = &run->wishes.environment;
	environment->items = arena_new(run->arena, const char *, given->count + 1);
	for (size_t i = 0; i < given->count; i++) {
		const char *word = given->words[i];
		const char *value = strchr(word, '=') ? word : NULL;
		if (!value && getenv(word))
			value = arena_format(run->arena, "%s=%s", word, getenv(word));
		if (value)
			environment->items[environment->count++] = value;
	}
}

static int read_wishes(struct run *run)
{
	const struct sandbox_run_options *options = run->options;
	struct sandbox_wishes *wishes = &run->wishes;
	wishes->program = run->invocation->arguments[0];
	wishes->arguments =
		(struct strings){run->invocation->arguments, run->invocation->argument_count};
	char here[4096];
	const struct permission_place place = {
		.home = places_home(), .directory = getcwd(here, sizeof(here)) ? here : NULL};
	int r = use_profile(run);
	if (r == 0)
		r = add_words(run, &options->allow, PERMISSION_ALLOW, &place);
	if (r == 0)
		r = add_words(run, &options->deny, PERMISSION_DENY, &place);
	if (r < 0)
		return r;
	set_limits(run);
	set_environment(run);
	wishes->asking = options->ask     ? SANDBOX_ASKING
			 : options->learn ? SANDBOX_LEARNING
			 : options->audit ? SANDBOX_AUDITING
					  : SANDBOX_NOT_ASKING;
	if (options->learn)
		r = path_clean(options->learn, &place, run->arena, &wishes->learn_file);
	if (r < 0)
		return r;
	wishes->new_session = options->new_session;
	wishes->working_directory = arena_strdup(run->arena, place.directory ? here : "/");
	if (options->working_directory)
		r = path_clean(
			options->working_directory, &place, run->arena, &wishes->working_directory);
	return r;
}

/* ---- a named one ------------------------------------------------------------------------- */

static int open_named(struct run *run)
{
	const char *name = run->options->name;
	bool keep = option_given(run->invocation, &run->options->writes)
			    ? run->options->writes == WRITES_KEEP
			    : name != NULL;
	if (keep && !name)
		return usage_error(
			run->invocation, "--writes keep needs a --name to keep it under");
	run->record.name = run->wishes.name = name ? name : "";
	run->record.writes = keep ? "keep" : "discard";
	if (!keep)
		return 0;
	run->sandbox_fd = sandbox_open(name, true);
	if (run->sandbox_fd < 0)
		return run->sandbox_fd;
	run->lock_fd = sandbox_lock(run->sandbox_fd, LOCK_SH | LOCK_NB);
	if (run->lock_fd < 0)
		return run->lock_fd;
	run->wishes.directory = sandbox_directory(name, run->arena);
	run->wishes.directory_fd = run->sandbox_fd;
	return 0;
}

/* ---- running -------------------------------------------------------------------------------- */

static void explain(const struct plan *plan, const struct sandbox_request *request)
{
	autofini(text_fini) struct text text = {};
	plan_explain(plan, &text);
	(void)fputs(text_get(&text), stdout);
	for (size_t i = 0; i < request->place_count; i++)
		(void)printf("%s%s", i ? ", " : "empty and writable: ", request->places[i].path);
	puts("");
}

static int born(pid_t pid, void *context)
{
	struct run *run = context;
	uint64_t start_time = 0;
	run->record.pid = pid;
	if (process_read_start_time(pid, &start_time) < 0)
		return 0; /* it has ended already */
	run->record.start_time = start_time;
	int r = sandbox_groups_enter(&run->groups, pid);
	return r < 0 ? r : sandbox_record_write(&run->record);
}

static void fill_record(struct run *run)
{
	const struct permissions *permissions = &run->wishes.permissions;
	struct strings *words = &run->record.permissions;
	words->items = arena_new(run->arena, const char *, permissions->count + 1);
	for (size_t i = 0; i < permissions->count; i++)
		words->items[words->count++] = arena_format(run->arena, "%s %s",
			permission_answer_names[permissions->items[i].answer],
			permission_word(&permissions->items[i], run->arena));
	run->record.arguments = run->wishes.arguments;
	run->record.profile = run->profile_name ? run->profile_name : "";
	run->record.started = arena_strdup(run->arena, clock_now().text);
}

/* Its own end of the story: what trees_end() could not note is told beside it. */
static int run_in_trees(struct run *run, struct sandbox_request *request, int *ret_status)
{
	int r = run->sandbox_fd < 0 ? 0 : trees_begin(run->sandbox_fd);
	if (r == 0)
		r = sandbox_run(request, ret_status);
	if (r == 0 && run->sandbox_fd >= 0 && trees_end(run->sandbox_fd, run->lock_fd) < 0)
		tell_failure(run->invocation);
	return r;
}

static int execute(struct run *run, int *ret_status)
{
	autofini(plan_fini) struct plan plan = {};
	struct sandbox_request request;
	int r = sandbox_compose(&run->wishes, &plan, &request);
	if (r < 0)
		return r;
	step("composed");
	if (run->options->explain) {
		explain(&plan, &request);
		return 0;
	}
	request.enter_fd = sandbox_record_listen(run->record.path);
	if (request.enter_fd < 0)
		return request.enter_fd;
	fill_record(run);
	request.born = born;
	request.context = run;
	request.keep_fds = run->options->preserve_fds;
	return run_in_trees(run, &request, ret_status);
}

/* What stands around it while it runs: the record, the proxy of its D-Bus, its groups. */
static int execute_with_record(struct run *run, int *ret_status)
{
	struct sandbox_bus bus = {-1, -1};
	const char *path;
	int r = sandbox_record_begin(run->arena, &run->record.id, &path);
	if (r < 0)
		return r;
	run->record.path = run->wishes.state_path = path;
	r = sandbox_bus_start(&run->wishes.permissions, path, run->arena, &bus);
	if (r == 0)
		r = sandbox_groups_make(
			&run->wishes.limits, run->record.id, run->arena, &run->groups);
	run->wishes.limits.held_by_groups = run->groups.made;
	if (r == 0)
		r = execute(run, ret_status);
	sandbox_groups_end(&run->groups);
	sandbox_bus_end(&bus);
	/* Looking for a name that is not there costs as much as removing one that is. */
	bool bare = run->wishes.permissions.count == 0 && run->wishes.asking == SANDBOX_NOT_ASKING;
	sandbox_record_end(path, bare);
	return r;
}

static int run(struct invocation *invocation)
{
	const struct sandbox_run_options *options = options_of(invocation, sandbox_run_options);
	autofini(run_fini) struct run run = {.invocation = invocation,
		.options = options,
		.arena = invocation->arena,
		.sandbox_fd = -1,
		.lock_fd = -1};
	int status = 0;
	int r = read_wishes(&run);
	if (r == 0)
		r = open_named(&run);
	if (r < 0)
		return r;
	r = options->explain ? execute(&run, &status) : execute_with_record(&run, &status);
	if (r < 0 && error_exit_status())
		invocation->failure_status = error_exit_status();
	return r < 0 ? r : status;
}

const struct verb verb_sandbox_run = {
	.name = "run",
	.summary = "run a program that sees only what it was granted",
	.arguments = "PROGRAM [ARGUMENT...]",
	.command = true,
	.failure_status = 125,
	verb_options(sandbox_run_options),
	.description =
		"Runs a program of this system. It sees the system's files, read-only, an empty "
		"home directory, /tmp and /run, its own processes, and no network; variables of "
		"the environment that may be secrets are left out. What it writes is forgotten, "
		"or kept under --name to be looked at and applied.\n\n"
		"PERMISSION is home, home:ro, read=PATH, write=PATH, exec=PATH, net, "
		"net=HOST[:PORT], listen=PORT, dbus=NAME, env=NAME, device=PATH, display, audio, "
		"gpu, camera, usb, ssh-agent, clipboard, notifications, ptrace or userns. What is "
		"only readable and could be written by you can be written to inside: the changes "
		"are caught. Of two that speak of the same thing a refusal holds.\n\n"
		"The status is the program's; 128 + n for signal n, 124 after --time, 125 where "
		"rung failed, 126 and 127 where the program cannot be run or is not there.",
	.examples = "Unpack something strange\n"
		    "$ rung sandbox --allow read=strange.tar -- tar -tf strange.tar\n"
		    "Build where only the project can be changed\n"
		    "$ rung sandbox --allow write=. --allow exec=. make\n"
		    "Look at what an installer would do\n"
		    "$ rung sandbox --name trial --allow home:ro ./install.sh\n"
		    "$ rung sandbox diff trial\n",
	.run = run,
};

static const struct sandbox_run_options explain_defaults = {.explain = true};

const struct verb verb_sandbox_explain = {
	.name = "explain",
	.summary = "show what a program would see and may do",
	.arguments = "PROGRAM [ARGUMENT...]",
	.command = true,
	.failure_status = 125,
	verb_options(sandbox_run_options),
	.defaults = &explain_defaults,
	.description = "Shows the walls that `rung sandbox run` with the same words would put up: "
		       "mounts, namespaces, limits, rules. Nothing is run or made.",
	.run = run,
};
