// SPDX-License-Identifier: Apache-2.0

/*
 * The starter: from a plan to a running container with a monitor. In: a struct launch, whose
 * descriptors a fork shares. Out: one report to the command, then rung-monitor in this process.
 *
 * What the starter warns of goes to the command's standard error, which it keeps under another
 * number: 0, 1 and 2 are the program's by then.
 */

#include "engine/instance/launch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "plan/oci.h"
#include "rungs/container/announce.h"
#include "rungs/container/container.h"
#include "rungs/foreign/foreign.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/** What the starter says to the command, once. */
struct report {
	int r, exit_status;
	pid_t pid, monitor_pid;
	char story[ERROR_TEXT_MAX], advice[1024];
};

/* ---- the starter's surroundings ----------------------------------------------------------------
 */

static void forget_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
}

/* Warnings go on to whoever sees them now; the program gets its own streams. */
static int set_streams(const struct launch *launch)
{
	int errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	enum log_level level = log_enabled(LOG_DEBUG) ? LOG_DEBUG : LOG_WARNING;
	log_configure(&(struct log_settings){
		.fd = errors, .format = LOG_TEXT, .level = level, .program = "rung"});
	for (int i = 0; i < 3; i++)
		if (launch->program_fds[i] >= 0 && dup2(launch->program_fds[i], i) < 0)
			return fail(-errno, "prepare the program's streams");
	return 0;
}

/* ---- the container
 * --------------------------------------------------------------------------------- */

static int create_container(struct launch *launch, struct container_process *process)
{
	static const enum cgroup_manager managers[] = {
		[RUN_CGROUP_AUTO] = CGROUP_AUTO,
		[RUN_CGROUPFS] = CGROUP_CGROUPFS,
		[RUN_CGROUP_SYSTEMD] = CGROUP_SYSTEMD,
		[RUN_CGROUP_DISABLED] = CGROUP_DISABLED,
	};
	autofini(text_fini) struct text config = {};
	plan_write(&launch->plan, &config);
	autoclose int console = -1, receiver = -1;
	if (launch->plan.process.terminal) {
		int ends[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			return fail(-errno, "create a socket pair");
		receiver = ends[0];
		console = ends[1];
	}
	const char *runtime;
	int found = foreign_find(launch->instance->runtime, launch->arena, &runtime);
	if (found < 0)
		return found;
	const struct container_request request = {
		.runtime = runtime,
		.state_root = launch->instance->record_root,
		.id = launch->instance->id,
		.bundle = launch->instance->directory,
		.plan = &launch->plan,
		.config = text_get(&config),
		.config_length = config.length,
		.cgroup_manager = managers[run_cgroup_manager(&launch->request)],
		.console_fd = console,
		.preserved_fds = (unsigned)launch->request.process.preserved_fds,
		.wait_for_start = launch->how->only_initialize,
		.die_with_starter = true,
	};
	int r = container_create(&request, process);
	if (r < 0 || receiver < 0)
		return r;
	launch->streams.terminal_fd = receive_descriptor(receiver);
	return launch->streams.terminal_fd < 0
		       ? fail(launch->streams.terminal_fd, "receive the terminal")
		       : 0;
}

static int write_pid_files(const struct launch *launch, pid_t pid)
{
	const struct life_wishes *life = &launch->request.life;
	int r = life->pidfile ? write_pid_file(life->pidfile, pid) : 0;
	if (r == 0 && life->conmon_pidfile)
		r = write_pid_file(life->conmon_pidfile, getpid());
	return r;
}

static int write_running(struct launch *launch, pid_t pid)
{
	struct instance_state *state = &launch->instance->state;
	struct process_id process, self;
	int r = process_identify(pid, &process);
	if (r == 0)
		r = process_identify(getpid(), &self);
	if (r < 0)
		return fail(r, "identify the container's first process");
	bool policy = launch->how->by_policy;
	*state = (struct instance_state){
		.status = launch->how->only_initialize ? INSTANCE_INITIALIZED : INSTANCE_RUNNING,
		.pid = process.pid,
		.pid_start = process.start_time,
		.monitor_pid = self.pid,
		.monitor_start = self.start_time,
		.restart_count = policy ? state->restart_count + 1 : 0,
		.restart_streak = policy ? state->restart_streak : 0,
		.starts = state->starts + 1,
		.started_at = arena_strdup(launch->arena, clock_now().text),
		.finished_at = state->finished_at,
		.error = "",
		.restart_at = "",
	};
	return instance_write_state(launch->instance);
}

/* systemd removes a scope with its last process, and with it the count of out-of-memory kills. */
static void watch_memory(struct launch *launch)
{
	enum run_cgroup_manager manager = run_cgroup_manager(&launch->request);
	if (manager == RUN_CGROUP_SYSTEMD || (manager == RUN_CGROUP_AUTO && geteuid() != 0))
		launch->memory_fd = container_open_memory_events(
			launch->instance->record_root, launch->instance->id);
}

/*
 * --sdnotify=conmon: a service of systemd (Type=notify) is ready when the container runs, and its
 * main process is the monitor, which we become (sd_notify(3)).
 */
static void notify_systemd(const struct launch *launch)
{
	const char *who = launch->request.life.sdnotify, *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!who || !text_equal(who, "conmon") || !path || path[0] == '\0' ||
		strlen(path) >= sizeof(address.sun_path))
		return;
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	else
		length++;
	char text[64];
	int size = snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)getpid());
	if (fd < 0 || sendto(fd, text, (size_t)size, MSG_NOSIGNAL,
			      (const struct sockaddr *)&address, length) < 0)
		warn("tell systemd at %s that the container runs: %s", path, strerror(errno));
}

