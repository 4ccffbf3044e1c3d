// SPDX-License-Identifier: Apache-2.0

/*
 * `--change` of commit and import: one instruction of a Dockerfile that changes nothing but the
 * configuration. In: a line as a person typed it. Out: the configuration with it applied. The
 * builder reads whole Dockerfiles with a parser of its own; here a line is all there is.
 *
 *	CMD ["sh", "-c", "ls"]    the exec form is JSON
 *	CMD ls -l                 the shell form is run by SHELL, or /bin/sh -c
 *	ENV A=1 B="two words"     quotes and backslashes as in a shell; $NAME is the image's own
 *	ENV=A=1                   podman's way to write an instruction
 */

#include "base/error.h"
#include "engine/image/internal.h"
#include "plan/shape.h"

#include <ctype.h>
#include <stdio.h>

struct line {
	struct image_config *config;
	struct arena *arena;
	const char *instruction;
	const char *rest;
};

static int bad(const struct line *line, const char *why)
{
	return refuse(-EINVAL, "--change %s: %s", line->instruction, why);
}

/* ---- words ------------------------------------------------------------------- */

static const char *environment_value(
	const struct image_config *config, const char *name, size_t length)
{
	for (size_t i = 0; i < config->environment.count; i++) {
		const char *pair = config->environment.items[i];
		if (strncmp(pair, name, length) == 0 && pair[length] == '=')
			return pair + length + 1;
	}
	return "";
}

/* $NAME and ${NAME}; returns what is behind it. A lone "$" stands for itself. */
static const char *expand(const struct line *line, const char *at, struct text *word)
{
	bool braces = at[1] == '{';
	const char *name = at + 1 + braces;
	size_t length = 0;
	while (isalnum((unsigned char)name[length]) || name[length] == '_')
		length++;
	if (length == 0 || (braces && name[length] != '}')) {
		text_add_bytes(word, at, 1);
		return at + 1;
	}
	text_add(word, environment_value(line->config, name, length));
	return name + length + braces;
}

/* The next word at *rest with quotes and backslashes taken away; NULL at the end. */
static const char *next_word(const struct line *line, const char **rest, bool *ret_open)
{
	const char *at = *rest + strspn(*rest, " \t");
	if (*at == '\0')
		return NULL;
	autofini(text_fini) struct text word = {};
	char quote = 0;
	while (*at && (quote || (*at != ' ' && *at != '\t'))) {
		if (quote ? *at == quote : *at == '"' || *at == '\'') {
			quote = quote ? 0 : *at;
			at++;
		} else if (*at == '\\' && at[1] && quote != '\'') {
			text_add_bytes(&word, at + 1, 1);
			at += 2;
		} else if (*at == '$' && quote != '\'') {
			at = expand(line, at, &word);
		} else {
			text_add_bytes(&word, at++, 1);
		}
	}
	*ret_open = quote != 0;
	*rest = at;
	return arena_strdup(line->arena, text_get(&word));
}

static int words_of(const struct line *line, struct strings *ret)
{
	struct strings words = {};
	const char *rest = line->rest, *word;
	bool open = false;
	while ((word = next_word(line, &rest, &open))) {
		if (open)
			return bad(line, "a quote is not closed");
		strings_add(&words, word, line->arena);
	}
	if (words.count == 0)
		return bad(line, "wants an argument");
	*ret = words;
	return 0;
}

/* 1 and the words where the rest is a JSON array of strings, 0 where it is something else. */
static int exec_form(const struct line *line, struct strings *ret)
{
	if (line->rest[0] != '[')
		return 0;
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(
		line->rest, strlen(line->rest), line->instruction, line->arena, &document);
	if (r == 0)
		r = json_strings(&document.top, line->arena, NULL, ret);
	if (r == 0)
		return 1;
	error_clear();
	return 0;
}

static int command_of(const struct line *line, struct strings *ret)
{
	struct strings words = {};
	int r = exec_form(line, &words);
	if (r == 0) {
		const struct strings *shell = &line->config->shell;
		for (size_t i = 0; i < shell->count; i++)
			strings_add(&words, shell->items[i], line->arena);
		if (shell->count == 0) {
			strings_add(&words, "/bin/sh", line->arena);
			strings_add(&words, "-c", line->arena);
		}
		strings_add(&words, line->rest, line->arena);
	}
	*ret = words;
	return 0;
}

/* ---- instructions ---------------------------------------------------------------- */

static int set_command(struct line *line)
{
	return command_of(line, &line->config->command);
}

static int set_entrypoint(struct line *line)
{
	return command_of(line, &line->config->entrypoint);
}

