// SPDX-License-Identifier: Apache-2.0

/*
 * Docker's rules: a success is healthy at once; so many failures in a row are unhealthy; failures
 * in the start period do not count as long as nothing has succeeded yet. A check that takes too
 * long is killed and has failed. The last five results are kept, with the first 4 KiB of what each
 * one wrote.
 *
 * What --health-on-failure wants is done by a process of its own: this one is a child of the
 * monitor, which ends it when the container ends.
 */

#include "engine/instance/health.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "engine/container/exec.h"
#include "plan/json.h"
#include "plan/json_write.h"
#include "rungs/container/container.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#define LOG_MAX 5
#define OUTPUT_MAX 4096
#define FILE_MAX (256 << 10)

struct entry {
	const char *start, *end, *output;
	int64_t exit_code;
};

struct health {
	const char *started_at; /* of the container, to know an earlier life's results */
	enum health_status status;
	int64_t failing_streak;
	struct entry log[LOG_MAX + 1];
	size_t log_count;
};

const char *health_status_name(enum health_status status)
{
	static const char names[][12] = {"starting", "healthy", "unhealthy"};
	return names[status];
}

/* ---- the file --------------------------------------------------------------------------- */

static void read_log(const struct json *top, struct health *health)
{
	struct json log;
	if (!json_find(top, "Log", &log) || log.value->type != JSON_ARRAY)
		return;
	const struct json_value *value = log.value->first;
	for (size_t i = 0; value && health->log_count < LOG_MAX; value = value->next, i++) {
		struct json at = json_child(&log, value, i);
		if (value->type == JSON_OBJECT)
			health->log[health->log_count++] = (struct entry){
				json_member_text(&at, "Start"), json_member_text(&at, "End"),
				json_member_text(&at, "Output"),
				json_member_number(&at, "ExitCode")};
	}
}

/* What cannot be read was never known. */
static void health_read(const struct instance *instance, struct arena *arena, struct health *health)
{
	*health = (struct health){.started_at = instance->state.started_at};
	autofree char *bytes = NULL;
	size_t length;
	autofini(json_document_fini) struct json_document document = {};
	const char *path = arena_format(arena, "%s/" HEALTH_FILE, instance->directory);
	if (fs_read(AT_FDCWD, path, FILE_MAX, &bytes, &length) < 0)
		return;
	if (json_parse(bytes, length, HEALTH_FILE, arena, &document) < 0) {
		error_clear();
		return;
	}
	if (!text_equal(json_member_text(&document.top, "StartedAt"), health->started_at))
		return;
	const char *status = json_member_text(&document.top, "Status");
	for (enum health_status one = HEALTH_STARTING; one <= HEALTH_UNHEALTHY; one++)
		if (text_equal(status, health_status_name(one)))
			health->status = one;
	health->failing_streak = json_member_number(&document.top, "FailingStreak");
	read_log(&document.top, health);
}

static int health_write(const struct instance *instance, const struct health *health)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_string(&writer, "Status", health_status_name(health->status));
	json_write_signed(&writer, "FailingStreak", health->failing_streak);
	json_write_string(&writer, "StartedAt", health->started_at);
	json_open(&writer, "Log", '[');
	for (size_t i = 0; i < health->log_count; i++) {
		const struct entry *entry = &health->log[i];
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "Start", entry->start);
		json_write_string(&writer, "End", entry->end);
		json_write_signed(&writer, "ExitCode", entry->exit_code);
		json_write_string(&writer, "Output", entry->output);
		json_close(&writer);
	}
	json_close(&writer);
	json_close(&writer);
	autoclose int directory_fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		return fail(-errno, "open %s", instance->directory);
	return fs_replace(directory_fd, HEALTH_FILE, out.bytes, out.length, 0600);
}

void health_forget(const struct instance *instance)
{
	autoclose int directory_fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd >= 0)
		(void)unlinkat(directory_fd, HEALTH_FILE, 0);
}

/* ---- the check ------------------------------------------------------------------------------ */

