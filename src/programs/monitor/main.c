// SPDX-License-Identifier: Apache-2.0

/*
 * rung-monitor: the parent of one container's first process. In: words that name descriptors (made
 * by engine/instance/launch.c). Out: the exit status, in a file before anything else, then to the
 * clients, then to `rung __ended`, which this process becomes.
 *
 * If it is killed the kernel kills the container (PR_SET_PDEATHSIG), and the next command finds out
 * (engine/instance/settle.c). So nothing here is allowed to fail silently and go on: what cannot be
 * done ends the container, and the end is reported as always.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "engine/instance/monitor.h"
#include "monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct monitor {
	int pidfd, guardian_fd;
	int memory_fd; /* memory.events of a cgroup that goes with its last process; -1 */
	bool out_of_memory;
	const char *exit_path; /* where the status is noted */
	uint64_t timeout_s;
	struct stream_settings settings;
	struct loop loop;
	struct streams *streams;
	bool quiet; /* whoever removes the container deals with its end */
};

/* ---- the command line ---------------------------------------------------------------------- */

static int read_number(const char *text, int *ret)
{
	int64_t value;
	int r = parse_int64(text, 0, INT32_MAX, &value);
	if (r < 0)
		return refuse(r, "\"%s\" is no number", text);
	*ret = (int)value;
	return 0;
}

static int read_word(struct monitor *monitor, const char *word)
{
	int unused;
	const char *equals = strchr(word, '=');
	if (!equals)
		return refuse(-EINVAL, "\"%s\" is no NAME=VALUE", word);
	if (text_starts(word, "pidfd="))
		return read_number(equals + 1, &monitor->pidfd);
	if (text_starts(word, "guardian="))
		return read_number(equals + 1, &monitor->guardian_fd);
	if (text_starts(word, "memory="))
		return read_number(equals + 1, &monitor->memory_fd);
	if (text_starts(word, "pid=")) /* for those who look at the process list */
		return read_number(equals + 1, &unused);
	if (text_starts(word, "timeout="))
		return parse_uint64(equals + 1, INT32_MAX / 1000, &monitor->timeout_s);
	if (text_starts(word, "exit=")) {
		monitor->exit_path = equals + 1;
		return 0;
	}
	int r = stream_settings_read(word, &monitor->settings);
	return r == 0 ? refuse(-EINVAL, "\"%s\" is not known", word) : r < 0 ? r : 0;
}

