// SPDX-License-Identifier: Apache-2.0

/*
 * `rung exec`: one more program in a running container. We are its parent and it has our own
 * standard streams, so nothing stands between it and a pipe; with -t it has a terminal of the
 * container, which we relay. With -d a process of its own stays behind to reap it.
 */

#include "engine/container/exec.h"
#include "base/error.h"
#include "base/fs.h"
#include "engine/instance/attach.h"
#include "engine/instance/detach_keys.h"
#include "rungs/container/attend.h"
#include "rungs/container/protect.h"
#include "verbs/container/chosen.h"
#include "verbs/container/preserve.h"
#include "verbs/oci/oci.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

struct exec_verb_options {
	bool detach, interactive, terminal, privileged, latest;
	struct option_list environment, environment_files;
	const char *user, *working_directory, *detach_keys;
	uint64_t preserve_fds;
	struct option_list preserve_fd, cidfiles;
	bool no_session;
};

static const struct option exec_verb_options[] = {
	{"-d, --detach", "return when the program runs", flag_in(exec_verb_options, detach)},
	{"-i, --interactive", "pass standard input on", flag_in(exec_verb_options, interactive)},
	{"-t, --tty", "give the program a terminal", flag_in(exec_verb_options, terminal)},
	{"-e, --env=NAME[=VALUE]", "set a variable, or pass ours on",
		list_in(exec_verb_options, environment)},
	{"--env-file=FILE", "set the variables in FILE, one a line",
		list_in(exec_verb_options, environment_files)},
	{"-u, --user=USER[:GROUP]", "run as this user of the container",
		text_in(exec_verb_options, user)},
	{"-w, --workdir=DIR", "working directory", text_in(exec_verb_options, working_directory)},
	{"--privileged", "all capabilities", flag_in(exec_verb_options, privileged)},
	{"--detach-keys=KEYS", "keys that leave it running",
		text_in(exec_verb_options, detach_keys), .fallback = "ctrl-p,ctrl-q"},
	{"--preserve-fds=NUMBER", "pass so many descriptors from 3 on",
		integer_in(exec_verb_options, preserve_fds)},
	{"--preserve-fd=FD", "pass this descriptor on", list_in(exec_verb_options, preserve_fd)},
	{"--cidfile=FILE", "in the one whose id is in FILE", list_in(exec_verb_options, cidfiles)},
	{"--no-session", "", flag_in(exec_verb_options, no_session), .hidden = true},
	{"-l, --latest", "in the container made last", flag_in(exec_verb_options, latest)},
	{},
};

/* What one exec needs from beginning to end. */
struct execution {
	const struct exec_verb_options *options;
	struct instance instance;
	const char *id; /* of this execution: for events, and to be printed */
	struct container_record record;
	struct plan plan;
	struct plan_process process;
	uint64_t preserved_fds;
	struct container_exec_request request;
};

static void execution_fini(struct execution *execution)
{
	plan_fini(&execution->plan);
	container_record_fini(&execution->record);
}

static void tell(const struct execution *execution, const char *action, int exit_code)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", exit_code);
	const struct plan_key_value extra[] = {{"execID", execution->id}, {"exitCode", number}};
	instance_event(&execution->instance, action, extra, exit_code < 0 ? 1 : 2);
}

/* ---- staying with it ----------------------------------------------------------------------- */

static int open_null(int number, int flags)
{
	autoclose int fd = open("/dev/null", flags | O_CLOEXEC);
	return fd < 0 || dup2(fd, number) < 0 ? fail(-errno, "open /dev/null") : 0;
}

static bool filter(void *context, const unsigned char *typed, size_t length, unsigned char *out,
	size_t *ret_length)
{
	return detach_keys_filter(context, typed, length, out, ret_length);
}

/* The person has gone; the program must not wait for somebody to read its terminal. */
static int leave(struct attendant *attendant, const struct container_process *process)
{
	int r = container_exec_over();
	pid_t child = r < 0 ? r : fork();
	if (child != 0)
		return r < 0 ? r : child < 0 ? fail(-errno, "fork") : 0;
	(void)setsid();
	for (int number = 0; number < 3; number++)
		(void)!open_null(number, O_RDWR);
	attend_detached(attendant, process);
	_exit(0);
}