/* Docker's words: "CMD" and the words themselves, or "CMD-SHELL" and a line for the shell. */
static int command_of(const struct run_health *health, struct arena *arena, struct strings *ret)
{
	const struct strings *test = &health->test;
	if (test->count < 2 || text_equal(test->items[0], "NONE"))
		return -ENOENT;
	if (!text_equal(test->items[0], "CMD-SHELL")) {
		*ret = (struct strings){test->items + 1, test->count - 1};
		return 0;
	}
	const char **words = arena_new(arena, const char *, 4);
	words[0] = "/bin/sh";
	words[1] = "-c";
	words[2] = test->items[1];
	*ret = (struct strings){words, 3};
	return 0;
}

/* Our own streams become those of the check while it is started, and are ours again. */
static int start_check(const struct container_exec_request *request, int output_fd,
	struct container_process *ret_process)
{
	int saved[3];
	autoclose int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int number = 0; number < 3; number++) {
		saved[number] = fcntl(number, F_DUPFD_CLOEXEC, 3);
		(void)dup2(number ? output_fd : null_fd, number);
	}
	int r = container_exec(request, ret_process);
	for (int number = 0; number < 3; number++) {
		if (saved[number] >= 0)
			(void)dup2(saved[number], number);
		else
			(void)close(number);
		close_now(saved[number]);
	}
	return r;
}

/* Gathers its output until it has ended or its time is over; then -ETIMEDOUT. */
static int attend_check(const struct container_process *process, int output_fd, int64_t timeout_ms,
	struct text *output)
{
	struct clock_deadline deadline = clock_deadline_in(timeout_ms);
	struct pollfd fds[] = {
		{.fd = process->pidfd, .events = POLLIN}, {.fd = output_fd, .events = POLLIN}};
	for (;;) {
		int r = poll(fds, array_length(fds), clock_left_ms(&deadline));
		if (r == 0)
			return -ETIMEDOUT;
		if (r > 0 && fds[1].revents) {
			char bytes[OUTPUT_MAX];
			ssize_t n = read(output_fd, bytes, sizeof(bytes));
			size_t room = OUTPUT_MAX - output->length;
			if (n > 0)
				text_add_bytes(output, bytes, (size_t)n < room ? (size_t)n : room);
			else if (n == 0 || (errno != EAGAIN && errno != EINTR))
				fds[1].fd = -1;
		} else if (r > 0 && fds[0].revents) {
			return 0;
		}
	}
}

/* Returns the exit status, -1 where it could not be run or took too long, as Docker notes it. */
static int ask_once(struct instance *instance, const struct run_health *wishes,
	const struct strings *command, struct arena *arena, struct text *output)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	autofini(plan_fini) struct plan plan = {};
	struct plan_process process;
	struct exec_wishes exec = {.command = *command};
	int ends[2] = {-1, -1};
	int r = container_load(instance->record_root, instance->id, &record);
	if (r == 0)
		r = container_load_plan(&record, &plan);
	if (r == 0)
		r = exec_process(&exec, &plan, record.init.pid, arena, &process);
	if (r == 0 && pipe2(ends, O_CLOEXEC) < 0)
		r = fail(-errno, "create a pipe");
	if (r < 0)
		return r;
	autoclose int read_fd = ends[0], write_fd = ends[1];
	(void)fcntl(read_fd, F_SETFL, O_NONBLOCK);
	const struct container_exec_request request = {.state_root = instance->record_root,
		.id = instance->id,
		.process = &process,
		.console_fd = -1};
	struct container_process check;
	r = start_check(&request, write_fd, &check);
	if (r < 0)
		return r;
	close_now(write_fd);
	r = attend_check(&check, read_fd, wishes->timeout_ns / 1000000, output);
	if (r == -ETIMEDOUT) {
		(void)kernel_pidfd_send_signal(check.pidfd, SIGKILL);
		text_format(output, "Health check exceeded timeout (%llds)",
			(long long)(wishes->timeout_ns / 1000000000));
	}
	int status;
	(void)!process_reap(check.pidfd, &status);
	close_now(check.pidfd);
	int over = container_exec_over();
	return over < 0 ? over : r == -ETIMEDOUT ? -1 : process_exit_code(status);
}

/* ---- what follows from it -------------------------------------------------------------------- */

