// SPDX-License-Identifier: Apache-2.0

/* The event loop: every kind of watch, and removal at every awkward moment. */

#include "base/error.h"
#include "base/kernel.h"
#include "base/loop.h"
#include "base/process.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

struct notes {
	struct loop *loop;
	struct loop_watch *other;
	int calls, answer, status;
	char bytes[16];
};

static int on_fd(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct notes *notes = context;
	notes->calls++;
	assert_int_equal(read(fd, notes->bytes, 1), 1);
	return notes->answer;
}

static void test_fd(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct notes notes = {.answer = 7};
	struct loop_watch *watch;
	assert_int_equal(loop_add_fd(&loop, ends[0], EPOLLIN, on_fd, &notes, &watch), 0);

	assert_int_equal(loop_run_once(&loop, 0), 0);
	assert_int_equal(notes.calls, 0);
	assert_int_equal(write(ends[1], "ab", 2), 2);
	assert_int_equal(loop_run(&loop), 7);
	assert_int_equal(notes.bytes[0], 'a');

	/* Level triggered: the second byte is still there. Resting: it waits. */
	assert_int_equal(loop_change_fd(watch, 0), 0);
	assert_int_equal(loop_run_once(&loop, 0), 0);
	assert_int_equal(loop_change_fd(watch, EPOLLIN), 0);
	assert_int_equal(loop_run_once(&loop, 0), 7);
	assert_int_equal(notes.bytes[0], 'b');

	loop_remove(watch);
	assert_int_equal(write(ends[1], "c", 1), 1);
	assert_int_equal(loop_run(&loop), 0); /* nothing is watched */
	assert_int_equal(notes.calls, 2);
	assert_true(fcntl(ends[0], F_GETFD) >= 0); /* ours to close */
	loop_fini(&loop);
	close(ends[0]);
	close(ends[1]);
}

static void test_fd_refused(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	struct loop_watch *watch = (struct loop_watch *)&loop;
	assert_int_equal(loop_add_fd(&loop, -1, EPOLLIN, on_fd, NULL, &watch), -EBADF);
	assert_ptr_equal(watch, &loop); /* untouched */
	assert_non_null(strstr(error_text(), "watch descriptor -1"));
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(loop_add_fd(&loop, file, EPOLLIN, on_fd, NULL, NULL), -EPERM);
	close(file);
	loop_fini(&loop);
	loop_fini(&loop); /* once more does nothing */
	loop_fini(&(struct loop){});
}

static int remove_both(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct notes *notes = context;
	notes->calls++;
	loop_remove(notes->other);
	loop_remove(watch);
	loop_remove(watch); /* a second time does nothing while it runs */
	return 0;
}

/* Two are ready; whichever comes first removes both, and the other must not be called. */
static void test_removal_in_callback(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	int a[2], b[2];
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	struct notes first = {}, second = {};
	assert_int_equal(loop_add_fd(&loop, a[0], EPOLLIN, remove_both, &first, &second.other), 0);
	assert_int_equal(loop_add_fd(&loop, b[0], EPOLLIN, remove_both, &second, &first.other), 0);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(first.calls + second.calls, 1);
	assert_null(loop.watches);
	assert_null(loop.removed);
	loop_fini(&loop);
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static int run_inside(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct notes *notes = context;
	if (notes->calls++ > 0) { /* the inner round is called back for the same descriptor */
		loop_remove(watch);
		return 5;
	}
	assert_int_equal(loop_run_once(notes->loop, 0), 5);
	assert_non_null(notes->loop->removed); /* kept: this callback is still running */
	return 6;
}

static void test_loop_inside_callback(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct notes notes = {.loop = &loop};
	assert_int_equal(loop_add_fd(&loop, ends[0], EPOLLIN, run_inside, &notes, NULL), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_run(&loop), 6);
	assert_int_equal(notes.calls, 2);
	assert_null(loop.removed);
	loop_fini(&loop);
	close(ends[0]);
	close(ends[1]);
}

static int on_timer(struct loop_watch *watch, void *context)
{
	struct notes *notes = context;
	return ++notes->calls == notes->answer ? notes->answer : 0;
}

static void test_timers(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	struct notes once = {.answer = 1}, often = {.answer = 3};
	struct loop_watch *timer;
	assert_int_equal(loop_add_timer_ms(&loop, 0, 0, on_timer, &once, &timer), 0);
	assert_int_equal(loop_run(&loop), 1);
	assert_int_equal(loop_run_once(&loop, 5), 0); /* not again */
	assert_int_equal(loop_set_timer_ms(timer, 1, 0), 0);
	once.answer = 2;
	assert_int_equal(loop_run(&loop), 2);
	loop_remove(timer);
	assert_int_equal(loop_add_timer_ms(&loop, 1, 1, on_timer, &often, NULL), 0);
	assert_int_equal(loop_run(&loop), 3);
	loop_fini(&loop);
}

static int on_signal(struct loop_watch *watch, const struct signalfd_siginfo *info, void *context)
{
	struct notes *notes = context;
	notes->calls++;
	notes->status = (int)info->ssi_signo;
	return (int)info->ssi_signo;
}

static void test_signals(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	sigset_t signals, before;
	sigprocmask(SIG_SETMASK, NULL, &before);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGHUP);
	struct notes notes = {};
	assert_int_equal(loop_add_signals(&loop, &signals, on_signal, &notes, NULL), 0);
	raise(SIGUSR1);
	raise(SIGHUP); /* would end us were it not blocked */
	int first = loop_run(&loop), second = loop_run(&loop);
	assert_int_equal(first + second, SIGUSR1 + SIGHUP);
	assert_int_equal(notes.calls, 2);
	loop_fini(&loop);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static int on_process(struct loop_watch *watch, int pidfd, void *context)
{
	struct notes *notes = context;
	notes->calls++;
	assert_int_equal(process_reap(pidfd, &notes->status), 0);
	return 1;
}

static void test_processes(void **state)
{
	struct loop loop;
	assert_int_equal(loop_init(&loop), 0);
	const char *const arguments[] = {"sh", "-c", "exit 9", NULL};
	struct process_spawn spawn = {.program = "/bin/sh", .arguments = arguments};
	struct notes notes[3] = {};
	struct process_child children[3];
	for (int i = 0; i < 3; i++) {
		assert_int_equal(process_start(&spawn, &children[i]), 0);
		assert_int_equal(
			loop_add_process(&loop, children[i].pidfd, on_process, &notes[i], NULL), 0);
	}
	/* Ending the run at each of them must not lose the others' events. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_run(&loop), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(notes[i].calls, 1);
		assert_int_equal(process_exit_code(notes[i].status), 9);
		close(children[i].pidfd);
	}
	assert_int_equal(loop_run_once(&loop, 0), 0);
	loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd),
		cmocka_unit_test(test_fd_refused),
		cmocka_unit_test(test_removal_in_callback),
		cmocka_unit_test(test_loop_inside_callback),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
