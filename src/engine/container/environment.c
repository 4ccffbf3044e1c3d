// SPDX-License-Identifier: Apache-2.0

/*
 * The program's variables, weakest first: what every container has, our proxies, the image's, all
 * of ours (--env-host), those of files and of the command line. Decided when the container is
 * created, as in Docker: a later start has the same ones, whatever the caller's are by then.
 */

#include "base/error.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"

static const char path_variable[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct variables {
	struct arena *arena;
	struct strings list;
	size_t room;
};

static size_t find(const struct variables *all, const char *name, size_t length)
{
	for (size_t i = 0; i < all->list.count; i++)
		if (strncmp(all->list.items[i], name, length) == 0 &&
			all->list.items[i][length] == '=')
			return i;
	return SIZE_MAX;
}

/* Of two equal names getenv(3) may find either, so each is there once, where it was first. */
static void set(struct variables *all, const char *variable)
{
	size_t at = find(all, variable, strcspn(variable, "="));
	if (at != SIZE_MAX) {
		all->list.items[at] = variable;
		return;
	}
	if (all->list.count + 1 >= all->room) {
		all->room = 2 * all->room + 32;
		const char **more = arena_new(all->arena, const char *, all->room);
		if (all->list.count)
			memcpy(more, all->list.items, all->list.count * sizeof(*more));
		all->list.items = more;
	}
	all->list.items[all->list.count++] = variable;
	all->list.items[all->list.count] = NULL;
}

static void unset(struct variables *all, const char *name)
{
	size_t at = find(all, name, strlen(name));
	if (at == SIZE_MAX)
		return;
	all->list.count--;
	memmove(&all->list.items[at], &all->list.items[at + 1],
		(all->list.count - at + 1) * sizeof(*all->list.items));
}

static void take_own(struct variables *all, const char *name)
{
	const char *value = getenv(name);
	if (value)
		set(all, arena_format(all->arena, "%s=%s", name, value));
}

/* NAME=VALUE; NAME: ours; PREFIX*: all of ours that begin so. */
static int take_word(struct variables *all, const char *word)
{
	size_t length = strcspn(word, "=");
	if (length == 0)
		return refuse(-EINVAL, "environment \"%s\": the variable's name is missing", word);
	if (word[length]) {
		set(all, word);
	} else if (word[length - 1] == '*') {
		for (char **own = environ; *own; own++)
			if (strncmp(*own, word, length - 1) == 0)
				set(all, arena_strdup(all->arena, *own));
	} else {
		take_own(all, word);
	}
	return 0;
}

/* Nothing of ours but what a program needs to find its way: secrets live in environments. */
static void take_host(struct variables *all)
{
	static const char *const names[] = {
		"PATH", "LANG", "LC_ALL", "TZ", "SHELL", "USER", "LOGNAME", "COLORTERM"};
	for (size_t i = 0; i < array_length(names); i++)
		take_own(all, names[i]);
}

static void take_proxies(struct variables *all)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"};
	for (size_t i = 0; i < array_length(names); i++)
		take_own(all, names[i]);
}

/* "PATH=/opt/bin:${PATH}": what stands in ${} or behind $ is the variable as it is so far. */
static const char *expand(const struct variables *all, const char *word)
{
	autofini(text_fini) struct text out = {};
	for (const char *c = word; *c; c++) {
		bool braces = c[0] == '$' && c[1] == '{';
		const char *name = c + 1 + braces;
		size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789_");
		if (*c != '$' || length == 0 || (braces && name[length] != '}')) {
			text_add_bytes(&out, c, 1);
			continue;
		}
		size_t at = find(all, name, length);
		if (at != SIZE_MAX)
			text_add(&out, all->list.items[at] + length + 1);
		c = name + length - 1 + braces;
	}
	return arena_strdup(all->arena, text_get(&out));
}

static void take_image(struct variables *all, const struct image *image)
{
	for (size_t i = 0; i < image->config.environment.count; i++) {
		const char *variable = image->config.environment.items[i];
		if (strchr(variable, '=') && variable[0] != '=')
			set(all, variable);
	}
}

/* What --unsetenv can take away again. */
static void take_defaults(const struct run_request *request, struct variables *all)
{
	set(all, path_variable);
	set(all, "container=rung");
	if (request->process.terminal)
		set(all, "TERM=xterm");
	if (request->process.terminal && !request->image)
		take_own(all, "TERM");
	if (run_is_host(request))
		take_host(all);
	if (request->image)
		take_image(all, request->image);
}

int run_environment(
	const struct run_request *request, struct arena *arena, struct strings *ret_variables)
{
	const struct process_wishes *process = &request->process;
	struct variables all = {.arena = arena};
	if (process->http_proxy && !run_is_host(request))
		take_proxies(&all);
	if (!process->unset_all)
		take_defaults(request, &all);
	for (size_t i = 0; i < process->unset.count; i++)
		unset(&all, process->unset.items[i]);
	for (char **own = environ; process->environment_host && *own; own++)
		if (strchr(*own, '='))
			set(&all, arena_strdup(arena, *own));
	for (size_t i = 0; i < process->environment_merge.count; i++) {
		const char *word = process->environment_merge.items[i];
		if (!strchr(word, '='))
			return refuse(-EINVAL, "--env-merge %s is not NAME=VALUE", word);
		set(&all, expand(&all, word));
	}
	for (size_t i = 0; i < process->environment.count; i++) {
		int r = take_word(&all, process->environment.items[i]);
		if (r < 0)
			return r;
	}
	*ret_variables = all.list;
	return 0;
}

int run_change_environment(struct run_request *request, const struct strings *unwanted,
	const struct strings *words, struct arena *arena)
{
	struct variables all = {.arena = arena};
	const struct strings *now = &request->resolved.environment;
	for (size_t i = 0; i < now->count; i++)
		set(&all, now->items[i]);
	for (size_t i = 0; i < unwanted->count; i++)
		unset(&all, unwanted->items[i]);
	for (size_t i = 0; i < words->count; i++) {
		int r = take_word(&all, words->items[i]);
		if (r < 0)
			return r;
	}
	request->resolved.environment = all.list;
	return 0;
}