static int run_here(struct execution *execution)
{
	const struct exec_verb_options *options = execution->options;
	bool at_terminal = options->terminal && isatty(STDIN_FILENO);
	autofini(arena_fini) struct arena arena = {};
	struct detach_keys keys = {};
	const char *words = options->detach_keys;
	if (!words && at_terminal)
		words = attach_default_keys(&arena);
	int r = words ? detach_keys_read(words, &keys) : 0;
	if (r == 0 && !options->interactive)
		r = open_null(STDIN_FILENO, O_RDONLY);
	if (r < 0)
		return r;
	autofini(attend_fini) struct attendant attendant;
	r = attend_begin(options->terminal, &attendant);
	if (r < 0)
		return r;
	if (at_terminal && keys.count) {
		attendant.filter = filter;
		attendant.filter_context = &keys;
	}
	execution->request.console_fd = attendant.console_fd;
	struct container_process process;
	r = container_exec(&execution->request, &process);
	if (r < 0)
		return r;
	tell(execution, "exec_start", -1);
	r = attend(&attendant, &process);
	if (r == ATTEND_DETACHED)
		r = leave(&attendant, &process);
	else if (r >= 0)
		tell(execution, "exec_die", r);
	scope_close(&process.pidfd);
	return r;
}

/* ---- leaving it alone -------------------------------------------------------------------------
 */

/* What the process that stays behind says about the start. */
struct news {
	int r, exit_status;
	char story[1024], advice[256];
};

[[gnu::noreturn]] static void stay_behind(struct execution *execution, int news_fd)
{
	struct news news = {};
	(void)setsid();
	struct container_process process = {};
	for (int number = 0; number < 3 && news.r == 0; number++)
		news.r = open_null(number, O_RDWR);
	if (news.r == 0)
		news.r = container_exec(&execution->request, &process);
	if (news.r < 0) {
		news.exit_status = error_exit_status();
		(void)snprintf(news.story, sizeof(news.story), "%s", error_text());
		(void)snprintf(news.advice, sizeof(news.advice), "%s", error_hint());
	}
	(void)!write(news_fd, &news, sizeof(news));
	(void)close(news_fd);
	if (news.r < 0)
		_exit(1);
	tell(execution, "exec_start", -1);
	int status;
	if (process_reap(process.pidfd, &status) == 0)
		tell(execution, "exec_die", process_exit_code(status));
	_exit(0);
}

static int run_apart(struct execution *execution)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	autoclose int news_fd = ends[0], write_fd = ends[1];
	pid_t child = fork();
	if (child < 0)
		return fail(-errno, "fork");
	if (child == 0)
		stay_behind(execution, write_fd);
	close_now(write_fd);
	struct news news;
	ssize_t n;
	do {
		n = read(news_fd, &news, sizeof(news));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(news))
		return refuse(-ECHILD, "the process that starts the program died");
	if (news.r < 0) {
		int r = error_adopt(news.r, news.story, news.advice);
		error_set_exit_status(news.exit_status);
		return r;
	}
	return puts(execution->id) < 0 ? fail(-errno, "write") : 0;
}

/* ---- the request --------------------------------------------------------------------------------
 */

static int check(struct invocation *invocation, const struct instance *instance)
{
	enum instance_status status = instance->state.status;
	if (status == INSTANCE_RUNNING || status == INSTANCE_STOPPING)
		return 0;
	if (invocation->failure_status != 1)      /* Docker's */
		invocation->failure_status = 255; /* as Podman */
	int r = refuse(-ESRCH,
		"can only create exec sessions on running containers: container %s is %s",
		instance->name, instance_status_name(status));
	hint("rung %s %s", status == INSTANCE_PAUSED ? "unpause" : "start", instance->name);
	return r;
}

