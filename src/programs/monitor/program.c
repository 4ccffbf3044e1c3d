// SPDX-License-Identifier: Apache-2.0

/*
 * The program's side that clients reach. Its input is a pipe or the master of its terminal; the
 * master is watched for output under its own number, so input uses a duplicate: epoll(7) knows a
 * descriptor once.
 *
 * A terminal has no end of input but the character that means it, and only in canonical mode. So
 * `echo ls | rung run -it IMG sh` ends, and an editor is not typed a control character.
 */

#include "program.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

int program_init(struct program *program, struct loop *loop, const struct stream_settings *settings,
	int pidfd, void (*on_room)(void *context), void *context)
{
	*program = (struct program){
		.loop = loop,
		.pidfd = pidfd,
		.input_fd = settings->input_fd,
		.terminal = settings->terminal_fd >= 0,
		.new_line = true,
		.on_room = on_room,
		.context = context,
	};
	if (program->terminal)
		program->input_fd = fcntl(settings->terminal_fd, F_DUPFD_CLOEXEC, 3);
	else if (program->input_fd >= 0 && fcntl(program->input_fd, F_SETFL, O_NONBLOCK) < 0)
		program->input_fd = -1;
	return program->terminal && program->input_fd < 0 ? fail(-errno, "prepare the terminal")
							  : 0;
}

void program_fini(struct program *program)
{
	program_watch(program, false);
	close_now(program->input_fd);
}

bool program_takes_input(const struct program *program)
{
	return program->input_fd >= 0;
}

size_t program_write(struct program *program, const unsigned char *bytes, size_t length)
{
	if (program->input_fd < 0 || length == 0)
		return length;
	ssize_t n = write(program->input_fd, bytes, length);
	if (n > 0) {
		program->new_line = bytes[n - 1] == '\n' || bytes[n - 1] == '\r';
		return (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (!program->terminal) { /* EPIPE: it reads no more */
		program_watch(program, false);
		close_now(program->input_fd);
	}
	return length;
}

static int on_input(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct program *program = context;
	program->on_room(program->context);
	return 0;
}

void program_watch(struct program *program, bool on)
{
	if (!on) {
		loop_remove(program->watch);
		program->watch = NULL;
	} else if (!program->watch && program->input_fd >= 0 &&
		   loop_add_fd(program->loop, program->input_fd, EPOLLOUT, on_input, program,
			   &program->watch) < 0) {
		error_clear();
	}
}

void program_end_input(struct program *program)
{
	struct termios modes;
	if (!program->terminal) {
		program_watch(program, false);
		close_now(program->input_fd);
	} else if (tcgetattr(program->input_fd, &modes) == 0 && modes.c_lflag & ICANON) {
		/* The first one ends a line that was begun, the next one is the end. */
		const unsigned char end[] = {modes.c_cc[VEOF], modes.c_cc[VEOF]};
		(void)!write(program->input_fd, end, program->new_line ? 1 : 2);
	}
}

void program_resize(const struct program *program, const struct wire_size *size, bool redraw)
{
	struct winsize now, wanted = {.ws_row = size->rows, .ws_col = size->columns};
	if (!program->terminal)
		return;
	if (redraw && ioctl(program->input_fd, TIOCGWINSZ, &now) == 0 &&
		now.ws_row == wanted.ws_row && now.ws_col == wanted.ws_col) {
		now.ws_row++; /* the kernel tells the program of changes only */
		(void)ioctl(program->input_fd, TIOCSWINSZ, &now);
	}
	(void)ioctl(program->input_fd, TIOCSWINSZ, &wanted);
}

void program_signal(const struct program *program, int number)
{
	if (program->pidfd >= 0)
		(void)kernel_pidfd_send_signal(program->pidfd, number);
}
