// SPDX-License-Identifier: Apache-2.0

/*
 * rung-door: the supervisor of a sandbox that may ask. In: the number of a descriptor (handoff.h).
 * Out: "ready" to rung, then answers at the doors until rung or the sandbox is gone, then what
 * there is to report.
 *
 * It lives in the sandbox's user namespace with all capabilities there, and for the rest on the
 * host: it sees the host's files and network with the person's rights, and can mount into the
 * sandbox. So nothing inside may reach it: it is not dumpable (no ptrace, no /proc/PID/fd for
 * processes of the same user), listens to the kernel alone at the doors, and to programs outside
 * the sandbox at the ask socket. If it dies the doors answer with errors.
 */

#include "ask.h"
#include "files.h"
#include "handoff.h"
#include "net_door.h"
#include "policy.h"
#include "report.h"

#include "base/error.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct supervisor {
	struct handoff handoff;
	struct arena arena;
	struct loop loop;
	struct ask *ask;
	struct policy *policy;
	struct net_door *net;
	struct file_doors *files;
};

static int on_control(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	char message[256];
	(void)watch, (void)events, (void)context;
	return recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0 ? 0 : 1;
}

static int on_signal(struct loop_watch *watch, const struct signalfd_siginfo *info, void *context)
{
	(void)watch, (void)info, (void)context;
	return 1;
}

static void on_ready(void *context)
{
	const struct supervisor *supervisor = context;
	if (supervisor->handoff.control >= 0)
		(void)send(supervisor->handoff.control, "ready", 5, MSG_NOSIGNAL);
}

/* What the terminal sends to its foreground job is meant for the program. */
static int listen_to_signals(struct supervisor *supervisor)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	for (size_t i = 0; i < 4; i++)
		(void)signal((const int[]){SIGINT, SIGQUIT, SIGHUP, SIGPIPE}[i], SIG_IGN);
	return loop_add_signals(&supervisor->loop, &signals, on_signal, NULL, NULL);
}

/*
 * Capabilities stay ours, but not a dialogue's that we start. A thousand files may be open once.
 * The modes of new files are the program's business.
 */
static void settle_down(void)
{
	struct rlimit files;
	(void)prctl(PR_SET_NAME, "rung-door");
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)umask(0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int start_net(struct supervisor *supervisor)
{
	const struct handoff *handoff = &supervisor->handoff;
	const struct net_door_settings settings = {
		.fds = handoff->net.items,
		.fd_count = handoff->net.count,
		.policy = supervisor->policy,
		.permissions = &handoff->policy.permissions,
	};
	return handoff->net.count ? net_door_new(&supervisor->loop, &settings, &supervisor->net)
				  : 0;
}

static int start(struct supervisor *supervisor, int handoff_fd)
{
	struct handoff *handoff = &supervisor->handoff;
	int r = handoff_read(handoff_fd, &supervisor->arena, handoff);
	if (r == 0)
		r = loop_init(&supervisor->loop);
	if (r == 0)
		r = listen_to_signals(supervisor);
	if (r == 0 && handoff->control >= 0)
		r = loop_add_fd(
			&supervisor->loop, handoff->control, EPOLLIN, on_control, NULL, NULL);
	if (r == 0)
		r = ask_new(&supervisor->loop, &handoff->ask, &supervisor->ask);
	if (r == 0)
		r = policy_new(&handoff->policy, supervisor->ask, &supervisor->policy);
	if (r == 0)
		r = start_net(supervisor);
	if (r == 0)
		r = file_doors_new(&supervisor->loop, supervisor->policy, handoff->sandbox_mounts,
			&handoff->policy.permissions, handoff->places, handoff->place_count,
			on_ready, supervisor, &supervisor->files);
	return r;
}

static int report(const struct supervisor *supervisor)
{
	const struct handoff *handoff = &supervisor->handoff;
	if (!handoff->learn || handoff->audit)
		report_print(supervisor->policy, handoff->audit);
	return handoff->learn ? report_learn(supervisor->policy, handoff->learn,
					handoff->policy.program, handoff->policy.home)
			      : 0;
}

static int complain(int r)
{
	(void)fprintf(stderr, "rung-door: %s\n", error_text());
	if (*error_hint())
		(void)fprintf(stderr, "hint: %s\n", error_hint());
	return r < 0 ? 125 : 0;
}

int main(int argc, char **argv)
{
	static struct supervisor supervisor;
	int64_t handoff_fd;
	log_configure(&(struct log_settings){
		.fd = -1, .format = LOG_TEXT, .level = LOG_WARNING, .program = "rung"});
	if (argc != 2 || parse_int64(argv[1], 0, 1 << 20, &handoff_fd) < 0)
		return complain(refuse(-EINVAL, "it is started by rung alone"));
	settle_down();
	int r = start(&supervisor, (int)handoff_fd);
	if (r == 0)
		r = loop_run(&supervisor.loop);
	/* Before the report: the terminal is given back, and who waits is let go. */
	file_doors_free(supervisor.files);
	net_door_free(supervisor.net);
	policy_withdraw_all(supervisor.policy);
	ask_free(supervisor.ask);
	if (r >= 0)
		r = report(&supervisor);
	policy_free(supervisor.policy);
	return r < 0 ? complain(r) : 0;
}