static void set_size(struct plan_process *process)
{
	struct winsize size;
	if (process->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		process->console_width = size.ws_col;
		process->console_height = size.ws_row;
	}
}

static int choose(const struct invocation *invocation, const struct exec_verb_options *options,
	struct instance *instance, struct strings *ret_command)
{
	if (options->cidfiles.count == 0)
		return chosen_find(invocation, options->latest, instance, ret_command);
	if (options->cidfiles.count > 1 || options->latest)
		return usage_error(invocation, "one container at a time");
	autofree char *id = NULL;
	int r = fs_read(AT_FDCWD, options->cidfiles.words[0], 4096, &id, NULL);
	if (r < 0)
		return fail(r, "read the container id file %s", options->cidfiles.words[0]);
	id[strcspn(id, " \n\t")] = '\0';
	*ret_command = (struct strings){invocation->arguments, invocation->argument_count};
	return instance_find(arena_strdup(invocation->arena, id), invocation->arena, instance);
}

static int prepare(struct invocation *invocation, struct execution *execution)
{
	const struct exec_verb_options *options = execution->options;
	struct instance *instance = &execution->instance;
	struct exec_wishes wishes = {
		.environment = {options->environment.words, options->environment.count},
		.environment_files = {options->environment_files.words,
			options->environment_files.count},
		.user = options->user,
		.working_directory = options->working_directory,
		.terminal = options->terminal && !options->detach,
		.privileged = options->privileged,
	};
	int r = choose(invocation, options, instance, &wishes.command);
	if (r < 0)
		return r;
	if (wishes.command.count == 0)
		return usage_error(invocation, "a COMMAND is missing");
	r = check(invocation, instance);
	if (r == 0)
		r = container_load(instance->record_root, instance->id, &execution->record);
	/* Before anything is read from standard input: the copy starts over. */
	if (r == 0 && protect_for_exec(&execution->record))
		r = protect_executable();
	if (r == 0)
		r = container_load_plan(&execution->record, &execution->plan);
	if (r == 0)
		r = exec_process(&wishes, &execution->plan, execution->record.init.pid,
			invocation->arena, &execution->process);
	if (r < 0)
		return r;
	set_size(&execution->process);
	execution->id = instance_random_id(invocation->arena);
	execution->request = (struct container_exec_request){
		.state_root = instance->record_root,
		.id = instance->id,
		.record = &execution->record,
		.plan = &execution->plan,
		.process = &execution->process,
		.console_fd = -1,
	};
	execution->request.preserved_fds = (unsigned)execution->preserved_fds;
	return 0;
}

static int run(struct invocation *invocation)
{
	autofini(execution_fini) struct execution execution = {
		.options = options_of(invocation, exec_verb_options),
		.record = {.directory_fd = -1},
	};
	const struct strings list = {
		execution.options->preserve_fd.words, execution.options->preserve_fd.count};
	int r = preserve_descriptors(
		execution.options->preserve_fds, &list, &execution.preserved_fds);
	if (r == 0)
		r = attach_check_detach_keys(execution.options->detach_keys);
	if (r == 0)
		r = prepare(invocation, &execution);
	if (r >= 0)
		r = execution.options->detach ? run_apart(&execution) : run_here(&execution);
	if (r < 0 && error_exit_status())
		invocation->failure_status = error_exit_status();
	return r;
}

const struct verb verb_exec = {
	.name = "exec",
	.summary = "run another program in a running container",
	.arguments = "[CONTAINER] [COMMAND] [ARGUMENT...]",
	.command = true,
	.failure_status = 125,
	verb_options(exec_verb_options),
	.description =
		"The program gets what the container's own has: its user, variables, directory, "
		"limits and walls. The status is that of the program; 125 if rung itself failed, "
		"126 if the program cannot be executed, 127 if it was not found, 128 + n after "
		"signal n, 255 if the container does not run.",
	.examples = "A shell in it\n"
		    "$ rung exec -it web sh\n"
		    "As another user, with a variable\n"
		    "$ rung exec -u postgres -e PGDATABASE=shop db psql\n",
	.run = run,
};
