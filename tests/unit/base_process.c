// SPDX-License-Identifier: Apache-2.0

/* Processes: who they are, that they ended, and what a started one is given. */

#include "base/error.h"
#include "base/process.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that waits for its end; its name would mislead a careless reader of /proc/PID/stat. */
static pid_t start_sleeper(struct process_id *ret_id)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, ") S 1 (x) 2 3");
		(void)!write(ends[1], "x", 1);
		for (;;)
			pause();
	}
	char ready;
	assert_int_equal(read(ends[0], &ready, 1), 1);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(process_identify(pid, ret_id), 0);
	return pid;
}

static void test_identity(void **state)
{
	struct process_id id;
	pid_t pid = start_sleeper(&id);
	assert_int_equal(id.pid, pid);
	uint64_t start_time = 0, ours = 0;
	assert_int_equal(process_read_start_time(pid, &start_time), 0);
	assert_int_equal(process_read_start_time(getpid(), &ours), 0);
	assert_int_equal(start_time, id.start_time);
	assert_true(ours <= start_time && ours > 0);
	assert_true(start_time - ours < 100000); /* not a field beside it */
	assert_true(process_alive(&id));
	autoclose int pidfd = process_open(&id);
	assert_true(pidfd >= 0);
	assert_int_equal(process_wait(&id, 0), -ETIMEDOUT);
	assert_int_equal(process_wait_pidfd(pidfd, 5), -ETIMEDOUT);

	/* The same pid with another start is another process: never signalled. */
	struct process_id recycled = {pid, start_time + 1};
	assert_false(process_alive(&recycled));
	assert_int_equal(process_open(&recycled), -ESRCH);
	assert_int_equal(process_signal(&recycled, SIGKILL), -ESRCH);
	assert_int_equal(process_wait(&recycled, -1), 0);
	assert_true(process_alive(&id));

	assert_int_equal(process_signal(&id, 0), 0);
	assert_int_equal(process_signal(&id, 9999), -EINVAL);
	assert_int_equal(process_signal(&id, SIGTERM), 0);
	assert_int_equal(process_wait(&id, -1), 0);

	/* A zombie is dead, but who it was can still be asked. */
	assert_false(process_alive(&id));
	assert_int_equal(process_read_start_time(pid, &start_time), 0);
	assert_int_equal(process_signal(&id, SIGTERM), -ESRCH);
	int status = 0;
	assert_int_equal(process_reap(pidfd, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(process_exit_code(status), 128 + SIGTERM);
	assert_int_equal(process_reap(pidfd, &status), -ECHILD);
	assert_int_equal(process_open(&id), -ESRCH);
	assert_int_equal(process_wait(&id, -1), 0);
}

static void test_nobody(void **state)
{
	static const pid_t nobodies[] = {0, -1, INT_MIN, INT_MAX};
	for (size_t i = 0; i < array_length(nobodies); i++) {
		struct process_id id = {nobodies[i], 1};
		uint64_t start_time = 77;
		assert_int_equal(process_read_start_time(nobodies[i], &start_time), -ESRCH);
		assert_int_equal(start_time, 77);
		assert_int_equal(process_identify(nobodies[i], &id), -ESRCH);
		assert_int_equal(process_open(&id), -ESRCH);
		assert_false(process_alive(&id));
		assert_int_equal(process_signal(&id, SIGKILL), -ESRCH);
	}
	assert_int_equal(process_wait_pidfd(-1, 0), -ETIMEDOUT); /* poll(2) leaves out -1 */
}

static void *keep_running(void *context)
{
	for (;;)
		pause();
	return NULL;
}

/* Its first thread has ended and shows as a zombie; the process lives on in the second. */
static void test_leader_gone(void **state)
{
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, keep_running, NULL) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	struct process_id id;
	assert_int_equal(process_identify(pid, &id), 0);
	char path[64], line[256] = {};
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int tries = 0; tries < 1000 && !strstr(line, ") Z"); tries++) {
		FILE *stat = fopen(path, "re");
		assert_non_null(fgets(line, sizeof(line), stat));
		fclose(stat);
		usleep(1000);
	}
	assert_non_null(strstr(line, ") Z"));
	assert_true(process_alive(&id));
	assert_int_equal(process_signal(&id, SIGKILL), 0);
	assert_int_equal(process_wait(&id, -1), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int shell(const char *script, struct process_spawn *spawn, struct text *output, int *status)
{
	const char *const arguments[] = {"sh", "-c", script, NULL};
	spawn->program = "/bin/sh";
	spawn->arguments = arguments;
	spawn->output = output;
	int r = process_spawn(spawn, status);
	spawn->arguments = NULL;
	return r;
}

static void test_spawn(void **state)
{
	autofini(text_fini) struct text output = {};
	int status = 77;
	struct process_spawn spawn = {.input = "from us\n", .input_length = 8};
	assert_int_equal(
		shell("cat; cat /dev/stdin; echo wrong >&2; exit 7", &spawn, &output, &status), 0);
	assert_int_equal(process_exit_code(status), 7);
	assert_string_equal(text_get(&output), "from us\nfrom us\nwrong\n");

	/* No input is /dev/null; environment and directory are as told, and nothing else. */
	text_fini(&output);
	const char *const environment[] = {"A=b c", NULL};
	spawn = (struct process_spawn){
		.environment = environment, .working_directory = "/proc/self"};
	assert_int_equal(
		shell("cat; echo $A $HOME; readlink /proc/self/cwd", &spawn, &output, &status), 0);
	assert_int_equal(status, 0);
	assert_true(text_starts(text_get(&output), "b c\n/proc/"));

	spawn = (struct process_spawn){.program = "/bin/true"};
	assert_int_equal(process_spawn(&spawn, &status), 0); /* arguments: just the program */
	assert_int_equal(status, 0);
	spawn.program = "/bin/sh";
	assert_int_equal(shell("kill -9 $$", &spawn, NULL, &status), 0);
	assert_int_equal(process_exit_code(status), 128 + SIGKILL);
}

static void test_spawn_fails(void **state)
{
	int status = 77;
	struct process_spawn spawn = {.program = "/nonexistent/program"};
	assert_int_equal(process_spawn(&spawn, &status), -ENOENT);
	assert_string_equal(error_text(), "run /nonexistent/program: No such file or directory");
	spawn.program = "/proc/self/status";
	assert_int_equal(process_spawn(&spawn, &status), -EACCES);
	spawn = (struct process_spawn){.program = "/bin/true", .working_directory = "/nonexistent"};
	assert_int_equal(process_spawn(&spawn, &status), -ENOENT);
	spawn = (struct process_spawn){
		.program = "/bin/true", .fds = &(struct process_fd){-1, 5}, .fd_count = 1};
	assert_int_equal(process_spawn(&spawn, &status), -EBADF);
	assert_int_equal(status, 77);                     /* untouched */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left to reap */
	assert_int_equal(errno, ECHILD);
}

static void test_timeout(void **state)
{
	int status = 77;
	struct process_spawn spawn = {.timeout_ms = 100};
	assert_int_equal(shell("exec sleep 600", &spawn, NULL, &status), -ETIMEDOUT);
	assert_string_equal(error_text(), "run /bin/sh: killed, it took longer than 100 ms");
	assert_int_equal(status, 77);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);

	/* One that floods us is killed as well. */
	autofini(text_fini) struct text output = {};
	assert_int_equal(shell("exec yes", &spawn, &output, &status), -ETIMEDOUT);
	assert_in_range(output.length, 1, 64 << 10);
}

/* What a program leaves behind may hold its output open, or fill it: we do not wait for that. */
static void test_descendants(void **state)
{
	autofini(text_fini) struct text output = {};
	int status;
	struct process_spawn spawn = {.timeout_ms = 60000};
	assert_int_equal(shell("sleep 600 & echo $!; exit 3", &spawn, &output, &status), 0);
	assert_int_equal(process_exit_code(status), 3);
	pid_t left = (pid_t)strtol(text_get(&output), NULL, 10);
	assert_true(left > 1);
	assert_int_equal(kill(left, SIGKILL), 0);

	text_fini(&output);
	assert_int_equal(shell("yes & exit 4", &spawn, &output, &status), 0); /* SIGPIPE ends it */
	assert_int_equal(process_exit_code(status), 4);
}

/* Input that nobody reads, output beyond the limit: neither blocks. */
static void test_much(void **state)
{
	size_t length = 4 << 20;
	autofree char *input = malloc(length);
	memset(input, 'i', length);
	autofini(text_fini) struct text output = {};
	int status;
	struct process_spawn spawn = {.input = input, .input_length = length};
	assert_int_equal(shell("exit 0", &spawn, NULL, &status), 0);
	assert_int_equal(shell("cat", &spawn, &output, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(output.length, 64 << 10);
}

/* Descriptors 3 and 4 change places; 5 is given twice; 7 was left open and stays behind. */
static void test_descriptors(void **state)
{
	int a = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int b = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int three = dup2(a, 3), four = dup2(b, 4), seven = dup2(a, 7); /* not close-on-exec */
	assert_true(three == 3 && four == 4 && seven == 7);
	struct process_fd fds[] = {{3, 4}, {4, 3}, {3, 5}, {4, 9}};
	struct process_spawn spawn = {.fds = fds, .fd_count = 4};
	autofini(text_fini) struct text output = {};
	int status;
	assert_int_equal(shell("for n in 0 3 4 5 6 7 8 9 10 11 12; do "
			       "readlink /proc/$$/fd/$n || echo $n; done",
				 &spawn, &output, &status),
		0);
	assert_string_equal(text_get(&output),
		"/dev/null\n/dev/full\n/dev/zero\n/dev/zero\n6\n7\n8\n/dev/full\n10\n11\n12\n");
	close(3), close(4), close(7);
	if (a > 7)
		close(a);
	if (b > 7)
		close(b);
}

/* Blocked and ignored signals are our own matter. */
static void test_signals(void **state)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	autofini(text_fini) struct text output = {};
	int status;
	struct process_spawn spawn = {};
	assert_int_equal(
		shell("grep -E '^Sig(Blk|Ign)' /proc/self/status", &spawn, &output, &status), 0);
	assert_string_equal(
		text_get(&output), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	(void)signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_start(void **state)
{
	struct process_spawn spawn = {.program = "/bin/true"};
	struct process_child child;
	assert_int_equal(process_start(&spawn, &child), 0);
	assert_true(child.pid > 0);
	assert_int_equal(child.output_fd, -1);
	assert_int_equal(fcntl(child.pidfd, F_GETFD), FD_CLOEXEC);
	int status;
	assert_int_equal(process_wait_pidfd(child.pidfd, -1), 0);
	assert_int_equal(process_reap(child.pidfd, &status), 0);
	assert_int_equal(process_exit_code(status), 0);
	close(child.pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_leader_gone),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_spawn_fails),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
