// SPDX-License-Identifier: Apache-2.0

/* `rung oci spec`: a config.json to begin with. */

#include "base/error.h"
#include "base/fs.h"
#include "plan/defaults.h"
#include "plan/oci.h"
#include "verbs/oci/oci.h"

#include <fcntl.h>

struct spec_options {
	const char *bundle, *config;
	bool rootless;
};

static const struct option spec_options[] = {
	{"-b, --bundle=DIR", "where to put it", text_in(spec_options, bundle)},
	{"-f, --config=FILE", "another name for config.json", text_in(spec_options, config)},
	{"--rootless", "for an ordinary user", flag_in(spec_options, rootless)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct spec_options *options = options_of(invocation, spec_options);
	autofini(plan_fini) struct plan plan = {};
	plan_default(&plan, options->rootless);
	autofini(text_fini) struct text out = {};
	plan_write(&plan, &out);

	const char *name = options->config ? options->config : "config.json";
	autoclose int directory =
		open(options->bundle ? options->bundle : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fail(-errno, "bundle %s", options->bundle);
	autoclose int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		int r = refuse(-EEXIST, "%s exists already", name);
		hint("remove it first, or choose another directory with --bundle");
		return r;
	}
	if (fd < 0)
		return fail(-errno, "create %s", name);
	int r = fs_write_all(fd, text_get(&out), out.length);
	if (r < 0) {
		(void)unlinkat(directory, name, 0);
		return fail(r, "write %s", name);
	}
	return 0;
}

const struct verb verb_oci_spec = {
	.name = "spec",
	.summary = "write a config.json to begin with",
	.arguments = "",
	verb_options(spec_options),
	.run = run,
};
