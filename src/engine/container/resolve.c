// SPDX-License-Identifier: Apache-2.0

/*
 * What a request comes to: the words of the command line laid over the image's configuration (OCI
 * image specification, config.md; the rules where both speak are Docker's). Done once, when the
 * container is created; the plan is made from it at every start.
 */

#include "base/error.h"
#include "base/log.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"
#include "plan/json.h"

#include <stdio.h>

/* ---- what runs --------------------------------------------------------------------------- */

/* "[\"sh\", \"-c\"]" as a list of words; anything else is one word. */
static int read_words(
	const char *option, const char *text, struct arena *arena, struct strings *ret_words)
{
	*ret_words = (struct strings){};
	if (text[0] != '[') {
		if (*text)
			run_strings_add(ret_words, text, arena);
		return 0;
	}
	autofini(json_document_fini) struct json_document document = {};
	if (json_parse(text, strlen(text), option, arena, &document) < 0 ||
		json_expect(&document.top, JSON_ARRAY) < 0) {
		error_clear(); /* as Docker does: then it is a strange name */
		run_strings_add(ret_words, text, arena);
		return 0;
	}
	for (const struct json_value *v = document.top.value->first; v; v = v->next) {
		struct json item = json_child(&document.top, v, 0);
		const char *word;
		int r = json_string(&item, &word);
		if (r < 0)
			return wrap(r, "%s %s", option, text);
		run_strings_add(ret_words, arena_strdup(arena, word), arena);
	}
	return 0;
}

/* An entrypoint of one's own sets the image's command aside, too: it was written for another. */
static int resolve_command(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct image_config *config = request->image ? &request->image->config : NULL;
	const char *entrypoint = request->process.entrypoint;
	if (entrypoint) {
		int r = read_words("--entrypoint", entrypoint, arena, &resolved->entrypoint);
		if (r < 0)
			return r;
	} else if (config) {
		resolved->entrypoint = config->entrypoint;
	}
	if (request->arguments.count)
		resolved->command = request->arguments;
	else if (config && !entrypoint)
		resolved->command = config->command;
	if (resolved->entrypoint.count + resolved->command.count > 0)
		return 0;
	int r = refuse(-EINVAL, "no command: neither the command line nor the image names one");
	hint("write the program behind the image's name");
	return r;
}

/* ---- labels, ports --------------------------------------------------------------------------- */

static void set_label(struct run_resolved *resolved, const char *key, const char *value)
{
	for (size_t i = 0; i < resolved->label_count; i++)
		if (text_equal(resolved->labels[i].key, key)) {
			resolved->labels[i].value = value;
			return;
		}
	resolved->labels[resolved->label_count++] = (struct plan_key_value){key, value};
}

static int resolve_labels(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct strings *words = &request->life.labels;
	size_t own = request->image ? request->image->config.label_count : 0;
	resolved->labels = arena_new(arena, struct plan_key_value, own + words->count + 1);
	for (size_t i = 0; i < own; i++)
		set_label(resolved, request->image->config.labels[i].key,
			request->image->config.labels[i].value);
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		size_t length = strcspn(word, "=");
		if (length == 0)
			return refuse(-EINVAL, "label \"%s\": its name is missing", word);
		set_label(resolved, arena_strndup(arena, word, length),
			word[length] ? word + length + 1 : "");
	}
	return 0;
}

/* "80", "80/udp", "8000-8010/tcp"; adds each as "80/tcp". */
static int add_ports(
	const char *option, const char *word, struct arena *arena, struct strings *ports)
{
	char *first = arena_strdup(arena, word), *protocol = strchr(first, '/');
	if (protocol)
		*protocol++ = '\0';
	else
		protocol = (char *)"tcp";
	char *last = strchr(first, '-');
	if (last)
		*last++ = '\0';
	uint64_t from, to;
	bool known = text_equal(protocol, "tcp") || text_equal(protocol, "udp") ||
		     text_equal(protocol, "sctp");
	if (parse_uint64(first, 65535, &from) < 0 || from == 0 || !known ||
		parse_uint64(last ? last : first, 65535, &to) < 0 || to < from)
		return refuse(-EINVAL, "%s %s is not PORT[-PORT][/tcp|udp|sctp]", option, word);
	for (; from <= to; from++) {
		const char *port = arena_format(arena, "%u/%s", (unsigned)from, protocol);
		if (!run_strings_have(ports, port))
			run_strings_add(ports, port, arena);
	}
	return 0;
}

/* [[IP:]HOST:]PORT; the part that matters here is the last. */
static const char *published_port(const char *word)
{
	const char *last = word;
	if (*last == '[' && strchr(last, ']'))
		last = strchr(last, ']') + 1;
	for (const char *c = last; (c = strchr(c, ':')); last = c)
		c++;
	return last;
}

