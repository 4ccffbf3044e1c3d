// SPDX-License-Identifier: Apache-2.0

/* `rung oci list`: all containers below the state root. */

#include "base/error.h"
#include "verbs/oci/oci.h"

#include <stdio.h>

struct list_options {
	bool quiet;
	enum { LIST_TABLE, LIST_JSON } format;
};

static const struct option list_options[] = {
	{"-q, --quiet", "only the ids", flag_in(list_options, quiet)},
	{"-f, --format=table|json", "how to show them", choice_in(list_options, format)},
	{},
};

static void print_row(const struct container_record *record, enum container_status status)
{
	int pid = status == CONTAINER_STOPPED ? 0 : (int)record->init.pid;
	printf("%-24s %-8d %-9s %-40s %s\n", record->id, pid, container_status_name(status),
		record->bundle, record->created);
}

static int print_one(
	const char *root, const char *id, const struct list_options *options, bool *first)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(root, id, &record);
	if (r < 0) {
		/* It was removed while we looked. */
		error_clear();
		return 0;
	}
	enum container_status status = container_status(&record);
	if (options->format == LIST_TABLE) {
		print_row(&record, status);
		return 0;
	}
	autofini(text_fini) struct text out = {};
	container_state_write(
		&record, status, status == CONTAINER_STOPPED ? 0 : record.init.pid, false, &out);
	printf("%s%.*s", *first ? "" : ",", (int)out.length - 1, text_get(&out));
	*first = false;
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct list_options *options = options_of(invocation, list_options);
	const char *root = oci_state_root(invocation);
	struct strings ids;
	int r = container_list(root, invocation->arena, &ids);
	if (r < 0)
		return r;
	if (options->quiet) {
		for (size_t i = 0; i < ids.count; i++)
			puts(ids.items[i]);
		return 0;
	}
	bool first = true;
	if (options->format == LIST_TABLE)
		printf("%-24s %-8s %-9s %-40s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
	else
		putchar('[');
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		r = print_one(root, ids.items[i], options, &first);
	if (options->format == LIST_JSON)
		puts("]");
	return r;
}

const struct verb verb_oci_list = {
	.name = "list",
	.aliases = "ls",
	.summary = "list containers",
	.arguments = "",
	verb_options(list_options),
	.run = run,
};