static int make(struct launch *launch, struct container_process *process)
{
	int r = set_streams(launch);
	if (r == 0)
		r = create_container(launch, process);
	step("container made");
	if (r == 0)
		watch_memory(launch);
	if (r == 0)
		r = write_running(launch, process->pid);
	if (r == 0)
		r = write_pid_files(launch, process->pid);
	if (r == 0)
		notify_systemd(launch);
	return r;
}

/* ---- the monitor
 * -------------------------------------------------------------------------------------- */

static void keep_open(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, 0);
}

static struct strings monitor_words(
	const struct launch *launch, const struct container_process *process)
{
	struct arena *arena = launch->arena;
	const struct stream_settings *streams = &launch->streams;
	struct strings words = {.items = arena_new(arena, const char *, 16)};
	words.items[words.count++] = "rung-monitor";
	words.items[words.count++] = arena_format(arena, "pidfd=%d", process->pidfd);
	words.items[words.count++] = arena_format(arena, "pid=%d", (int)process->pid);
	words.items[words.count++] =
		arena_format(arena, "exit=%s/exit", launch->instance->directory);
	if (launch->instance->timeout_s)
		words.items[words.count++] = arena_format(
			arena, "timeout=%llu", (unsigned long long)launch->instance->timeout_s);
	if (launch->memory_fd >= 0)
		words.items[words.count++] = arena_format(arena, "memory=%d", launch->memory_fd);
	if (launch->guardian_fd >= 0)
		words.items[words.count++] =
			arena_format(arena, "guardian=%d", launch->guardian_fd);
	stream_settings_write(streams, arena, &words);
	keep_open(process->pidfd);
	keep_open(launch->guardian_fd);
	keep_open(launch->memory_fd);
	keep_open(streams->input_fd);
	keep_open(streams->output_fd);
	keep_open(streams->error_fd);
	keep_open(streams->terminal_fd);
	keep_open(streams->listen_fd);
	keep_open(streams->client_fd);
	return words;
}

/* Does not return: without a monitor the container ends with us. */
[[gnu::noreturn]] static void become_monitor(
	const struct launch *launch, const struct container_process *process)
{
	struct strings words = monitor_words(launch, process);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	if (chdir("/") < 0)
		step("stay in the working directory");
	(void)execve(launch->monitor, (char **)words.items, places_environment(launch->arena));
	_exit(125);
}

/* ---- the command's side
 * ---------------------------------------------------------------------------------- */

static void fill_report(struct report *report, int r)
{
	report->r = r;
	report->exit_status = r < 0 ? error_exit_status() : 0;
	if (r < 0) {
		(void)snprintf(report->story, sizeof(report->story), "%s", error_text());
		(void)snprintf(report->advice, sizeof(report->advice), "%s", error_hint());
	}
}

[[gnu::noreturn]] static void be_starter(struct launch *launch, int report_fd)
{
	(void)setsid();
	forget_signals();
	struct container_process process = {.pidfd = -1};
	struct report report = {};
	int r = make(launch, &process);
	report.pid = process.pid;
	report.monitor_pid = getpid();
	fill_report(&report, r);
	(void)fs_write_all(
		report_fd, &report, r < 0 ? sizeof(report) : offsetof(struct report, story));
	if (r < 0)
		_exit(125);
	become_monitor(launch, &process);
}

static int hear_report(struct launch *launch, int report_fd, pid_t starter)
{
	struct report report = {};
	size_t got = 0;
	while (got < sizeof(report)) {
		ssize_t n = read(report_fd, (char *)&report + got, sizeof(report) - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
		if (got >= offsetof(struct report, story) && report.r == 0)
			break;
	}
	if (got < offsetof(struct report, story)) {
		(void)waitpid(starter, NULL, 0);
		return refuse(-ECHILD, "start %s: the starter was killed", launch->instance->name);
	}
	if (report.r == 0)
		return 0;
	(void)waitpid(starter, NULL, 0);
	int r = error_adopt(report.r, report.story, report.advice);
	error_set_exit_status(report.exit_status);
	return r;
}

static int start_beside(struct launch *launch)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	autoclose int hear = ends[0], tell = ends[1];
	if (launch->how->die_with_caller) {
		launch->guardian_fd = kernel_pidfd_open(getpid());
		if (launch->guardian_fd < 0)
			return fail(launch->guardian_fd, "open a descriptor of this process");
	}
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t starter = kernel_clone3(&arguments);
	if (starter < 0)
		return fail(starter, "fork");
	if (starter == 0) {
		close_now(hear);
		be_starter(launch, tell);
	}
	close_now(tell);
	return hear_report(launch, hear, starter);
}

int launch_carry_out(struct launch *launch)
{
	int r;
	if (launch->how->by_policy) {
		struct container_process process = {.pidfd = -1};
		r = make(launch, &process);
		if (r < 0)
			return r;
		instance_event(launch->instance, "start", NULL, 0);
		become_monitor(launch, &process);
	}
	r = start_beside(launch);
	if (r < 0)
		return r;
	/* The starter wrote the state; ours is of before. */
	r = instance_read(launch->instance->id, launch->arena, launch->instance);
	instance_event(launch->instance, launch->how->only_initialize ? "init" : "start", NULL, 0);
	return r == -ENOENT ? 0 : r;
}