static void set_variable(struct line *line, const char *name, const char *value)
{
	struct strings *environment = &line->config->environment, changed = {};
	size_t length = strlen(name);
	const char *pair = arena_format(line->arena, "%s=%s", name, value);
	bool done = false;
	for (size_t i = 0; i < environment->count; i++) {
		const char *old = environment->items[i];
		bool same = strncmp(old, name, length) == 0 && old[length] == '=';
		strings_add(&changed, same ? pair : old, line->arena);
		done |= same;
	}
	if (!done)
		strings_add(&changed, pair, line->arena);
	*environment = changed;
}

static void set_label(struct line *line, const char *name, const char *value)
{
	struct image_config *config = line->config;
	struct plan_key_value *labels =
		arena_new(line->arena, struct plan_key_value, config->label_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < config->label_count; i++) {
		if (!text_equal(config->labels[i].key, name))
			labels[count++] = config->labels[i];
	}
	labels[count++] = (struct plan_key_value){name, value};
	config->labels = labels;
	config->label_count = count;
}

/* NAME=VALUE…, or the old form NAME VALUE where the value is all the rest. */
static int set_pairs(struct line *line, void (*set)(struct line *, const char *, const char *))
{
	struct strings words;
	int r = words_of(line, &words);
	if (r < 0)
		return r;
	if (!strchr(words.items[0], '=') && words.count > 1) {
		const char *value = strpbrk(line->rest, " \t");
		set(line, words.items[0], value ? value + strspn(value, " \t") : "");
		return 0;
	}
	for (size_t i = 0; i < words.count; i++) {
		const char *equals = strchr(words.items[i], '=');
		if (!equals || equals == words.items[i])
			return bad(line, "wants NAME=VALUE");
		size_t length = (size_t)(equals - words.items[i]);
		set(line, arena_strndup(line->arena, words.items[i], length), equals + 1);
	}
	return 0;
}

static int set_environment(struct line *line)
{
	return set_pairs(line, set_variable);
}

static int set_labels(struct line *line)
{
	return set_pairs(line, set_label);
}

/* "80", "80/tcp", "8000-8010/udp"; ranges are written out, as docker does. */
static int add_ports(struct line *line, const char *word)
{
	unsigned first, last;
	int used = 0;
	if (sscanf(word, "%5u%n", &first, &used) != 1)
		return bad(line, "wants PORT[-PORT][/PROTOCOL]");
	last = first;
	word += used;
	if (*word == '-' && sscanf(word, "-%5u%n", &last, &used) == 1)
		word += used;
	const char *protocol = *word == '/' ? word + 1 : "tcp";
	if ((*word && *word != '/') || first < 1 || last > 65535 || first > last)
		return bad(line, "wants PORT[-PORT][/PROTOCOL]");
	if (!text_equal(protocol, "tcp") && !text_equal(protocol, "udp") &&
		!text_equal(protocol, "sctp"))
		return bad(line, "the protocol is tcp, udp or sctp");
	struct strings *ports = &line->config->exposed_ports, old = *ports;
	const char **items = arena_new(line->arena, const char *, old.count + last - first + 2);
	for (size_t i = 0; i < old.count; i++)
		items[i] = old.items[i];
	*ports = (struct strings){items, old.count};
	for (unsigned port = first; port <= last; port++) {
		const char *text = arena_format(line->arena, "%u/%s", port, protocol);
		if (!strings_have(&old, text))
			items[ports->count++] = text;
	}
	return 0;
}

static int add_exposed(struct line *line)
{
	struct strings words;
	int r = words_of(line, &words);
	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = add_ports(line, words.items[i]);
	return r;
}

static int add_volumes(struct line *line)
{
	struct strings words;
	int r = exec_form(line, &words);
	if (r == 0)
		r = words_of(line, &words);
	for (size_t i = 0; r >= 0 && i < words.count; i++) {
		if (!strings_have(&line->config->volumes, words.items[i]))
			strings_add(&line->config->volumes, words.items[i], line->arena);
	}
	return r < 0 ? r : 0;
}

/* One word, which may be quoted. */
static int one_word(const struct line *line, const char **ret)
{
	struct strings words;
	int r = words_of(line, &words);
	if (r == 0 && words.count > 1)
		return bad(line, "wants one argument");
	if (r == 0)
		*ret = words.items[0];
	return r;
}

static int set_user(struct line *line)
{
	return one_word(line, &line->config->user);
}

static int set_directory(struct line *line)
{
	const char *path = "", *old = line->config->working_directory;
	int r = one_word(line, &path);
	if (r < 0)
		return r;
	if (path[0] != '/')
		path = arena_format(
			line->arena, "%s/%s", old && !text_equal(old, "/") ? old : "", path);
	line->config->working_directory = path;
	return 0;
}

static int set_stop_signal(struct line *line)
{
	return one_word(line, &line->config->stop_signal);
}

static int add_onbuild(struct line *line)
{
	strings_add(&line->config->onbuild, line->rest, line->arena);
	return 0;
}