static bool in_start_period(const struct instance *instance, const struct run_health *wishes)
{
	autofini(arena_fini) struct arena arena = {};
	struct timespec now, since;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - wishes->start_period_ns;
	since.tv_sec = ns / 1000000000;
	since.tv_nsec = ns % 1000000000;
	/* Both are of clock_format(): as text in the order of time. */
	return wishes->start_period_ns > 0 &&
	       strcmp(instance->state.started_at, clock_format(&since).text) > 0;
}

static void judge(const struct instance *instance, const struct run_health *wishes, bool passed,
	struct health *health)
{
	if (passed) {
		health->status = HEALTH_HEALTHY;
		health->failing_streak = 0;
		return;
	}
	if (health->status == HEALTH_STARTING && in_start_period(instance, wishes))
		return;
	health->failing_streak++;
	if (health->failing_streak >= (wishes->retries > 0 ? wishes->retries : 3))
		health->status = HEALTH_UNHEALTHY;
}

static void act(struct instance *instance, const char *action, struct arena *arena)
{
	const struct instance_start how = INSTANCE_START_DETACHED;
	bool restart = text_equal(action, "restart");
	if (text_equal(action, "kill"))
		(void)!instance_kill(instance, SIGKILL);
	else if ((restart || text_equal(action, "stop")) &&
		 instance_stop(instance, arena, INT64_MIN) >= 0 && restart)
		(void)!instance_start(instance, arena, &how);
}

/* A grandchild, which outlives us and the monitor. */
static void begin_action(struct instance *instance, const char *action, struct arena *arena)
{
	if (text_empty(action) || text_equal(action, "none"))
		return;
	pid_t child = fork();
	if (child > 0) {
		const struct process_id id = {.pid = child};
		int pidfd = kernel_pidfd_open(id.pid), status;
		if (pidfd >= 0)
			(void)!process_reap(pidfd, &status);
		close_now(pidfd);
	}
	if (child != 0)
		return;
	(void)setsid();
	if (fork() == 0)
		act(instance, action, arena);
	_exit(0);
}

static void note(struct health *health, const struct entry *entry)
{
	health->log[health->log_count++] = *entry;
	if (health->log_count > LOG_MAX) {
		memmove(health->log, health->log + 1, LOG_MAX * sizeof(*health->log));
		health->log_count = LOG_MAX;
	}
}

int health_check(struct instance *instance, struct arena *arena, struct health_result *ret_result)
{
	struct run_request request = RUN_REQUEST_DEFAULTS;
	struct strings command;
	if (instance->state.status != INSTANCE_RUNNING)
		return refuse(-ESRCH, "container %s is not running", instance->name);
	int r = instance_load_request(instance, arena, &request);
	if (r < 0)
		return r;
	const struct run_health *wishes = &request.resolved.health;
	if (command_of(wishes, arena, &command) < 0)
		return refuse(-ENOENT, "container %s has no defined healthcheck", instance->name);

	autofini(text_fini) struct text output = {};
	struct clock_text start = clock_now();
	int exit_code = ask_once(instance, wishes, &command, arena, &output);
	if (exit_code < -1) {
		text_add(&output, error_text());
		exit_code = error_exit_status() ? error_exit_status() : -1;
		error_clear();
	}
	struct clock_text end = clock_now();
	struct entry entry = {start.text, end.text, text_get(&output), exit_code};
	/* It may have ended meanwhile: that is no failure of the check. */
	if (instance_reload(instance, arena) < 0 || !instance_is_alive(instance))
		return refuse(-ESRCH, "container %s is not running", instance->name);
	struct health health;
	health_read(instance, arena, &health);
	enum health_status before = health.status;
	judge(instance, wishes, exit_code == 0, &health);
	note(&health, &entry);
	r = health_write(instance, &health);
	if (r < 0)
		return r;
	*ret_result = (struct health_result){exit_code == 0, health.status};
	if (health.status == before)
		return 0;
	instance_event(instance,
		health.status == HEALTH_HEALTHY ? "health_status: healthy"
						: "health_status: unhealthy",
		NULL, 0);
	if (health.status == HEALTH_UNHEALTHY)
		begin_action(instance, wishes->on_failure, arena);
	return 0;
}
