// SPDX-License-Identifier: Apache-2.0

/* `rung export`: a container's files as one tar, without its volumes. */

#include "base/error.h"
#include "base/scope.h"
#include "engine/instance/tree.h"
#include "engine/store/layer.h"
#include "verbs/container/container.h"
#include "verbs/verbs.h"
#include "verbs/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct export_options {
	const char *output;
};

static const struct option export_options[] = {
	{"-o, --output=FILE", "write into FILE instead of standard output",
		text_in(export_options, output)},
	{},
};

static int write_archive(const struct instance *instance, int output_fd, struct arena *arena)
{
	autoclose int root = instance_open_stack(instance, arena);
	const struct layer_archive archive = {.tree_fd = root,
		.output_fd = output_fd,
		.compression = LAYER_PLAIN,
		.user_namespace_fd = -1};
	return root < 0 ? root : layer_archive(&archive, NULL);
}

static int run(struct invocation *invocation)
{
	const struct export_options *options = options_of(invocation, export_options);
	struct instance instance;
	struct whole_file file = WHOLE_FILE_NONE;
	int r = instance_find(invocation->arguments[0], invocation->arena, &instance);
	if (r < 0)
		return r;
	if (!options->output && isatty(STDOUT_FILENO))
		return usage_error(invocation, "a tar is not for a terminal: say --output");
	if (options->output)
		r = whole_file_open(options->output, 0600, invocation->arena, &file);
	if (r < 0)
		return r;
	instance_event(&instance, "export", NULL, 0);
	r = write_archive(&instance, options->output ? file.fd : STDOUT_FILENO, invocation->arena);
	r = whole_file_finish(&file, r);
	return r < 0 ? wrap(r, "export %s", instance.name) : 0;
}

const struct verb verb_export = {
	.name = "export",
	.summary = "write a container's files into a tar",
	.arguments = "CONTAINER",
	verb_options(export_options),
	.completers = container_completers,
	.description = "Writes all files of a container, those of its image and those it changed, "
		       "without what is mounted in it.",
	.examples = "An image of one layer\n"
		    "$ rung export web | rung import - web-flat\n",
	.run = run,
};
