// SPDX-License-Identifier: Apache-2.0

/* `rung export`: a container's files as one tar, without its volumes. */

#include "base/error.h"
#include "base/scope.h"
#include "engine/instance/tree.h"
#include "engine/store/layer.h"
#include "verbs/container/container.h"
#include "verbs/verbs.h"

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

static int open_output(const struct invocation *invocation, const char *path)
{
	if (!path) {
		if (isatty(STDOUT_FILENO))
			return usage_error(invocation, "a tar is not for a terminal: say --output");
		int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? fail(-errno, "standard output") : fd;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? fail(-errno, "open %s", path) : fd;
}

static int run(struct invocation *invocation)
{
	const struct export_options *options = options_of(invocation, export_options);
	struct instance instance;
	int r = instance_find(invocation->arguments[0], invocation->arena, &instance);
	if (r < 0)
		return r;
	autoclose int output = open_output(invocation, options->output);
	if (output < 0)
		return output;
	instance_event(&instance, "export", NULL, 0);
	autoclose int root = instance_open_stack(&instance, invocation->arena);
	if (root < 0)
		return wrap(root, "export %s", instance.name);
	const struct layer_archive archive = {.tree_fd = root,
		.output_fd = output,
		.compression = LAYER_PLAIN,
		.user_namespace_fd = -1};
	r = layer_archive(&archive, NULL);
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
