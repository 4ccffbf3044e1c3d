// SPDX-License-Identifier: Apache-2.0

/*
 * `rung oci exec`: one more program in a running container. The process comes whole from --process
 * (containerd, conmon), or is the container's own with the command and what the options say.
 */

#include "base/error.h"
#include "base/fs.h"
#include "plan/oci.h"
#include "rungs/container/attend.h"
#include "rungs/container/protect.h"
#include "verbs/oci/oci.h"

#include <fcntl.h>

struct exec_options {
	const char *process, *console_socket, *pid_file, *pidfd_socket, *cwd, *user, *cgroup;
	const char *process_label, *apparmor;
	struct option_list environment, capabilities, groups;
	bool tty, detach, no_new_privileges, ignore_paused, no_new_keyring, no_subreaper;
	uint32_t preserve_fds;
};

static const struct option exec_options[] = {
	{"-p, --process=FILE", "process object as JSON; - is standard input",
		text_in(exec_options, process)},
	{"-t, --tty", "give it a terminal", flag_in(exec_options, tty)},
	{"-d, --detach", "return when the program runs", flag_in(exec_options, detach)},
	{"-u, --user=UID[:GID]", "run as this user", text_in(exec_options, user)},
	{"-g, --additional-gids=GID", "add a group", list_in(exec_options, groups)},
	{"-e, --env=NAME=VALUE", "set a variable", list_in(exec_options, environment)},
	{"--cwd=DIR", "working directory", text_in(exec_options, cwd)},
	{"-c, --cap=CAPABILITY", "add a capability", list_in(exec_options, capabilities)},
	{"--no-new-privs", "never gain privileges by execve",
		flag_in(exec_options, no_new_privileges)},
	{"--process-label=LABEL", "SELinux label", text_in(exec_options, process_label)},
	{"--apparmor=PROFILE", "AppArmor profile", text_in(exec_options, apparmor)},
	{"--cgroup=PATH", "run in this cgroup below the container's",
		text_in(exec_options, cgroup)},
	{"--console-socket=SOCKET", "send the terminal to this socket",
		text_in(exec_options, console_socket)},
	{"--pid-file=FILE", "write the process id to FILE", text_in(exec_options, pid_file)},
	{"--pidfd-socket=SOCKET", "send a pidfd to this socket",
		text_in(exec_options, pidfd_socket)},
	{"--preserve-fds=NUMBER", "pass so many descriptors from 3 on",
		integer_in(exec_options, preserve_fds)},
	{"--ignore-paused", "also in a paused container", flag_in(exec_options, ignore_paused)},
	{"--no-new-keyring", "keep the caller's session keyring",
		flag_in(exec_options, no_new_keyring)},
	{"--no-subreaper", "accepted, has no effect", flag_in(exec_options, no_subreaper),
		.hidden = true},
	{},
};

static int parse_user(const char *user, struct plan_process *process)
{
	autofree char *copy = strdup(user);
	if (!copy)
		return fail(-ENOMEM, "user %s", user);
	char *group = strchr(copy, ':');
	if (group)
		*group++ = '\0';
	uint64_t uid, gid = process->gid;
	if (parse_uint64(copy, UINT32_MAX - 1, &uid) < 0 ||
		(group && parse_uint64(group, UINT32_MAX - 1, &gid) < 0))
		return refuse(-EINVAL, "user \"%s\" is not UID or UID:GID", user);
	process->uid = (uint32_t)uid;
	process->gid = (uint32_t)gid;
	return 0;
}

static int add_groups(
	const struct option_list *groups, struct arena *arena, struct plan_process *process)
{
	if (groups->count == 0)
		return 0;
	process->additional_gids = arena_new(arena, uint32_t, groups->count);
	process->additional_gid_count = groups->count;
	for (size_t i = 0; i < groups->count; i++) {
		uint64_t gid;
		if (parse_uint64(groups->words[i], UINT32_MAX - 1, &gid) < 0)
			return refuse(-EINVAL, "group \"%s\" is not a number", groups->words[i]);
		process->additional_gids[i] = (uint32_t)gid;
	}
	return 0;
}

static int add_capabilities(const struct option_list *names, struct plan_process *process)
{
	struct plan_capabilities *sets = &process->capabilities;
	for (size_t i = 0; i < names->count; i++) {
		int number = plan_capability(names->words[i]);
		if (number < 0)
			return refuse(-EINVAL, "unknown capability \"%s\"", names->words[i]);
		uint64_t bit = 1ull << number;
		sets->bounding |= bit;
		sets->effective |= bit;
		sets->permitted |= bit;
		if (process->uid != 0) {
			sets->inheritable |= bit;
			sets->ambient |= bit;
		}
	}
	return 0;
}

