// SPDX-License-Identifier: Apache-2.0
#include "walls/signals.h"

#include "base/text.h"

#include <signal.h>
#include <strings.h>

/* signal(7); strings inside, so that nothing has to be relocated at each start. */
static const struct {
	char name[8];
	uint8_t number;
} signals[] = {
	{"HUP", SIGHUP},
	{"INT", SIGINT},
	{"QUIT", SIGQUIT},
	{"ILL", SIGILL},
	{"TRAP", SIGTRAP},
	{"ABRT", SIGABRT},
	{"IOT", SIGIOT},
	{"BUS", SIGBUS},
	{"FPE", SIGFPE},
	{"KILL", SIGKILL},
	{"USR1", SIGUSR1},
	{"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},
	{"ALRM", SIGALRM},
	{"TERM", SIGTERM},
	{"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD},
	{"CLD", SIGCHLD},
	{"CONT", SIGCONT},
	{"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU},
	{"URG", SIGURG},
	{"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM},
	{"PROF", SIGPROF},
	{"WINCH", SIGWINCH},
	{"IO", SIGIO},
	{"POLL", SIGIO},
	{"PWR", SIGPWR},
	{"SYS", SIGSYS},
};

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
	for (size_t i = 0; i < array_length(signals); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			return signals[i].number;
	return realtime(name);
}
