// SPDX-License-Identifier: Apache-2.0

/* The program itself: what can be said before any verb, and the list of verbs. */

#include "base/error.h"
#include "base/log.h"
#include "base/places.h"
#include "cli/help.h"
#include "verbs/container/container.h"
#include "verbs/verbs.h"

#include <string.h>
#include <sys/statvfs.h>

enum { ALMOST_FULL_BYTES = 64 << 20, ALMOST_FULL_FILES = 64 };

static const struct option rung_options[] = {
	{"--debug", "tell each step and how long it took", flag_in(rung_options, debug)},
	{"--root=DIR", "keep images, containers and volumes in DIR", text_in(rung_options, root)},
	{"--state, --runroot=DIR", "keep what ends with the machine in DIR",
		text_in(rung_options, state)},
	{"--version", "show the version", flag_in(rung_options, version)},
	{},
};

/* Whatever rung starts may stand elsewhere, and must still find the same places. */
static int choose_place(
	const char *given, const char *option, struct arena *arena, const char **ret)
{
	*ret = NULL;
	if (!given)
		return 0;
	if (given[0] == '\0')
		return refuse(-EINVAL, "%s needs a directory", option);
	char here[4096];
	if (given[0] != '/' && !getcwd(here, sizeof(here)))
		return fail(-errno, "%s %s", option, given);
	*ret = given[0] == '/' ? given : arena_format(arena, "%s/%s", here, given);
	return 0;
}

static int enter(struct invocation *invocation)
{
	const struct rung_options *options = options_of(invocation, rung_options);
	if (options->debug)
		log_configure(&(struct log_settings){
			.fd = -1, .format = LOG_TEXT, .level = LOG_DEBUG, .program = "rung"});
	const char *data, *state;
	int r = choose_place(options->root, "--root", invocation->arena, &data);
	if (r == 0)
		r = choose_place(options->state, "--state", invocation->arena, &state);
	if (r < 0)
		return r;
	places_choose(data, state);
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct rung_options *options = options_of(invocation, rung_options);
	if (options->version)
		return verb_version.run(invocation);
	return help_print(invocation);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a string in parentheses cannot fill an array */
#define VERBS_HEADING_(text) {.heading = text},
#define VERBS_VERB_(name) {.verb = &verb_##name},
#define VERBS_AS_(word, name) {.verb = &verb_##name, .as = word},
/* NOLINTEND(bugprone-macro-parentheses) */

/* A full disk is no mistake of the words: where it is, and what helps. */
static void report(const struct invocation *invocation)
{
	const char *data = places_data(invocation->arena);
	struct statvfs about;
	if (!strstr(error_text(), strerror(ENOSPC)) && !strstr(error_text(), strerror(EDQUOT)))
		return;
	if (statvfs(data, &about) < 0 || (about.f_bavail * about.f_frsize > ALMOST_FULL_BYTES &&
						 about.f_favail > ALMOST_FULL_FILES))
		return;
	hint("the disk of %s is full: rung system df tells what takes room, rung rm and rung "
	     "system prune make some",
		data);
}

static const struct verb_entry verbs[] = {
	RUNG_VERBS(VERBS_HEADING_, VERBS_VERB_, VERBS_AS_){},
};

/* The table is the same under every name but for the status of a failure: Docker's is 1. */
#define PROGRAM_(program, status, inner_status) \
	{ \
		.name = program, .summary = "run a program behind as strong a wall as you want", \
		.description = \
			"What to run is an image, a directory, or this system itself (@host); " \
			"--isolation says how strong the wall around it is. None of them is ever " \
			"changed. There is no daemon, and an ordinary user needs no privileges.", \
		.failure_status = status, .inner_failure_status = inner_status, \
		verb_options(rung_options), .verbs = verbs, .completers = container_completers, \
		.enter = enter, .run = run, .report = report, \
		.examples = "This system, and whatever happens to it is forgotten\n" \
			    "$ rung run @host sh -c 'echo lost > ~/note; ls ~'\n" \
			    "An image\n" \
			    "$ rung run --rm -it debian bash\n", \
	}

const struct verb verb_rung = PROGRAM_("rung", 125, 0);
static const struct verb verb_docker = PROGRAM_("docker", 1, 1);

const struct verb *verb_program(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *name = slash ? slash + 1 : argv0;
	return name && text_equal(name, "docker") ? &verb_docker : &verb_rung;
}
