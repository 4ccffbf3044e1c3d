// SPDX-License-Identifier: Apache-2.0

/* `rung secret create`: takes a secret from a file, standard input or a variable. */

#include "verbs/volume/common.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct secret_create_options {
	struct option_list labels, driver_options;
	const char *driver, *template_driver;
	bool environment, replace, ignore;
};

static const struct option secret_create_options[] = {
	{"-l, --label=NAME[=VALUE]", "a note on the secret",
		list_in(secret_create_options, labels)},
	{"-d, --driver=NAME", "who keeps it", text_in(secret_create_options, driver),
		.fallback = "file"},
	{"--driver-opts=NAME=VALUE", "an option for that",
		list_in(secret_create_options, driver_options)},
	{"--env", "FILE is the name of a variable of ours",
		flag_in(secret_create_options, environment)},
	{"--replace", "a secret of that name goes", flag_in(secret_create_options, replace)},
	{"--ignore", "a secret of that name stays, and is no mistake",
		flag_in(secret_create_options, ignore)},
	{"--template-driver=NAME", "", text_in(secret_create_options, template_driver),
		.hidden = true},
	{},
};

static int read_secret(const struct secret_create_options *options, const char *source,
	char **ret_bytes, size_t *ret_size)
{
	int r;
	if (options->environment) {
		const char *value = getenv(source);
		if (!value)
			return refuse(-ENOENT, "there is no variable %s", source);
		*ret_bytes = strdup(value);
		*ret_size = strlen(value);
		return *ret_bytes ? 0 : fail(-ENOMEM, "read the secret");
	}
	if (text_equal(source, "-"))
		r = fs_read_fd(STDIN_FILENO, SECRET_SIZE_MAX, ret_bytes, ret_size);
	else
		r = fs_read(AT_FDCWD, source, SECRET_SIZE_MAX, ret_bytes, ret_size);
	return r < 0 ? fail(r, "read the secret from %s",
			       text_equal(source, "-") ? "standard input" : source)
		     : 0;
}

static int run(struct invocation *invocation)
{
	const struct secret_create_options *options = options_of(invocation, secret_create_options);
	struct arena *arena = invocation->arena;
	const char *data_root = places_data(arena);
	struct secret wanted = {.name = invocation->arguments[0], .driver = options->driver};
	int r = volume_pairs(
		"--label", &options->labels, arena, &wanted.labels, &wanted.label_count);
	if (r == 0)
		r = volume_pairs("--driver-opts", &options->driver_options, arena, &wanted.options,
			&wanted.option_count);
	autofree char *bytes = NULL;
	size_t size = 0;
	if (r == 0)
		r = read_secret(options, invocation->arguments[1], &bytes, &size);
	if (r < 0)
		return r;
	struct secret secret;
	r = secret_create(data_root, &wanted, bytes, size, options->replace, arena, &secret);
	if (r == -EEXIST && options->ignore) {
		error_clear();
		r = secret_find(data_root, wanted.name, arena, &secret);
	}
	if (bytes)
		explicit_bzero(bytes, size);
	if (r < 0)
		return r;
	event_write("secret", "create", secret.id, secret.name, NULL, 0);
	puts(secret.id);
	return 0;
}

const struct verb verb_secret_create = {
	.name = "create",
	.summary = "keep a secret",
	.arguments = "SECRET FILE",
	verb_options(secret_create_options),
	.description =
		"Keeps what is in FILE under a name and prints the secret's id. FILE may be -, "
		"standard input, or with --env a variable's name. A secret is at most 500 KB long "
		"and may hold any bytes.\n\n"
		"Containers get it with --secret NAME. It is not encrypted on disk: its file can "
		"be read by you and by root alone.",
	.examples = "Without leaving a trace in the shell's history\n"
		    "$ rung secret create password - < password.txt\n"
		    "$ rung run --secret password,type=env,target=PASSWORD debian env\n",
	.run = run,
};
