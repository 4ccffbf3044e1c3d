// SPDX-License-Identifier: Apache-2.0

/* `rung pod create`: a pod and the process that holds its namespaces. */

#include "base/error.h"
#include "base/fs.h"
#include "verbs/pod/common.h"

#include <fcntl.h>
#include <stdio.h>

struct pod_create_options {
	const char *name, *hostname, *share, *exit_policy, *id_file, *network;
	struct option_list labels, publish, add_hosts, dns;
	bool infra, replace;
};

static const struct option pod_create_options[] = {
	{"-n, --name=NAME", "a name for it", text_in(pod_create_options, name)},
	{"--hostname=NAME", "host name of all its containers",
		text_in(pod_create_options, hostname)},
	{"--share=LIST", "what is shared: ipc, net, uts, pid; none",
		text_in(pod_create_options, share), .fallback = "ipc,net,uts"},
	{"--infra", "have a process that holds the namespaces", flag_in(pod_create_options, infra),
		.fallback = "true"},
	{"--replace", "remove a pod of that name first", flag_in(pod_create_options, replace)},
	{"--network, --net=NETWORK", "none or host", text_in(pod_create_options, network)},
	{"-p, --publish=PORT", "make a port reachable from outside",
		list_in(pod_create_options, publish)},
	{"--add-host=NAME:ADDRESS", "a line for /etc/hosts",
		list_in(pod_create_options, add_hosts)},
	{"--dns=ADDRESS", "a name server", list_in(pod_create_options, dns)},
	{"-l, --label=NAME[=VALUE]", "a note on the pod", list_in(pod_create_options, labels)},
	{"--exit-policy=continue|stop", "what the pod does when its last container ends",
		text_in(pod_create_options, exit_policy), .hidden = true},
	{"--pod-id-file=FILE", "write its id there", text_in(pod_create_options, id_file)},
	{},
};

static struct strings words(const struct option_list *list)
{
	return (struct strings){list->words, list->count};
}

static int read_share(const char *list, struct arena *arena, struct strings *ret)
{
	char *rest = arena_strdup(arena, list), *word;
	*ret = (struct strings){.items = arena_new(arena, const char *, strlen(list) + 2)};
	while ((word = strsep(&rest, ",+"))) {
		static const char *const known[] = {"ipc", "net", "uts", "pid", "cgroup"};
		bool good = word[0] == '\0' || text_equal(word, "none");
		for (size_t i = 0; !good && i < array_length(known); i++)
			good = text_equal(word, known[i]);
		if (!good)
			return refuse(
				-EINVAL, "--share %s: there is no such kind of namespace", word);
		if (word[0] && !text_equal(word, "none"))
			ret->items[ret->count++] = word;
	}
	return 0;
}

static void read_labels(const struct option_list *list, struct arena *arena, struct pod *pod)
{
	pod->labels = arena_new(arena, struct plan_key_value, list->count + 1);
	for (size_t i = 0; i < list->count; i++) {
		char *key = arena_strdup(arena, list->words[i]), *equals = strchr(key, '=');
		if (equals)
			*equals++ = '\0';
		pod->labels[pod->label_count++] =
			(struct plan_key_value){key, equals ? equals : ""};
	}
}

static int replace(const char *name, struct arena *arena)
{
	struct pod other;
	int r = pod_find(name, arena, &other);
	if (r == -ENOENT) {
		error_clear();
		return 0;
	}
	const struct instance_removal how = {.force = true, .volumes = true};
	return r < 0 ? r : pod_remove(&other, arena, &how);
}

static int run(struct invocation *invocation)
{
	const struct pod_create_options *options = options_of(invocation, pod_create_options);
	struct arena *arena = invocation->arena;
	struct pod wanted = {
		.name = invocation->arguments[0] ? invocation->arguments[0] : options->name,
		.hostname = options->hostname ? options->hostname : "",
		.exit_policy = options->exit_policy ? options->exit_policy : "continue",
		.infra = options->infra ? NULL : "",
	};
	struct run_request request = RUN_REQUEST_DEFAULTS;
	request.network.publish = words(&options->publish);
	request.network.add_hosts = words(&options->add_hosts);
	request.network.dns = words(&options->dns);
	if (options->network)
		request.network.networks =
			(struct strings){(const char **)(void *)&options->network, 1};
	read_labels(&options->labels, arena, &wanted);
	int r = read_share(options->share, arena, &wanted.share);
	if (r == 0 && options->replace && wanted.name)
		r = replace(wanted.name, arena);
	struct pod pod = {};
	if (r == 0)
		r = pod_create(&wanted, &request, arena, &pod);
	if (r == 0 && options->id_file)
		r = fs_replace(AT_FDCWD, options->id_file, pod.id, strlen(pod.id), 0644);
	if (r < 0)
		return r;
	puts(pod.id);
	return 0;
}

const struct verb verb_pod_create = {
	.name = "create",
	.summary = "make a pod",
	.arguments = "[NAME]",
	verb_options(pod_create_options),
	.defaults = &(const struct pod_create_options){.share = "ipc,net,uts", .infra = true},
	.description = "Makes a pod, whose containers (rung run --pod NAME) share their network, "
		       "their System V objects and their host name. It starts with its first "
		       "container, or by rung pod start.",
	.examples = "Two programs that reach each other at localhost\n"
		    "$ rung pod create web\n"
		    "$ rung run -d --pod web nginx\n"
		    "$ rung run -d --pod web redis\n",
	.run = run,
};
