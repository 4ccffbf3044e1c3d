// SPDX-License-Identifier: Apache-2.0

/* What create, run and restore have in common: a bundle and how to treat it. */

#include "base/error.h"
#include "base/fs.h"
#include "plan/oci.h"
#include "rungs/container/protect.h"
#include "verbs/oci/oci.h"

#include <fcntl.h>
#include <stdio.h>

const struct option bundle_options[] = {
	{"-b, --bundle=DIR", "directory with config.json", text_in(bundle_options, bundle)},
	{"-f, --config=FILE", "another name for config.json", text_in(bundle_options, config)},
	{"--console-socket=SOCKET", "send the terminal to this socket",
		text_in(bundle_options, console_socket)},
	{"--pid-file=FILE", "write the process id to FILE", text_in(bundle_options, pid_file)},
	{"--pidfd-socket=SOCKET", "send a pidfd to this socket",
		text_in(bundle_options, pidfd_socket)},
	{"--preserve-fds=NUMBER", "pass so many descriptors from 3 on",
		integer_in(bundle_options, preserve_fds)},
	{"--no-pivot", "move the root instead of pivot_root (for an initramfs)",
		flag_in(bundle_options, no_pivot)},
	{"--no-new-keyring", "keep the caller's session keyring",
		flag_in(bundle_options, no_new_keyring)},
	{"--no-subreaper", "accepted, has no effect", flag_in(bundle_options, no_subreaper),
		.hidden = true},
	{},
};

void oci_bundle_fini(struct oci_bundle *bundle)
{
	free(bundle->directory);
	free(bundle->config);
	plan_fini(&bundle->plan);
}

static int read_config(const struct bundle_options *options, struct oci_bundle *bundle)
{
	const char *name = options->config ? options->config : "config.json";
	autofree char *path = NULL;
	if (name[0] == '/')
		path = strdup(name);
	else if (asprintf(&path, "%s/%s", bundle->directory, name) < 0)
		path = NULL;
	if (!path)
		return fail(-ENOMEM, "read %s", name);
	/* Opening a pipe would wait for somebody to write to it, perhaps for ever. */
	struct stat about;
	if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
		return refuse(-EINVAL, "read %s: it is not a regular file", path);
	int r = fs_read(AT_FDCWD, path, PLAN_JSON_MAX, &bundle->config, &bundle->config_length);
	if (r < 0) {
		r = fail(r, "read %s", path);
		if (r == -ENOENT)
			hint("`rung oci spec --bundle DIR` writes one to begin with");
		return r;
	}
	return plan_read(
		bundle->config, bundle->config_length, name, bundle->directory, &bundle->plan);
}

int oci_bundle_read(const struct invocation *invocation, const struct bundle_options *options,
	struct oci_bundle *ret_bundle, struct container_request *ret_request)
{
	autofini(oci_bundle_fini) struct oci_bundle bundle = {};
	const char *directory = options->bundle ? options->bundle : ".";
	/* Engines give it whole; asking for each link on the way costs more than reading the file.
	 */
	bundle.directory = directory[0] == '/' ? strdup(directory) : realpath(directory, NULL);
	if (!bundle.directory)
		return fail(-errno, "bundle %s", directory);
	int r = read_config(options, &bundle);
	if (r < 0)
		return r;
	struct container_request request = {
		.state_root = oci_state_root(invocation),
		.id = invocation->arguments[0],
		.bundle = bundle.directory,
		.config = bundle.config,
		.config_length = bundle.config_length,
		.cgroup_manager = oci_cgroup_manager(invocation),
		.console_socket = options->console_socket,
		.console_fd = -1,
		.pid_file = options->pid_file,
		.pidfd_socket = options->pidfd_socket,
		.no_pivot = options->no_pivot,
		.no_new_keyring = options->no_new_keyring,
	};
	r = oci_preserved_fds(options->preserve_fds, &request.preserved_fds);
	if (r < 0)
		return r;
	if (protect_for_create(&bundle.plan)) {
		r = protect_executable();
		if (r < 0)
			return r;
	}
	oci_pass_activation(&bundle.plan);
	*ret_bundle = bundle;
	*ret_request = request;
	ret_request->plan = &ret_bundle->plan;
	bundle = (struct oci_bundle){};
	return 0;
}
