// SPDX-License-Identifier: Apache-2.0

/* The noun: options before the inner verb, the log that shims read, the list of verbs. */

#include "verbs/oci/oci.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "cli/help.h"

#include <fcntl.h>
#include <stdio.h>

static const struct option oci_options[] = {
	{"--root=DIR", "where the state of containers is kept", text_in(oci_options, root)},
	{"--log=FILE", "append errors and warnings to FILE", text_in(oci_options, log)},
	{"--log-format=text|json", "how lines of the log look", choice_in(oci_options, log_format)},
	{"--log-level=LEVEL", "error, warning, info or debug", text_in(oci_options, log_level)},
	{"--debug", "tell each step and how long it took", flag_in(oci_options, debug)},
	{"--cgroup-manager=cgroupfs|systemd|disabled", "who makes the control groups",
		choice_in(oci_options, cgroup_manager)},
	{"--systemd-cgroup", "the same as --cgroup-manager=systemd",
		flag_in(oci_options, systemd_cgroup)},
	{"--criu=FILE", "the program criu, for checkpoint and restore", text_in(oci_options, criu)},
	{"-v, --version", "show the version", flag_in(oci_options, version)},
	/* Accepted for callers that say it; rung finds out by itself. */
	{"--rootless=WORD", "accepted, has no effect", text_in(oci_options, rootless),
		.hidden = true},
	{},
};

static const struct oci_options *noun_options(const struct invocation *invocation)
{
	while (!text_equal(invocation->verb->name, "oci"))
		invocation = invocation->outer;
	return options_of(invocation, oci_options);
}

const char *oci_state_root(const struct invocation *invocation)
{
	const char *root = noun_options(invocation)->root;
	if (root)
		return root;
	return places_state("oci", invocation->arena);
}

enum cgroup_manager oci_cgroup_manager(const struct invocation *invocation)
{
	const struct oci_options *options = noun_options(invocation);
	if (options->systemd_cgroup || options->cgroup_manager == OCI_SYSTEMD)
		return CGROUP_SYSTEMD;
	return options->cgroup_manager == OCI_DISABLED ? CGROUP_DISABLED : CGROUP_CGROUPFS;
}

const char *oci_criu(const struct invocation *invocation)
{
	return noun_options(invocation)->criu;
}

int oci_preserved_fds(uint32_t asked, unsigned *ret_count)
{
	uint64_t count = asked, listening = 0;
	const char *variable = getenv("LISTEN_FDS");
	if (variable && parse_uint64(variable, 1000, &listening) == 0)
		count += listening;
	for (uint64_t i = 0; i < count; i++)
		if (count > 100000 || fcntl((int)(3 + i), F_GETFD) < 0)
			return refuse(-EBADF,
				"--preserve-fds: descriptor %llu was not passed to us",
				(unsigned long long)(3 + i));
	*ret_count = (unsigned)count;
	return 0;
}

/* ---- the log --------------------------------------------------------------------- */

static int open_log(const struct oci_options *options)
{
	const char *path = options->log;
	if (text_empty(path))
		return -1;
	if (text_starts(path, "file:")) /* crun's spelling */
		path += strlen("file:");
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	return fd < 0 ? fail(-errno, "open log %s", path) : fd;
}

static int choose_level(const struct oci_options *options, enum log_level *ret_level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	*ret_level = options->debug ? LOG_DEBUG : LOG_WARNING;
	if (!options->log_level)
		return 0;
	for (size_t i = 0; i < array_length(names); i++) {
		if (!text_equal(options->log_level, names[i]))
			continue;
		*ret_level = (enum log_level)i;
		return 0;
	}
	return refuse(-EINVAL, "--log-level %s is none of error, warning, info, debug",
		options->log_level);
}

static int enter(struct invocation *invocation)
{
	const struct oci_options *options = options_of(invocation, oci_options);
	struct log_settings settings = {.fd = -1, .program = "rung"};
	int r = choose_level(options, &settings.level);
	if (r < 0)
		return r;
	settings.format = options->log_format == OCI_LOG_JSON ? LOG_JSON : LOG_TEXT;
	int fd = open_log(options);
	if (fd < -1)
		return fd;
	/* Descriptors 3 and up may be the caller's to preserve; ours goes above them. */
	settings.fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 100);
	if (settings.fd < 0)
		settings.fd = fd;
	else
		scope_close(&fd);
	log_configure(&settings);
	return 0;
}

/* containerd and conmon read the last line of the log to learn why a command failed. */
static void report(const struct invocation *invocation)
{
	if (noun_options(invocation)->log)
		log_line(LOG_ERROR, "%s", error_text());
}

static int run(struct invocation *invocation)
{
	if (!noun_options(invocation)->version)
		return help_print(invocation);
	puts("rung version " RUNG_VERSION "\nspec: 1.3.0");
	return 0;
}

static const struct verb_entry oci_verbs[] = {
	{.heading = "Life of a container"},
	{.verb = &verb_oci_create},
	{.verb = &verb_oci_start},
	{.verb = &verb_oci_run},
	{.verb = &verb_oci_exec},
	{.verb = &verb_oci_kill},
	{.verb = &verb_oci_pause},
	{.verb = &verb_oci_resume},
	{.verb = &verb_oci_update},
	{.verb = &verb_oci_checkpoint},
	{.verb = &verb_oci_restore},
	{.verb = &verb_oci_delete},
	{.heading = "What is there"},
	{.verb = &verb_oci_list},
	{.verb = &verb_oci_state},
	{.verb = &verb_oci_ps},
	{.verb = &verb_oci_events},
	{.heading = "About"},
	{.verb = &verb_oci_spec},
	{.verb = &verb_oci_features},
	{},
};

const struct verb verb_oci = {
	.name = "oci",
	.programs = "rung-oci,crun,runc",
	.summary = "be an OCI runtime: for containerd, CRI-O, Docker, Podman",
	.description =
		"The OCI runtime command line, with the options that runc and crun understand. "
		"Started under the name rung-oci, crun or runc, rung is this command.",
	.failure_status = 1,
	verb_options(oci_options),
	.verbs = oci_verbs,
	.completers = oci_completers,
	.enter = enter,
	.report = report,
	.run = run,
};
