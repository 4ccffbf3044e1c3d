// SPDX-License-Identifier: Apache-2.0

/*
 * `rung top`: the processes of a container. Without more words what `ps -ef` of the host shows of
 * them, or as Podman what the container itself would see; with descriptors (pid, user, args, %C …)
 * those columns; with options, whatever ps(1) makes of them.
 */

#include "verbs/container/top.h"

#include "base/error.h"
#include "base/scope.h"
#include "cli/table.h"
#include "verbs/container/container.h"
#include "verbs/host_ps.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct top_options {
	bool latest;
};

static const struct option top_options[] = {
	{"-l, --latest", "of the container that was created last", flag_in(top_options, latest)},
	{},
};

/* "pid,user args" in any number of words; NULL where one is none of ours. */
static const struct top_column **find_columns(
	const char *const *words, size_t count, struct arena *arena, size_t *ret_count)
{
	size_t room = 0, found = 0;
	for (size_t i = 0; i < count; i++)
		room += strlen(words[i]) + 1;
	const struct top_column **columns = arena_new(arena, const struct top_column *, room + 1);
	for (size_t i = 0; i < count; i++) {
		char *rest = arena_strdup(arena, words[i]), *word;
		while ((word = strsep(&rest, ", "))) {
			if (*word == '\0')
				continue;
			const struct top_column *column = top_column_find(word);
			if (!column)
				return NULL;
			columns[found++] = column;
		}
	}
	*ret_count = found;
	return columns;
}

static int print_columns(const struct top_view *view, const struct top_column *const *columns,
	size_t column_count, const struct process_view *processes, size_t count)
{
	autofini(table_fini) struct table table = {};
	autofini(text_fini) struct text line = {}, out = {};
	for (size_t i = 0; i < column_count; i++)
		text_format(&line, "%s%s", i ? "\t" : "", top_column_title(columns[i]));
	table_add(&table, text_get(&line));
	for (size_t n = 0; n < count; n++) {
		autofini(text_fini) struct text row = {};
		for (size_t i = 0; i < column_count; i++) {
			if (i)
				text_add(&row, "\t");
			top_column_write(columns[i], view, &processes[n], &row);
		}
		table_add(&table, text_get(&row));
	}
	table_write(&table, 0, &out);
	return fputs(text_get(&out), stdout) < 0 ? fail(-errno, "write the table") : 0;
}

static int print_ps(const char *const *words, size_t word_count,
	const struct process_view *processes, size_t count, struct arena *arena)
{
	pid_t *pids = arena_new(arena, pid_t, count + 1);
	for (size_t i = 0; i < count; i++)
		pids[i] = processes[i].pid;
	const char **copy = arena_new(arena, const char *, word_count + 1);
	for (size_t i = 0; i < word_count; i++)
		copy[i] = words[i];
	return host_ps_print(&(struct strings){copy, word_count}, pids, count, arena);
}

static int show(struct invocation *invocation, const struct instance *instance,
	const char *const *words, size_t word_count)
{
	static const char *const docker_words[] = {
		"ef-uid", "ef-pid", "hppid", "c", "start", "tty", "cputime", "cmd"};
	static const char *const podman_words[] = {
		"user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"};
	struct arena *arena = invocation->arena;
	struct process_view *processes;
	size_t count, column_count = 0;
	int r = container_processes(instance, arena, &processes, &count);
	if (r < 0)
		return r;
	bool podman = manner_of(invocation) == MANNER_PODMAN;
	const struct top_column **columns = NULL;
	if (word_count == 0)
		columns = find_columns(podman ? podman_words : docker_words,
			array_length(docker_words), arena, &column_count);
	else if (words[0][0] != '-')
		columns = find_columns(words, word_count, arena, &column_count);
	if (!columns)
		return print_ps(words, word_count, processes, count, arena);
	autofini(top_view_fini) struct top_view view = {.host_fd = -1, .root_fd = -1};
	top_view_open(&view, instance->state.pid);
	return print_columns(&view, columns, column_count, processes, count);
}

static int find_latest(struct arena *arena, struct instance *ret_instance)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	if (count == 0)
		return refuse(-ENOENT, "there are no containers");
	*ret_instance = instances[count - 1];
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct top_options *options = options_of(invocation, top_options);
	const char *const *words = invocation->arguments;
	size_t count = invocation->argument_count;
	struct instance instance;
	int r;
	if (options->latest) {
		r = find_latest(invocation->arena, &instance);
	} else if (count == 0) {
		return usage_error(invocation, "name a container, or say --latest");
	} else {
		r = instance_find(words[0], invocation->arena, &instance);
		words++;
		count--;
	}
	if (count && text_equal(words[0], "--")) {
		words++;
		count--;
	}
	return r < 0 ? r : show(invocation, &instance, words, count);
}

const struct verb verb_top = {
	.name = "top",
	.summary = "show the processes of a container",
	.arguments = "[CONTAINER] [COLUMN...|PS-OPTION...]",
	.command = true,
	verb_options(top_options),
	.completers = container_completers,
	.description =
		"Shows the processes of a container. Columns are those of ps(1) by their AIX names "
		"(pid, ppid, user, group, pcpu, etime, time, tty, comm, args, nice, pgid, vsz, rss "
		"…) or codes (%p, %C …), as the container sees itself; hpid, huser and hgroup are "
		"the host's; capeff, capprm, capinh, capbnd, seccomp, label, state and stime say "
		"what Podman's top says. Any other words are options for ps(1).",
	.examples = "What it may do\n"
		    "$ rung top web pid user capeff seccomp args\n"
		    "As ps shows it\n"
		    "$ rung top web -eo pid,rss,cmd\n",
	.run = run,
};
