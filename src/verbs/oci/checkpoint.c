// SPDX-License-Identifier: Apache-2.0

/* `rung oci checkpoint`: write a running container's processes into files, by criu. */

#include "verbs/oci/checkpoint.h"

#include "base/error.h"

/* Options of both; criu wants the same ones again at restore. */
const struct option images_options[] = {
	{"--image-path=DIR", "where the images are", text_in(images_options, image_path)},
	{"--work-path=DIR", "where criu works and writes its log",
		text_in(images_options, work_path)},
	{"--tcp-established", "allow open TCP connections",
		flag_in(images_options, tcp_established)},
	{"--ext-unix-sk", "allow UNIX sockets to the outside",
		flag_in(images_options, ext_unix_sk)},
	{"--shell-job", "allow a terminal and session from outside",
		flag_in(images_options, shell_job)},
	{"--file-locks", "allow file locks", flag_in(images_options, file_locks)},
	{"--lazy-pages", "refused: memory is always restored at once",
		flag_in(images_options, lazy_pages), .hidden = true},
	{"--manage-cgroups-mode=soft|full|strict|ignore", "what becomes of the cgroups inside",
		choice_in(images_options, manage_cgroups)},
	{"--empty-ns=NAMESPACE", "leave out what is in a namespace: network",
		list_in(images_options, empty_namespaces)},
	{"--auto-dedup", "drop pages from older images that newer ones have",
		flag_in(images_options, auto_dedup)},
	{"--network-lock=default|iptables|nftables", "how open connections are held still",
		choice_in(images_options, network_lock)},
	{},
};

int oci_checkpoint_options(const struct invocation *invocation, const struct images_options *images,
	struct checkpoint_options *ret_options)
{
	static const enum criu_cgroup_mode modes[] = {[CGROUPS_SOFT] = CRIU_CGROUPS_SOFT,
		[CGROUPS_FULL] = CRIU_CGROUPS_FULL,
		[CGROUPS_STRICT] = CRIU_CGROUPS_STRICT,
		[CGROUPS_IGNORE] = CRIU_CGROUPS_IGNORE};
	static const enum criu_network_lock locks[] = {[LOCK_DEFAULT] = CRIU_LOCK_DEFAULT,
		[LOCK_IPTABLES] = CRIU_LOCK_IPTABLES,
		[LOCK_NFTABLES] = CRIU_LOCK_NFTABLES};
	if (images->lazy_pages) {
		int r = refuse(-ENOTSUP, "--lazy-pages is not supported");
		hint("it needs a server of pages that outlives the command; "
		     "take --pre-dump and --parent-path to keep the stop short");
		return r;
	}
	struct checkpoint_options options = {
		.criu = oci_criu(invocation),
		.image_path = images->image_path,
		.work_path = images->work_path,
		.tcp_established = images->tcp_established,
		.ext_unix_sk = images->ext_unix_sk,
		.shell_job = images->shell_job,
		.file_locks = images->file_locks,
		.auto_dedup = images->auto_dedup,
		.cgroup_mode = modes[images->manage_cgroups],
		.network_lock = locks[images->network_lock],
	};
	for (size_t i = 0; i < images->empty_namespaces.count; i++) {
		const char *name = images->empty_namespaces.words[i];
		if (!text_equal(name, "network"))
			return refuse(-EINVAL, "--empty-ns %s: only network can be empty", name);
		options.empty_network = true;
	}
	*ret_options = options;
	return 0;
}

struct checkpoint_command {
	struct images_options images;
	const char *parent_path;
	bool leave_running, pre_dump;
};

static const struct option checkpoint_command[] = {
	{"--leave-running", "let the container go on", flag_in(checkpoint_command, leave_running)},
	{"--pre-dump", "write the memory alone and let the container go on",
		flag_in(checkpoint_command, pre_dump)},
	{"--parent-path=DIR", "images of an earlier --pre-dump, relative to --image-path",
		text_in(checkpoint_command, parent_path)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct checkpoint_command *command = options_of(invocation, checkpoint_command);
	struct checkpoint_options options;
	int r = oci_checkpoint_options(invocation, &command->images, &options);
	if (r < 0)
		return r;
	options.leave_running = command->leave_running;
	options.pre_dump = command->pre_dump;
	options.parent_path = command->parent_path;
	const char *root = oci_state_root(invocation), *id = invocation->arguments[0];
	r = container_checkpoint(root, id, &options);
	if (r < 0 || options.leave_running || options.pre_dump)
		return r;
	/* As runc does: what is written down is no container here any more. */
	return container_delete(root, id, true);
}

const struct verb verb_oci_checkpoint = {
	.name = "checkpoint",
	.summary = "write a running container to files and remove it",
	.arguments = "CONTAINER",
	verb_options(checkpoint_command,
		shared_options("Images", images_options, checkpoint_command, images)),
	.run = run,
};
