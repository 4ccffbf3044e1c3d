// SPDX-License-Identifier: Apache-2.0

/*
 * The terminal it was started on: what is typed into it there, the shell outside reads.
 */

#include "escape.h"
#include "foreign_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum verdict typed(long result, const char *what)
{
	return result < 0 ? held("%s", what) : done("%s", what);
}

enum verdict attempt_type_character(void)
{
	long result = -1;
	for (int fd = 0; fd <= 2 && result < 0; fd++)
		result = syscall(SYS_ioctl, fd, TIOCSTI, "\n");
	return typed(result, "TIOCSTI");
}

/* The kernel takes the lower half of the number; a filter that compares all of it sees another. */
enum verdict attempt_type_high_bits(void)
{
	return typed(
		syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "\n"), "TIOCSTI with a high bit");
}

enum verdict attempt_type_device(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	return fd < 0 ? held("/dev/tty")
		      : typed(syscall(SYS_ioctl, fd, TIOCSTI, "\n"), "TIOCSTI of /dev/tty");
}

enum verdict attempt_type_i386(void)
{
	enum { I386_IOCTL = 54 };
	char *low = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return held("mmap");
	low[0] = '\n';
	long result = i386_call(I386_IOCTL, 0, TIOCSTI, (unsigned)(uintptr_t)low);
	return result < 0 && errno == ENOSYS ? impossible("int 0x80")
					     : typed(result, "TIOCSTI of i386");
}

/* What the shift keys do, the most harmless of its requests. */
enum verdict attempt_paste(void)
{
	char shift_state = 6;
	if (ioctl(0, TIOCLINUX, &shift_state) < 0)
		return errno == ENOTTY ? impossible("TIOCLINUX") : held("TIOCLINUX");
	return escaped("the console obeys");
}

/* Of a pseudoterminal that is then closed: nothing is lost. */
enum verdict attempt_take_console(void)
{
	if (ioctl(0, TIOCCONS) < 0 && errno != EBUSY)
		return held("TIOCCONS");
	return escaped("the console's messages come here");
}

/* The discipline of modems and the like; N_NULL takes it back to something harmless. */
enum verdict attempt_line_discipline(void)
{
	int discipline = 27, usual = 0;
	if (ioctl(0, TIOCSETD, &discipline) < 0)
		return held("TIOCSETD");
	ioctl(0, TIOCSETD, &usual);
	return escaped("another line discipline is set");
}
