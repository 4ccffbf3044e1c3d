// SPDX-License-Identifier: Apache-2.0
#include "walls/signals.h"

#include "base/text.h"

#include <signal.h>
#include <strings.h>

static int realtime(const char *name)
{
	bool from_top = strncasecmp(name, "RTMAX", 5) == 0;
	if (!from_top && strncasecmp(name, "RTMIN", 5) != 0)
		return -EINVAL;
	const char *rest = name + 5;
	int number = from_top ? SIGRTMAX : SIGRTMIN;
	if (*rest == '\0')
		return number;
	uint64_t offset;
	if (*rest != (from_top ? '-' : '+') || parse_uint64(rest + 1, 30, &offset) < 0)
		return -EINVAL;
	number += from_top ? -(int)offset : (int)offset;
	return number >= SIGRTMIN && number <= SIGRTMAX ? number : -EINVAL;
}

int signal_by_name(const char *name)
{
	uint64_t number;
	if (parse_uint64(name, (uint64_t)SIGRTMAX, &number) == 0)
		return (int)number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int candidate = 1; candidate < SIGRTMIN; candidate++) {
		const char *known = sigabbrev_np(candidate);
		if (known && strcasecmp(known, name) == 0)
			return candidate;
	}
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	if (strcasecmp(name, "IOT") == 0)
		return SIGIOT;
	if (strcasecmp(name, "POLL") == 0 || strcasecmp(name, "IO") == 0)
		return SIGPOLL;
	return realtime(name);
}
