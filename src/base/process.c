// SPDX-License-Identifier: Apache-2.0
/*
 * Identity, ends and births of processes; see process.h for what holds.
 *
 * Why posix_spawn(3) and not fork(2): it shares memory until exec as vfork(2)
 * does, so it costs the same for a large caller as for a small one, it reports
 * the errno of a failed exec, and glibc has thought about signals and threads.
 */
#include "base/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/memory_file.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define OUTPUT_MAX (64u << 10)

int process_read_start_time(pid_t pid, uint64_t *ret_start_time)
{
	if (pid <= 0)
		return -ESRCH;
	char path[32], stat[2048];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int r = fs_read_small(AT_FDCWD, path, stat, sizeof(stat));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	/* Field 2 is the name in parentheses, and a name may hold spaces and parentheses. */
	char *field = strrchr(stat, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	if (!field)
		return -EBADMSG;
	field++;
	field[strspn(field, "0123456789")] = '\0';
	return parse_uint64(field, UINT64_MAX, ret_start_time) < 0 ? -EBADMSG : 0;
}

int process_identify(pid_t pid, struct process_id *ret_id)
{
	uint64_t start_time;
	int r = process_read_start_time(pid, &start_time);
	if (r < 0)
		return r;
	*ret_id = (struct process_id){pid, start_time};
	return 0;
}

/*
 * The descriptor first, the comparison second: whoever has the pid after the
 * comparison, the descriptor holds the process that had it before. If that one
 * ended in between and the pid went to another, the start times differ.
 */
int process_open(const struct process_id *id)
{
	if (id->pid <= 0)
		return -ESRCH;
	autoclose int pidfd = kernel_pidfd_open(id->pid);
	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd; /* EINVAL: the pid of a thread by now */
	uint64_t start_time;
	int r = process_read_start_time(id->pid, &start_time);
	if (r < 0)
		return r;
	return start_time == id->start_time ? take_fd(pidfd) : -ESRCH;
}

int process_wait_pidfd(int pidfd, int64_t timeout_ms)
{
	struct clock_deadline deadline = clock_deadline_in(timeout_ms);
	for (;;) {
		struct pollfd wait = {.fd = pidfd, .events = POLLIN};
		int left_ms = clock_left_ms(&deadline);
		int n = poll(&wait, 1, left_ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return wait.revents & POLLNVAL ? -EBADF : 0;
		if (n == 0 && clock_left_ms(&deadline) == 0)
			return -ETIMEDOUT;
	}
}

int process_wait(const struct process_id *id, int64_t timeout_ms)
{
	autoclose int pidfd = process_open(id);
	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	return process_wait_pidfd(pidfd, timeout_ms);
}

bool process_alive(const struct process_id *id)
{
	return process_wait(id, 0) == -ETIMEDOUT;
}

int process_signal(const struct process_id *id, int signal_number)
{
	autoclose int pidfd = process_open(id);
	if (pidfd < 0)
		return pidfd;
	if (process_wait_pidfd(pidfd, 0) == 0)
		return -ESRCH; /* the kernel takes signals for a zombie and forgets them */
	return kernel_pidfd_send_signal(pidfd, signal_number);
}

int process_reap(int pidfd, int *ret_status)
{
	siginfo_t info = {};
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	if (info.si_code == CLD_EXITED)
		*ret_status = (info.si_status & 0xff) << 8;
	else
		*ret_status = info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
	return 0;
}

int process_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int input_file(const void *input, size_t length)
{
	autoclose int fd = memory_file("input", false);
	if (fd < 0)
		return fd;
	int r = fs_write_all(fd, input, length);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(fd);
}

/* Descriptors on their way to the program; the copies are above every number it will see. */
struct passage {
	struct process_fd *copies; /* ours: the copy */
	size_t count;
	int above;
};

static void passage_fini(struct passage *passage)
{
	for (size_t i = 0; i < passage->count; i++)
		(void)close(passage->copies[i].ours);
	free(passage->copies);
}

/*
 * By way of a copy above all of its numbers, because dup2() runs one after the
 * other in the child: {3→4, 4→3} would otherwise give 3 twice.
 */
static int passage_add(struct passage *passage, int ours, int its)
{
	int copy = fcntl(ours, F_DUPFD_CLOEXEC, passage->above);
	if (copy < 0)
		return -errno;
	passage->copies[passage->count++] = (struct process_fd){.ours = copy, .its = its};
	return 0;
}

static bool given(const struct process_spawn *spawn, int its)
{
	for (size_t i = 0; i < spawn->fd_count; i++)
		if (spawn->fds[i].its == its)
			return true;
	return false;
}

/* Standard input, output and error, as far as the caller's list does not name them. */
static int passage_add_standard(
	struct passage *passage, const struct process_spawn *spawn, int output_fd)
{
	int r = 0;
	if (!given(spawn, STDIN_FILENO)) {
		autoclose int input = spawn->input ? input_file(spawn->input, spawn->input_length)
						   : open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (input < 0)
			return spawn->input ? input : -errno;
		r = passage_add(passage, input, STDIN_FILENO);
	}
	for (int its = STDOUT_FILENO; r == 0 && output_fd >= 0 && its <= STDERR_FILENO; its++)
		if (!given(spawn, its))
			r = passage_add(passage, output_fd, its);
	return r;
}

static int passage_fill(struct passage *passage, const struct process_spawn *spawn, int output_fd)
{
	for (size_t i = 0; i < spawn->fd_count; i++)
		if (spawn->fds[i].its >= passage->above)
			passage->above = spawn->fds[i].its + 1;
	passage->copies = calloc(spawn->fd_count + 3, sizeof(*passage->copies));
	if (!passage->copies)
		return -ENOMEM;
	int r = passage_add_standard(passage, spawn, output_fd);
	for (size_t i = 0; r == 0 && i < spawn->fd_count; i++)
		r = passage_add(passage, spawn->fds[i].ours, spawn->fds[i].its);
	return r;
}

/* ---- the child's side: no memory is allocated, nothing of ours is changed ------ */

static int arrange_descriptors(const struct process_spawn *spawn, const struct passage *passage)
{
	for (size_t i = 0; i < passage->count; i++)
		if (dup2(passage->copies[i].ours, passage->copies[i].its) < 0)
			return -errno;
	/* Close-on-exec covers our own; this covers what our caller left open for us. */
	for (int its = STDERR_FILENO + 1; its < passage->above; its++)
		if (!given(spawn, its))
			(void)close(its);
	return kernel_close_range((unsigned)passage->above, ~0u, CLOSE_RANGE_CLOEXEC);
}

[[gnu::noreturn]] static void become(
	const struct process_spawn *spawn, const struct passage *passage, int report_fd)
{
	const char *const alone[] = {spawn->program, NULL};
	const char *const *arguments = spawn->arguments ? spawn->arguments : alone;
	const char *const *environment =
		spawn->environment ? spawn->environment : (const char *const *)environ;
	kernel_reset_signals();
	int r = arrange_descriptors(spawn, passage);
	if (r == 0 && spawn->working_directory && chdir(spawn->working_directory) < 0)
		r = -errno;
	if (r == 0) {
		(void)execve(spawn->program, (char *const *)arguments, (char *const *)environment);
		r = -errno;
	}
	ssize_t ignored = write(report_fd, &r, sizeof(r));
	(void)ignored;
	_exit(127);
}

/*
 * posix_spawn(3) would do, but closing what others left open is glibc's own addition to it. The
 * pipe closes by itself when exec succeeds; otherwise it brings the errno.
 */
static int spawn_with(const struct process_spawn *spawn, struct passage *passage, pid_t *ret_pid)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	autoclose int hearing = ends[0];
	autoclose int low = ends[1];
	autoclose int telling = fcntl(low, F_DUPFD_CLOEXEC, passage->above);
	if (telling < 0)
		return -errno;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0)
		become(spawn, passage, telling);
	if (pid < 0)
		return pid;
	close_now(telling);
	close_now(low);
	int r = 0;
	ssize_t n;
	do {
		n = read(hearing, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(r)) {
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	return 0;
}

int process_start(const struct process_spawn *spawn, struct process_child *ret_child)
{
	int ends[2] = {-1, -1};
	if (spawn->output && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(-errno, "run %s: make a pipe", spawn->program);
	autoclose int reading = ends[0];
	autoclose int writing = ends[1];
	if (writing >= 0 && fcntl(writing, F_SETFL, 0) < 0) /* only our end does not block */
		return fail(-errno, "run %s: set up the pipe", spawn->program);

	autofini(passage_fini) struct passage passage = {.above = STDERR_FILENO + 1};
	int r = passage_fill(&passage, spawn, writing);
	if (r < 0)
		return fail(r, "run %s: prepare its descriptors", spawn->program);
	pid_t pid = -1;
	r = spawn_with(spawn, &passage, &pid);
	if (r < 0)
		return fail(r, "run %s", spawn->program);

	int pidfd = kernel_pidfd_open(pid); /* ours and not reaped: the pid cannot be another's */
	if (pidfd < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return fail(pidfd, "run %s: pidfd_open", spawn->program);
	}
	*ret_child = (struct process_child){pid, pidfd, take_fd(reading)};
	return 0;
}

/*
 * One read of what has arrived; false when there is nothing (the end closes *fd).
 * What is above the limit is read and dropped, so that the program goes on.
 */
static bool collect(int *fd, struct text *output)
{
	char bytes[4096];
	ssize_t n = *fd < 0 ? 0 : read(*fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0) {
		close_now(*fd);
		return false;
	}
	size_t room = OUTPUT_MAX > output->length ? OUTPUT_MAX - output->length : 0;
	text_add_bytes(output, bytes, (size_t)n < room ? (size_t)n : room);
	return true;
}

/*
 * Returns when the process has ended: 0, or -ETIMEDOUT when it has not in time.
 * The end beats the output, because a descendant may write to it forever; what a
 * pipe can hold at most is still read then.
 */
static int follow(int pidfd, int *output_fd, struct text *output, int64_t timeout_ms)
{
	struct clock_deadline deadline = clock_deadline_in(timeout_ms);
	for (;;) {
		struct pollfd waits[] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = *output_fd, .events = POLLIN}, /* -1 is left out by poll(2) */
		};
		int left_ms = clock_left_ms(&deadline);
		int n = poll(waits, 2, left_ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && waits[0].revents) {
			for (size_t reads = 0; reads < OUTPUT_MAX / 1024; reads++)
				if (!collect(output_fd, output))
					break;
			return 0;
		}
		if (left_ms == 0)
			return -ETIMEDOUT;
		if (n > 0)
			(void)collect(output_fd, output);
	}
}

int process_spawn(const struct process_spawn *spawn, int *ret_status)
{
	struct process_child child = {.pid = -1, .pidfd = -1, .output_fd = -1};
	int r = process_start(spawn, &child);
	if (r < 0)
		return r;
	autoclose int pidfd = child.pidfd;
	autoclose int output_fd = child.output_fd;

	int ended = follow(pidfd, &output_fd, spawn->output,
		spawn->timeout_ms ? (int64_t)spawn->timeout_ms : -1);
	if (ended < 0)
		(void)kernel_pidfd_send_signal(pidfd, SIGKILL);
	int status = 0;
	r = process_reap(pidfd, &status);
	if (ended == -ETIMEDOUT)
		return refuse(ended, "run %s: killed, it took longer than %u ms", spawn->program,
			spawn->timeout_ms);
	if (ended < 0 || r < 0)
		return fail(ended < 0 ? ended : r, "run %s: wait for it", spawn->program);
	*ret_status = status;
	return 0;
}
