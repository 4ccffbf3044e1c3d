// SPDX-License-Identifier: Apache-2.0

/*
 * `rung generate systemd`: a service for a container, so that it starts with the machine. The
 * service is `rung start --attach` or, with --new, `rung run` in the foreground: systemd sees the
 * program's own status, and what it writes is in the journal. No pid file, no notification, no
 * guard beside it is needed.
 */

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/output.h"
#include "engine/instance/instance.h"
#include "plan/json_write.h"
#include "verbs/container/container.h"
#include "verbs/generate/unit.h"
#include "verbs/generate/words.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct generate_systemd_options {
	bool files, name, new, no_header, template;
	const char *format, *restart_policy, *prefix, *separator, *pod_prefix;
	struct option_list after, wants, requires, environment;
	int stop_timeout_s, start_timeout_s, restart_s;
};

static const struct option generate_systemd_options[] = {
	{"--after=UNIT", "start after it", list_in(generate_systemd_options, after)},
	{"--container-prefix=WORD", "how the unit's name begins",
		text_in(generate_systemd_options, prefix)},
	{"-e, --env=NAME=VALUE", "a variable of the unit",
		list_in(generate_systemd_options, environment)},
	{"-f, --files", "write a file here instead of to standard output",
		flag_in(generate_systemd_options, files)},
	{"--format=FORMAT", "json", text_in(generate_systemd_options, format)},
	{"-n, --name", "call it by the container's name, not its id",
		flag_in(generate_systemd_options, name)},
	{"--new", "make a new container at each start", flag_in(generate_systemd_options, new)},
	{"--no-header", "no comment at the top", flag_in(generate_systemd_options, no_header)},
	{"--requires=UNIT", "what it needs", list_in(generate_systemd_options, requires)},
	{"--restart-policy=POLICY",
		"systemd's Restart=", text_in(generate_systemd_options, restart_policy)},
	{"--restart-sec=SECONDS", "pause before a restart",
		integer_in(generate_systemd_options, restart_s)},
	{"--separator=WORD", "between prefix and name",
		text_in(generate_systemd_options, separator)},
	{"--start-timeout=SECONDS", "how long a start may take",
		integer_in(generate_systemd_options, start_timeout_s)},
	{"-t, --stop-timeout, --time=SECONDS", "how long its end may take",
		integer_in(generate_systemd_options, stop_timeout_s)},
	{"--template", "a unit for many: NAME@.service",
		flag_in(generate_systemd_options, template)},
	{"--wants=UNIT", "what it would like", list_in(generate_systemd_options, wants)},
	{"--pod-prefix=WORD", "", text_in(generate_systemd_options, pod_prefix), .hidden = true},
	{},
};

struct service {
	const struct generate_systemd_options *options;
	const struct instance *instance;
	struct arena *arena;
	const char *word; /* the container, as commands call it */
	const char *name; /* of the unit, without ".service" */
	int64_t stop_timeout_s;
};

static void add_list(struct text *out, const char *key, const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		text_format(out, "%s=%s\n", key, list->words[i]);
}

static void add_command(
	const struct service *service, struct text *out, const char *key, const char *const words[])
{
	autofini(text_fini) struct text line = {};
	text_format(&line, "%s=", key);
	unit_add_program(&line, service->arena);
	for (size_t i = 0; words[i]; i++)
		unit_add_word(&line, words[i], service->options->template);
	text_format(out, "%s\n", text_get(&line));
}

#define COMMAND(out, key, ...) \
	add_command(service, out, key, (const char *const[]){__VA_ARGS__, NULL})

static int add_run(const struct service *service, struct text *out)
{
	struct run_request request = {};
	struct strings words;
	int r = instance_load_request(service->instance, service->arena, &request);
	if (r < 0)
		return r;
	request_words(&request, service->arena, &words);
	const char **all = arena_new(service->arena, const char *, words.count + 8);
	size_t count = 0;
	const char *const first[] = {"run", "--rm", "--replace", "--name", service->word};
	for (size_t i = 0; i < array_length(first); i++)
		all[count++] = first[i];
	for (size_t i = 0; i < words.count; i++)
		all[count++] = words.items[i];
	add_command(service, out, "ExecStart", all);
	return 0;
}

static int add_service(const struct service *service, struct text *out)
{
	const struct generate_systemd_options *options = service->options;
	bool new = options->new || options->template;
	const char *timeout =
		arena_format(service->arena, "%jd", (intmax_t)service->stop_timeout_s);
	text_add(out, "\n[Service]\nType=exec\n");
	add_list(out, "Environment", &options->environment);
	text_format(out, "Restart=%s\n",
		options->restart_policy ? options->restart_policy : "on-failure");
	if (options->restart_s >= 0)
		text_format(out, "RestartSec=%d\n", options->restart_s);
	if (options->start_timeout_s >= 0)
		text_format(out, "TimeoutStartSec=%d\n", options->start_timeout_s);
	text_format(out, "TimeoutStopSec=%jd\n", (intmax_t)service->stop_timeout_s + 60);
	text_add(out, "KillMode=mixed\nSuccessExitStatus=143\n");
	int r = 0;
	if (new)
		r = add_run(service, out);
	else
		COMMAND(out, "ExecStart", "start", "--attach", service->word);
	COMMAND(out, "ExecStop", "stop", "--ignore", "--time", timeout, service->word);
	if (new)
		COMMAND(out, "ExecStopPost", "rm", "--force", "--ignore", service->word);
	return r;
}