static int resolve_ports(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct network_wishes *network = &request->network;
	struct strings *ports = &resolved->exposed_ports;
	int r = 0;
	for (size_t i = 0; request->image && i < request->image->config.exposed_ports.count; i++) {
		/* What the image's author mistyped is no reason not to run it. */
		(void)add_ports("exposed port", request->image->config.exposed_ports.items[i],
			arena, ports);
		error_clear();
	}
	for (size_t i = 0; r == 0 && i < network->expose.count; i++)
		r = add_ports("--expose", network->expose.items[i], arena, ports);
	for (size_t i = 0; r == 0 && i < network->publish.count; i++)
		r = add_ports("--publish", published_port(network->publish.items[i]), arena, ports);
	const char *word = run_network_word(request);
	if (r == 0 && network->publish.count && (!word || text_equal(word, "host")))
		warn(word ? "--publish has no effect with --network host, which shares all ports"
			  : "--publish: no network has ports yet; --network host shares the "
			    "host's");
	return r;
}

/* ---- health
 * -------------------------------------------------------------------------------------- */

static int64_t first_of(const struct optional_i64 *asked, int64_t images, int64_t usual)
{
	return asked->given ? asked->value : images ? images : usual;
}

static int resolve_test(const struct health_wishes *wishes, const struct strings *images,
	struct arena *arena, struct strings *ret_test)
{
	const char *command = wishes->command;
	*ret_test = (struct strings){};
	if (wishes->disabled || (command && strcasecmp(command, "none") == 0))
		return 0;
	if (!command) {
		*ret_test = *images;
		if (ret_test->count && text_equal(ret_test->items[0], "NONE"))
			ret_test->count = 0;
		return 0;
	}
	if (!*command)
		return refuse(-EINVAL, "--health-cmd: the command is missing");
	if (command[0] != '[') {
		run_strings_add(ret_test, "CMD-SHELL", arena);
		run_strings_add(ret_test, command, arena);
		return 0;
	}
	struct strings words;
	int r = read_words("--health-cmd", command, arena, &words);
	if (r < 0)
		return r;
	bool named = words.count &&
		     (text_equal(words.items[0], "CMD") || text_equal(words.items[0], "CMD-SHELL"));
	if (!named)
		run_strings_add(ret_test, "CMD", arena);
	for (size_t i = 0; i < words.count; i++)
		run_strings_add(ret_test, words.items[i], arena);
	return 0;
}

/* What is not asked for is as it was before, which is the image's word at first. */
static int resolve_health(const struct health_wishes *wishes, const struct image_health *images,
	struct arena *arena, struct run_health *health)
{
	static const char *const actions[] = {"none", "kill", "restart", "stop"};
	const int64_t second = 1000000000;
	const char *before = health->on_failure ? health->on_failure : "none";
	int r = resolve_test(wishes, &images->test, arena, &health->test);
	if (r < 0 || health->test.count == 0)
		return r;
	*health = (struct run_health){
		.test = health->test,
		.interval_ns = first_of(&wishes->interval_ns, images->interval_ns, 30 * second),
		.timeout_ns = first_of(&wishes->timeout_ns, images->timeout_ns, 30 * second),
		.start_period_ns = first_of(&wishes->start_period_ns, images->start_period_ns, 0),
		.start_interval_ns = first_of(&wishes->start_interval_ns, images->start_interval_ns,
			RUN_HEALTH_START_INTERVAL_NS),
		.retries = first_of(&wishes->retries, images->retries, 3),
		.on_failure = wishes->on_failure ? wishes->on_failure : before,
	};
	if (health->interval_ns < 0 || health->timeout_ns < 0 || health->start_period_ns < 0 ||
		health->retries < 0)
		return refuse(-EINVAL, "--health-*: a time or a number is negative");
	for (size_t i = 0; i < array_length(actions); i++)
		if (text_equal(health->on_failure, actions[i]))
			return 0;
	return refuse(-EINVAL, "--health-on-failure %s: known are none, kill, restart, stop",
		health->on_failure);
}

static int resolve_first_health(
	const struct run_request *request, struct arena *arena, struct run_health *health)
{
	static const struct image_health nothing = {};
	return resolve_health(&request->health,
		request->image ? &request->image->config.health : &nothing, arena, health);
}