/* Later words win: a variable that is set again replaces the one before. */
static void add_environment(
	const struct option_list *added, struct arena *arena, struct plan_process *process)
{
	struct strings all = {
		arena_new(arena, const char *, process->environment.count + added->count + 1), 0};
	for (size_t i = 0; i < process->environment.count; i++) {
		const char *variable = process->environment.items[i];
		size_t name = strcspn(variable, "=") + 1;
		bool replaced = false;
		for (size_t k = 0; k < added->count && !replaced; k++)
			replaced = strncmp(added->words[k], variable, name) == 0;
		if (!replaced)
			all.items[all.count++] = variable;
	}
	for (size_t k = 0; k < added->count; k++)
		all.items[all.count++] = added->words[k];
	process->environment = all;
}

static int process_from_options(const struct invocation *invocation,
	const struct exec_options *options, struct plan_process *process)
{
	struct arena *arena = invocation->arena;
	if (invocation->argument_count < 2)
		return usage_error(invocation, "a COMMAND or --process is needed");
	process->arguments =
		(struct strings){invocation->arguments + 1, invocation->argument_count - 1};
	process->terminal = options->tty;
	process->console_width = process->console_height = 0;
	if (options->cwd)
		process->working_directory = options->cwd;
	if (process->working_directory[0] != '/')
		return refuse(-EINVAL, "--cwd %s is not absolute", options->cwd);
	if (options->no_new_privileges)
		process->no_new_privileges = true;
	if (options->apparmor)
		process->apparmor_profile = options->apparmor;
	if (options->process_label)
		process->selinux_label = options->process_label;
	add_environment(&options->environment, arena, process);
	int r = options->user ? parse_user(options->user, process) : 0;
	if (r == 0)
		r = add_groups(&options->groups, arena, process);
	return r < 0 ? r : add_capabilities(&options->capabilities, process);
}

static int process_from_file(
	const char *path, struct arena *arena, struct plan_process *ret_process)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = text_equal(path, "-") ? fs_read_fd(STDIN_FILENO, PLAN_JSON_MAX, &bytes, &length)
				      : fs_read(AT_FDCWD, path, PLAN_JSON_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "read process %s", path);
	return plan_read_process(bytes, length, path, arena, ret_process);
}

static int run_program(const struct exec_options *options, struct container_exec_request *request)
{
	if (options->detach)
		return container_exec(request, NULL);
	bool relay = request->process->terminal && !request->console_socket;
	autofini(attend_fini) struct attendant attendant;
	int r = attend_begin(relay, &attendant);
	if (r < 0)
		return r;
	request->console_fd = attendant.console_fd;
	struct container_process process;
	r = container_exec(request, &process);
	if (r < 0)
		return r;
	r = attend(&attendant, &process);
	scope_close(&process.pidfd);
	return r;
}

static int run(struct invocation *invocation)
{
	const struct exec_options *options = options_of(invocation, exec_options);
	const char *root = oci_state_root(invocation), *id = invocation->arguments[0];
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	autofini(plan_fini) struct plan plan = {};
	struct plan_process process;
	/* Before anything is read from standard input: the copy starts over. */
	int r = container_load(root, id, &record);
	if (r == 0 && protect_for_exec(&record))
		r = protect_executable();
	if (r < 0)
		return r;
	if (options->process) {
		r = process_from_file(options->process, invocation->arena, &process);
	} else {
		r = container_load_plan(&record, &plan);
		process = plan.process;
		if (r == 0)
			r = process_from_options(invocation, options, &process);
	}
	if (r < 0)
		return r;
	if (process.terminal && options->detach && !options->console_socket)
		return usage_error(invocation, "a detached terminal needs --console-socket");
	struct container_exec_request request = {
		.state_root = root,
		.id = id,
		.record = &record,
		.plan = options->process ? NULL : &plan,
		.process = &process,
		.console_socket = process.terminal ? options->console_socket : NULL,
		.console_fd = -1,
		.pid_file = options->pid_file,
		.pidfd_socket = options->pidfd_socket,
		.cgroup = options->cgroup,
		.no_new_keyring = options->no_new_keyring,
		.ignore_paused = options->ignore_paused,
	};
	r = oci_preserved_fds(options->preserve_fds, &request.preserved_fds);
	return r < 0 ? r : run_program(options, &request);
}

const struct verb verb_oci_exec = {
	.name = "exec",
	.summary = "run another program in a running container",
	.arguments = "CONTAINER [COMMAND [ARGUMENT...]]",
	.command = true,
	.failure_status = 255,
	verb_options(exec_options),
	.run = run,
};
