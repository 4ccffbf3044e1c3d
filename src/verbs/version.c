// SPDX-License-Identifier: Apache-2.0

/*
 * `rung version`; `rung --version` says the first line of it. Without a daemon client and server
 * are one, and both are shown to templates that ask for either.
 */

#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <stdio.h>
#include <sys/utsname.h>

/* The Docker API whose words and fields are spoken. */
#define API_VERSION "1.43"

struct version_options {
	const char *format;
};

static const struct option version_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(version_options, format)},
	{},
};

const char *version_architecture(void)
{
	static struct utsname name;
	if (uname(&name) < 0)
		return "";
	if (text_equal(name.machine, "x86_64"))
		return "amd64";
	return text_equal(name.machine, "aarch64") ? "arm64" : name.machine;
}

static void write_side(
	struct json_writer *writer, const char *key, const char *kernel, struct arena *arena)
{
	const char *architecture = version_architecture();
	json_open(writer, key, '{');
	json_open(writer, "Platform", '{');
	json_write_string(writer, "Name", "rung");
	json_close(writer);
	json_write_string(writer, "Version", RUNG_VERSION);
	json_write_string(writer, "ApiVersion", API_VERSION);
	json_write_string(writer, "APIVersion", API_VERSION);
	json_write_string(writer, "DefaultAPIVersion", API_VERSION);
	json_write_string(writer, "MinAPIVersion", "1.24");
	json_write_string(writer, "GitCommit", "");
	json_write_string(writer, "GoVersion", "");
	json_write_string(writer, "Os", "linux");
	json_write_string(writer, "Arch", architecture);
	json_write_string(writer, "OsArch", arena_format(arena, "linux/%s", architecture));
	json_write_string(writer, "KernelVersion", kernel);
	json_write_string(writer, "BuildTime", "");
	json_write_string(writer, "BuiltTime", "");
	json_write_unsigned(writer, "Built", 0);
	json_write_bool(writer, "Experimental", false);
	json_write_string(writer, "Context", "default");
	json_close(writer);
}

static int show(const char *format, struct arena *arena)
{
	struct utsname name = {};
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	(void)uname(&name);
	json_open(&writer, NULL, '{');
	write_side(&writer, "Client", name.release, arena);
	write_side(&writer, "Server", name.release, arena);
	json_write_string(&writer, "Version", RUNG_VERSION);
	json_close(&writer);
	return output_thing(format, &out);
}

static int run(struct invocation *invocation)
{
	/* Also called for `rung --version`, whose options are others. */
	const struct version_options *options =
		invocation->verb == &verb_version ? options_of(invocation, version_options) : NULL;
	if (options && options->format)
		return show(options->format, invocation->arena);
	puts("rung version " RUNG_VERSION);
	if (options)
		printf("API Version:  %s\nOS/Arch:      linux/%s\n", API_VERSION,
			version_architecture());
	return 0;
}

const struct verb verb_version = {
	.name = "version",
	.summary = "show the version",
	verb_options(version_options),
	.run = run,
};