int run_change_health(
	struct run_request *request, const struct health_wishes *wishes, struct arena *arena)
{
	struct run_health health = request->resolved.health;
	const struct image_health before = {.test = health.test,
		.interval_ns = health.interval_ns,
		.timeout_ns = health.timeout_ns,
		.start_period_ns = health.start_period_ns,
		.start_interval_ns = health.start_interval_ns,
		.retries = health.retries};
	int r = run_check_health(wishes);
	if (r == 0)
		r = resolve_health(wishes, &before, arena, &health);
	if (r == 0)
		request->resolved.health = health;
	return r;
}

/* ---- systemd
 * ---------------------------------------------------------------------------------------- */

static int resolve_systemd(const struct run_request *request, struct run_resolved *resolved)
{
	static const char *const inits[] = {"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init",
		"/lib/systemd/systemd", "/usr/lib/systemd/systemd", "systemd"};
	const char *word = request->process.systemd ? request->process.systemd : "true";
	if (text_equal(word, "always")) {
		resolved->systemd = true;
		return 0;
	}
	if (text_equal(word, "false"))
		return 0;
	if (!text_equal(word, "true") && *word)
		return refuse(-EINVAL, "--systemd %s: known are true, false, always", word);
	if (request->process.init || run_is_host(request))
		return 0;
	const char *program = resolved->entrypoint.count ? resolved->entrypoint.items[0]
							 : resolved->command.items[0];
	for (size_t i = 0; i < array_length(inits); i++)
		if (text_equal(program, inits[i]))
			resolved->systemd = true;
	return 0;
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------- */

static void resolve_strings(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct image_config *config = request->image ? &request->image->config : NULL;
	char here[4096];
	resolved->user = request->process.user ? request->process.user
			 : config              ? config->user
					       : NULL;
	resolved->working_directory = request->process.working_directory;
	if (!resolved->working_directory && config)
		resolved->working_directory = config->working_directory;
	if (!resolved->working_directory && run_is_host(request) && getcwd(here, sizeof(here)))
		resolved->working_directory = arena_strdup(arena, here);
	if (text_empty(resolved->working_directory))
		resolved->working_directory = "/";
	resolved->stop_signal = request->life.stop_signal ? request->life.stop_signal
				: config                  ? config->stop_signal
							  : NULL;
	if (!resolved->stop_signal)
		resolved->stop_signal = resolved->systemd ? "SIGRTMIN+3" : "SIGTERM";
}

static bool is_sandbox(const struct run_request *request)
{
	const char *isolation = request->life.isolation;
	return isolation && text_equal(isolation, "sandbox");
}

/*
 * An image behind the walls of `rung sandbox`: no network and no capability unless they are asked
 * for by name, and nothing gained by executing anything.
 */
static void tighten(struct run_request *request, struct arena *arena)
{
	if (request->network.networks.count == 0)
		run_strings_add(&request->network.networks, "none", arena);
	run_strings_add(&request->security.cap_drop, "all", arena);
	run_strings_add(&request->security.options, "no-new-privileges", arena);
}

static int check(const struct run_request *request, const struct run_resolved *resolved)
{
	const char *isolation = request->life.isolation;
	if (!text_empty(isolation) && !text_equal(isolation, "container") &&
		!text_equal(isolation, "default") && !is_sandbox(request)) {
		int r = refuse(-EOPNOTSUPP, "--isolation %s is not there yet", isolation);
		hint("container and sandbox are");
		return r;
	}
	if (resolved->working_directory[0] != '/')
		return refuse(-EINVAL, "--workdir %s is not absolute", resolved->working_directory);
	if (request->process.init && resolved->systemd)
		return refuse(-EINVAL, "--init and --systemd=always exclude each other: both "
				       "want to be process 1");
	return 0;
}

int run_resolve(struct run_request *request, struct arena *arena)
{
	struct run_resolved resolved = {.given = true};
	if (is_sandbox(request))
		tighten(request, arena);
	int r = run_check_words(request, arena);
	if (r == 0)
		r = resolve_command(request, arena, &resolved);
	if (r == 0)
		r = resolve_systemd(request, &resolved);
	if (r < 0)
		return r;
	resolve_strings(request, arena, &resolved);
	resolved.hostname = run_choose_hostname(request, arena);
	r = check(request, &resolved);
	if (r == 0)
		r = run_environment(request, arena, &resolved.environment);
	if (r == 0)
		r = resolve_labels(request, arena, &resolved);
	if (r == 0)
		r = resolve_ports(request, arena, &resolved);
	if (r == 0)
		r = resolve_first_health(request, arena, &resolved.health);
	if (r == 0)
		r = run_resolve_mounts(request, arena, &resolved);
	if (r == 0)
		r = run_resolve_secrets(request, arena, &resolved);
	if (r == 0)
		r = run_resolve_ids(request, arena, &resolved);
	if (r == 0)
		request->resolved = resolved;
	return r;
}