static int set_shell(struct line *line)
{
	int r = exec_form(line, &line->config->shell);
	return r == 0 ? bad(line, "wants a JSON array of words") : r < 0 ? r : 0;
}

/* "1m30s", "300ms": Go's durations without fractions of what is below a millisecond. */
static int duration(const struct line *line, const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"h", 3600000000000},
		{"m", 60000000000}, {"s", 1000000000}};
	int64_t total = 0;
	if (!*text)
		return bad(line, "wants durations such as 1m30s");
	while (*text) {
		char *end;
		double value = strtod(text, &end);
		size_t i = 0;
		while (i < array_length(units) && !text_starts(end, units[i].unit))
			i++;
		if (end == text || i == array_length(units) || value < 0 || value > 1e6)
			return bad(line, "wants durations such as 1m30s");
		total += (int64_t)(value * (double)units[i].ns);
		text = end + strlen(units[i].unit);
	}
	*ret_ns = total;
	return 0;
}

static int health_option(struct line *line, const char *option, struct image_health *health)
{
	const char *value = strchr(option, '=');
	uint64_t retries;
	if (!value)
		return bad(line, "options are written --NAME=VALUE");
	value++;
	if (text_starts(option, "--interval="))
		return duration(line, value, &health->interval_ns);
	if (text_starts(option, "--timeout="))
		return duration(line, value, &health->timeout_ns);
	if (text_starts(option, "--start-period="))
		return duration(line, value, &health->start_period_ns);
	if (text_starts(option, "--start-interval="))
		return duration(line, value, &health->start_interval_ns);
	if (!text_starts(option, "--retries="))
		return bad(line,
			"knows --interval --timeout --start-period --start-interval --retries");
	if (parse_uint64(value, INT32_MAX, &retries) < 0)
		return bad(line, "--retries wants a number");
	health->retries = (int64_t)retries;
	return 0;
}

static int set_health(struct line *line)
{
	struct image_health health = {};
	while (text_starts(line->rest, "--")) {
		size_t length = strcspn(line->rest, " \t");
		int r = health_option(
			line, arena_strndup(line->arena, line->rest, length), &health);
		if (r < 0)
			return r;
		line->rest += length + strspn(line->rest + length, " \t");
	}
	if (strcasecmp(line->rest, "NONE") == 0) {
		strings_add(&health.test, "NONE", line->arena);
	} else {
		if (strncasecmp(line->rest, "CMD", 3) != 0 ||
			!isspace((unsigned char)line->rest[3]))
			return bad(line, "wants CMD and a command, or NONE");
		line->rest += 4;
		line->rest += strspn(line->rest, " \t");
		struct strings words = {};
		int exec = exec_form(line, &words);
		strings_add(&health.test, exec ? "CMD" : "CMD-SHELL", line->arena);
		for (size_t i = 0; exec && i < words.count; i++)
			strings_add(&health.test, words.items[i], line->arena);
		if (!exec)
			strings_add(&health.test, line->rest, line->arena);
	}
	line->config->health = health;
	return 0;
}

static const struct {
	const char *name;
	int (*apply)(struct line *line);
} instructions[] = {
	{"CMD", set_command},
	{"ENTRYPOINT", set_entrypoint},
	{"ENV", set_environment},
	{"EXPOSE", add_exposed},
	{"HEALTHCHECK", set_health},
	{"LABEL", set_labels},
	{"ONBUILD", add_onbuild},
	{"SHELL", set_shell},
	{"STOPSIGNAL", set_stop_signal},
	{"USER", set_user},
	{"VOLUME", add_volumes},
	{"WORKDIR", set_directory},
};

int image_apply_change(struct image_config *config, const char *change, struct arena *arena)
{
	struct image_config changed = *config;
	change += strspn(change, " \t");
	size_t length = strcspn(change, " \t=");
	struct line line = {&changed, arena, arena_strndup(arena, change, length), change + length};
	if (*line.rest == '=')
		line.rest++;
	line.rest += strspn(line.rest, " \t");
	/* Lines end where the text does, and what a copied line has behind it is no word. */
	size_t end = strlen(line.rest);
	while (end > 0 && isspace((unsigned char)line.rest[end - 1]))
		end--;
	line.rest = arena_strndup(arena, line.rest, end);
	for (size_t i = 0; i < array_length(instructions); i++) {
		if (strcasecmp(instructions[i].name, line.instruction) != 0)
			continue;
		line.instruction = instructions[i].name;
		if (!*line.rest)
			return bad(&line, "wants an argument");
		int r = instructions[i].apply(&line);
		if (r == 0)
			*config = changed;
		return r;
	}
	int r = refuse(-EINVAL, "--change %s: no such instruction", line.instruction);
	hint("CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME "
	     "WORKDIR");
	return r;
}
