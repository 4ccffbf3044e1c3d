// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * System calls by another door than libc's: those of i386 (int 0x80), which a filter for amd64
 * alone would not see, and those of x32, which have bit 30 set in their number.
 */

#include <errno.h>

#if defined(__x86_64__)
/** Returns like syscall(2). Arguments are 32 bits wide: pointers must come from low_copy(). */
static inline long i386_call(unsigned number, unsigned first, unsigned second, unsigned third)
{
	long result;
	/* What int 0x80 leaves in r8 to r11 is not defined before Linux 4.17. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(third), "S"(0), "D"(0)
			 : "r8", "r9", "r10", "r11", "memory");
	if ((int)result < 0 && (int)result > -4096) {
		errno = -(int)result;
		return -1;
	}
	return (int)result;
}
#else
static inline long i386_call(unsigned number, unsigned first, unsigned second, unsigned third)
{
	errno = ENOSYS;
	return -1;
}
#endif

enum { X32_BIT = 0x40000000 };
