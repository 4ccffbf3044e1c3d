// SPDX-License-Identifier: Apache-2.0

#include "verbs/container/preserve.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>

enum { FIRST = 3, MOST = 1024 };

/* What we opened ourselves closes when a program is executed. */
static bool is_callers(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int read_list(const struct strings *list, bool wanted[static MOST], uint64_t *last)
{
	for (size_t i = 0; list && i < list->count; i++) {
		uint64_t number;
		if (parse_uint64(list->items[i], MOST - 1, &number) < 0 || number < FIRST)
			return refuse(-EINVAL, "--preserve-fd %s is not a number from %d to %d",
				list->items[i], FIRST, MOST - 1);
		if (!is_callers((int)number))
			return refuse(
				-EBADF, "--preserve-fd %s: it is not open here", list->items[i]);
		wanted[number] = true;
		if (number > *last)
			*last = number;
	}
	return 0;
}

/* What lies between must not be taken by us, nor be the program's. */
static int fill_holes(const bool wanted[static MOST], uint64_t last)
{
	for (int fd = FIRST; fd < (int)last; fd++) {
		if (wanted[fd])
			continue;
		if (fcntl(fd, F_GETFD) >= 0) {
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
			continue;
		}
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return fail(-errno, "open /dev/null");
		if (null != fd && (dup3(null, fd, O_CLOEXEC) < 0 || close(null) < 0))
			return fail(-errno, "keep descriptor %d free", fd);
	}
	return 0;
}

int preserve_descriptors(uint64_t count, const struct strings *list, uint64_t *ret_count)
{
	bool wanted[MOST] = {};
	uint64_t last = FIRST - 1;
	if (count > MOST - FIRST)
		return refuse(-EINVAL, "--preserve-fds %llu: at most %d", (unsigned long long)count,
			MOST - FIRST);
	for (uint64_t i = 0; i < count; i++) {
		if (!is_callers(FIRST + (int)i))
			return refuse(-EBADF,
				"--preserve-fds %llu: descriptor %llu is not open here",
				(unsigned long long)count, (unsigned long long)i + FIRST);
		wanted[last = FIRST + i] = true;
	}
	int r = read_list(list, wanted, &last);
	if (r == 0)
		r = fill_holes(wanted, last);
	if (r == 0)
		*ret_count = last - (FIRST - 1);
	return r;
}