static int write_unit(const struct service *service, struct text *out)
{
	const struct generate_systemd_options *options = service->options;
	if (!options->no_header)
		text_format(out, "# %s.service\n# made by rung %s: rung generate systemd\n\n",
			service->name, RUNG_VERSION);
	text_format(out, "[Unit]\nDescription=rung container %s\n", service->word);
	text_add(out, "Documentation=man:rung-generate-systemd(1)\nWants=network-online.target\n"
		      "After=network-online.target\n");
	text_format(out, "RequiresMountsFor=%s\n", places_data(service->arena));
	add_list(out, "Wants", &options->wants);
	add_list(out, "After", &options->after);
	add_list(out, "Requires", &options->requires);
	int r = add_service(service, out);
	text_add(out, "\n[Install]\nWantedBy=default.target\n");
	return r;
}

static int check(struct invocation *invocation, const struct generate_systemd_options *options)
{
	static const char policies[][12] = {"no", "on-success", "on-failure", "on-abnormal",
		"on-watchdog", "on-abort", "always"};
	if (options->format && !text_equal(options->format, "json"))
		return usage_error(invocation, "--format %s: only json is known", options->format);
	for (size_t i = 0; i < array_length(policies) && options->restart_policy; i++)
		if (text_equal(policies[i], options->restart_policy))
			return 0;
	return options->restart_policy
		       ? usage_error(invocation, "--restart-policy %s: not one of systemd's",
				 options->restart_policy)
		       : 0;
}

static int save(const char *path, const struct text *unit)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text_get(unit), unit->length) != (ssize_t)unit->length)
		return fail(-errno, "write %s", path);
	return 0;
}

static int deliver(const struct service *service, const struct text *unit)
{
	const struct generate_systemd_options *options = service->options;
	const char *file = arena_format(service->arena, "%s.service", service->name);
	char here[4096] = ".";
	(void)!getcwd(here, sizeof(here));
	const char *path = arena_format(service->arena, "%s/%s", here, file);
	int r = options->files ? save(path, unit) : 0;
	if (r < 0)
		return r;
	const char *shown = options->files ? path : text_get(unit);
	if (!options->format) {
		fputs(shown, stdout);
		fputs(options->files ? "\n" : "", stdout);
		return 0;
	}
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_string(&writer, service->name, shown);
	json_close(&writer);
	return output_thing("", &out);
}

static int run(struct invocation *invocation)
{
	const struct generate_systemd_options *options =
		options_of(invocation, generate_systemd_options);
	struct arena *arena = invocation->arena;
	struct instance instance = {};
	int r = check(invocation, options);
	if (r == 0)
		r = instance_find(invocation->arguments[0], arena, &instance);
	if (r < 0)
		return r;
	/* A new container has a new id: only the name stays. */
	bool by_name = options->name || options->new || options->template;
	const char *name = options->name ? instance.name : instance.id;
	struct service service = {options, &instance, arena, by_name ? instance.name : instance.id};
	service.name = arena_format(arena, "%s%s%s%s", options->prefix, options->separator, name,
		options->template ? "@" : "");
	if (options->template)
		service.word = arena_format(arena, "%s-%%i", instance.name);
	service.stop_timeout_s = options->stop_timeout_s >= 0   ? options->stop_timeout_s
				 : instance.stop_timeout_s >= 0 ? instance.stop_timeout_s
								: 10;
	autofini(text_fini) struct text unit = {};
	r = write_unit(&service, &unit);
	return r < 0 ? r : deliver(&service, &unit);
}

const struct verb verb_generate_systemd = {
	.name = "systemd",
	.summary = "print a systemd unit that runs a container",
	.arguments = "CONTAINER",
	verb_options(generate_systemd_options),
	.defaults = &(const struct generate_systemd_options){.prefix = "container",
		.separator = "-",
		.stop_timeout_s = -1,
		.start_timeout_s = -1,
		.restart_s = -1},
	.completers = container_completers,
	.description =
		"Prints a service that starts the container with the machine, or with --new makes "
		"a new one like it at every start. Containers with a --restart policy need none: "
		"systemd restarts the service.",
	.examples = "A web server that starts with the machine\n"
		    "$ rung generate systemd --new --name web >/etc/systemd/system/web.service\n"
		    "$ systemctl enable --now web\n",
	.run = run,
};
