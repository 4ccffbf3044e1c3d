// SPDX-License-Identifier: Apache-2.0

/* Options and questions of the verbs that speak with registries. */

#include "verbs/registry/common.h"

#include "base/error.h"
#include "base/places.h"
#include "engine/registry/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>

const struct option remote_options[] = {
	{"--authfile=FILE", "credentials of registries", text_in(remote_options, authfile)},
	{"--cert-dir=DIR", "authorities (*.crt) and client certificates (*.cert, *.key)",
		text_in(remote_options, cert_dir)},
	{"--creds=USER[:PASSWORD]", "credentials for this command alone",
		text_in(remote_options, credentials)},
	{"--tls-verify", "verify the registry's certificate, and speak only TLS",
		flag_in(remote_options, tls_verify), .fallback = "registries.conf"},
	{"--retry=N", "how often to try again where a network or a registry fails",
		integer_in(remote_options, retries), .fallback = "3"},
	{"--retry-delay=TIME", "how long to wait before that",
		duration_in(remote_options, retry_delay_ns)},
	{},
};

struct registry_options remote_options_of(
	const struct invocation *invocation, const struct remote_options *options)
{
	struct registry_options registry = REGISTRY_OPTIONS_DEFAULT;
	registry.authfile = options->authfile;
	registry.cert_dir = options->cert_dir;
	registry.credentials = options->credentials;
	if (option_given(invocation, &options->tls_verify))
		registry.tls_verify = options->tls_verify;
	if (option_given(invocation, &options->retries))
		registry.retries = options->retries < 100 ? (int)options->retries : 100;
	if (options->retry_delay_ns > 0)
		registry.retry_delay_ms = (uint64_t)options->retry_delay_ns / 1000000;
	return registry;
}

const struct option platform_options[] = {
	{"--platform=OS/ARCH[/VARIANT]", "the image for this platform",
		text_in(platform_options, platform), .conflicts = "--arch --os --variant"},
	{"--arch=ARCH", "the image for this architecture, as amd64 or arm64",
		text_in(platform_options, architecture)},
	{"--os=OS", "the image for this operating system", text_in(platform_options, os)},
	{"--variant=VARIANT", "of the architecture, as v7", text_in(platform_options, variant)},
	{},
};

int platform_options_of(const struct invocation *invocation, const struct platform_options *options,
	const char **ret)
{
	struct arena *arena = invocation->arena;
	struct image_platform own = image_own_platform(), parsed;
	const char *word = options->platform;
	if (options->os || options->architecture || options->variant)
		word = arena_format(arena, "%s/%s%s%s", options->os ? options->os : own.os,
			options->architecture ? options->architecture : own.architecture,
			options->variant ? "/" : "", options->variant ? options->variant : "");
	*ret = word;
	return word ? registry_parse_platform(word, arena, &parsed) : 0;
}

int remote_store_open(struct invocation *invocation, struct store *ret_store)
{
	return store_open(places_data(invocation->arena), ret_store);
}

bool remote_as_docker(const struct invocation *invocation)
{
	return text_starts(invocation->words, "docker");
}

/* A line, or -EINTR when somebody would rather end it: the terminal must get its echo back first.
 */
static ssize_t read_line(int fd, char *line, size_t room)
{
	sigset_t signals, before;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	autoclose int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0 || sigprocmask(SIG_BLOCK, &signals, &before) < 0)
		return -errno;
	struct pollfd waits[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
	ssize_t length = poll(waits, 2, -1) < 0 || waits[1].revents ? -EINTR : read(fd, line, room);
	if (length < 0 && length != -EINTR)
		length = -errno;
	struct signalfd_siginfo info; /* taken, so that it does not end us as soon as it may */
	if (waits[1].revents)
		(void)!read(signal_fd, &info, sizeof(info));
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return length;
}

static int ask_at(int fd, bool secret, struct arena *arena, const char **ret_answer)
{
	struct termios before, quiet;
	if (tcgetattr(fd, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (secret)
		(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	char line[4096];
	ssize_t length = read_line(fd, line, sizeof(line) - 1);
	if (secret)
		(void)tcsetattr(fd, TCSAFLUSH, &before);
	if (secret || length == -EINTR)
		(void)!write(fd, "\n", 1);
	if (length <= 0)
		return length < 0 ? (int)length : -ENODATA;
	line[length] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	*ret_answer = arena_strdup(arena, line);
	return 0;
}

int remote_ask(const char *question, bool secret, struct arena *arena, const char **ret_answer)
{
	autoclose int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || !isatty(STDIN_FILENO))
		return refuse(-ENOTTY, "there is no terminal to ask on");
	(void)!write(fd, question, strlen(question));
	int r = ask_at(fd, secret, arena, ret_answer);
	if (r == -EINTR) /* Ctrl-C needs no story */
		(void)raise(SIGINT);
	return r < 0 ? fail(r, "read the answer") : 0;
}