static int read_words(struct monitor *monitor, char **words)
{
	for (; *words; words++) {
		int r = read_word(monitor, *words);
		if (r < 0)
			return r;
	}
	if (monitor->pidfd < 0 || !monitor->exit_path || !monitor->settings.id ||
		!monitor->settings.rung)
		return refuse(-EINVAL, "it is started by rung alone");
	(void)fcntl(monitor->pidfd, F_SETFD, FD_CLOEXEC);
	if (monitor->guardian_fd >= 0)
		(void)fcntl(monitor->guardian_fd, F_SETFD, FD_CLOEXEC);
	if (monitor->memory_fd >= 0)
		(void)fcntl(monitor->memory_fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* ---- while it runs ----------------------------------------------------------------------------
 */

static void kill_container(const struct monitor *monitor)
{
	(void)kernel_pidfd_send_signal(monitor->pidfd, SIGKILL);
}

static int on_end(struct loop_watch *watch, int pidfd, void *context)
{
	(void)watch, (void)pidfd, (void)context;
	return 1;
}

static int on_guardian(struct loop_watch *watch, int pidfd, void *context)
{
	(void)watch, (void)pidfd;
	const struct monitor *monitor = context;
	if (!monitor->streams || !streams_left(monitor->streams))
		kill_container(monitor);
	return 0;
}

static int on_timeout(struct loop_watch *watch, void *context)
{
	(void)watch;
	kill_container(context);
	return 0;
}

static int on_signal(struct loop_watch *watch, const struct signalfd_siginfo *info, void *context)
{
	(void)watch;
	struct monitor *monitor = context;
	if (info->ssi_signo == MONITOR_END_QUIETLY)
		monitor->quiet = true;
	else if (info->ssi_signo == SIGTERM) /* the machine is being shut down */
		(void)kernel_pidfd_send_signal(monitor->pidfd, SIGTERM);
	return 0;
}

/* cgroup-v2.rst, memory.events; nothing can be read any more once the cgroup is gone. */
static void count_kills(struct monitor *monitor)
{
	char events[512];
	ssize_t length = pread(monitor->memory_fd, events, sizeof(events) - 1, 0);
	events[length > 0 ? length : 0] = '\0';
	const char *kills = strstr(events, "oom_kill ");
	if (kills && strtoull(kills + strlen("oom_kill "), NULL, 10) > 0)
		monitor->out_of_memory = true;
}

static int on_memory(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct monitor *monitor = context;
	(void)fd;
	count_kills(monitor);
	/* When it goes, it is ready for ever. */
	return events & EPOLLERR && !(events & EPOLLPRI) ? loop_change_fd(watch, 0) : 0;
}

static int watch(struct monitor *monitor, struct streams **ret_streams)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, MONITOR_END_QUIETLY);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	struct loop *loop = &monitor->loop;
	int r = loop_init(loop);
	if (r == 0)
		r = loop_add_signals(loop, &signals, on_signal, monitor, NULL);
	if (r == 0)
		r = loop_add_process(loop, monitor->pidfd, on_end, monitor, NULL);
	if (r == 0 && monitor->guardian_fd >= 0)
		r = loop_add_process(loop, monitor->guardian_fd, on_guardian, monitor, NULL);
	if (r == 0 && monitor->memory_fd >= 0) {
		count_kills(monitor); /* the first reading arms the descriptor */
		r = loop_add_fd(loop, monitor->memory_fd, EPOLLPRI, on_memory, monitor, NULL);
	}
	if (r == 0 && monitor->timeout_s)
		r = loop_add_timer_ms(
			loop, monitor->timeout_s * 1000, 0, on_timeout, monitor, NULL);
	if (r == 0)
		r = streams_start(ret_streams, loop, &monitor->settings, monitor->pidfd);
	return r < 0 ? r : health_start(loop, &monitor->settings);
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

/* For the next command, should nobody come to write the state. */
static void note_exit(const struct monitor *monitor, int exit_code)
{
	char line[MONITOR_NOTE_LENGTH], note[MONITOR_NOTE_LENGTH + 1];
	(void)snprintf(line, sizeof(line), "%d %s%s", exit_code, clock_now().text,
		monitor->out_of_memory ? " oom" : "");
	int length = snprintf(note, sizeof(note), "%-*s\n", MONITOR_NOTE_LENGTH - 1, line);
	/* Not truncated: the room is ours since the start, also where the disk is full by now. */
	int fd = open(monitor->exit_path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return; /* its directory is gone; the state may still work */
	(void)!fs_write_all(fd, note, (size_t)length);
	(void)close(fd);
}

[[gnu::noreturn]] static void hand_over(
	const struct monitor *monitor, int exit_code, const char *clients)
{
	const struct stream_settings *settings = &monitor->settings;
	char status[16], words[1024];
	(void)snprintf(status, sizeof(status), "%d", exit_code);
	(void)snprintf(words, sizeof(words), "--clients=%s", clients);
	const char *arguments[12] = {"rung"};
	size_t count = 1;
	if (settings->data) {
		arguments[count++] = "--root";
		arguments[count++] = settings->data;
	}
	if (settings->state) {
		arguments[count++] = "--state";
		arguments[count++] = settings->state;
	}
	arguments[count++] = "__ended";
	arguments[count++] = words;
	arguments[count++] = settings->id;
	arguments[count++] = status;
	(void)execv(settings->rung, (char **)arguments);
	_exit(127); /* rung was uninstalled: the next command finds the noted status */
}

static void let_signals_through(void)
{
	sigset_t none;
	sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	static struct monitor monitor = {.pidfd = -1, .guardian_fd = -1, .memory_fd = -1};
	monitor.settings = stream_settings_none;
	int r = argc > 0 ? read_words(&monitor, argv + 1) : -EINVAL;
	if (r < 0) {
		(void)fprintf(stderr, "rung-monitor: %s\n", error_text());
		return 125;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	struct streams *streams = NULL;
	r = watch(&monitor, &streams);
	monitor.streams = streams;
	if (r == 0)
		r = loop_run(&monitor.loop);
	if (r < 0)
		kill_container(&monitor);
	if (monitor.memory_fd >= 0)
		count_kills(&monitor);
	int status = 0;
	r = process_reap(monitor.pidfd, &status);
	int exit_code = r < 0 ? 255 : process_exit_code(status);
	note_exit(&monitor, exit_code);
	health_stop();
	if (streams)
		streams_finish(streams, exit_code);
	if (monitor.quiet)
		return 0;
	let_signals_through();
	hand_over(&monitor, exit_code, streams ? streams_clients(streams) : "");
}
