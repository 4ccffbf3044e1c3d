// SPDX-License-Identifier: Apache-2.0

/*
 * Which namespaces are new, which are the host's, which are another container's: --pid, --ipc,
 * --uts, --cgroupns, --network, pods. What an ordinary user joins belongs to the user namespace of
 * the container that made it, so he joins that one, too.
 */

#include "base/error.h"
#include "engine/container/internal.h"

#include <sys/stat.h>

/* ---- peers ------------------------------------------------------------------------------- */

int run_find_peer(const struct run_request *request, const char *name, struct arena *arena,
	struct run_peer *ret_peer)
{
	if (!request->find_peer)
		return refuse(-ENOENT, "no such container: %s", name);
	return request->find_peer(request->peer_context, name, arena, ret_peer);
}

static int running_peer(const struct run_request *request, const char *option, const char *name,
	struct arena *arena, struct run_peer *ret_peer)
{
	int r = run_find_peer(request, name, arena, ret_peer);
	if (r < 0)
		return wrap(r, "%s", option);
	if (ret_peer->pid > 0)
		return 0;
	r = refuse(-ESRCH, "%s: container %s is not running", option, name);
	hint("start it first: rung start %s", name);
	return r;
}

/* ---- modes ------------------------------------------------------------------------------- */

struct mode {
	enum plan_namespace kind;
	const char *option, *word;
	bool may_be_none, may_be_shareable;
};

static const char *process_namespace(struct arena *arena, pid_t pid, enum plan_namespace kind)
{
	return arena_format(
		arena, "/proc/%d/ns/%s", (int)pid, plan_namespace_facts[kind].proc_name);
}

static void join_owner(struct plan *plan, pid_t pid)
{
	if (geteuid() != 0)
		plan->namespaces[PLAN_NS_USER] = (struct plan_namespace_entry){
			.wanted = true, .path = process_namespace(&plan->arena, pid, PLAN_NS_USER)};
}

static int join_peer(const struct run_request *request, const struct mode *mode, struct plan *plan)
{
	struct run_peer peer = {};
	const char *name = mode->word + strlen("container:");
	if (request->dry)
		return 0;
	int r = running_peer(request, mode->option, name, &plan->arena, &peer);
	if (r < 0)
		return r;
	plan->namespaces[mode->kind] = (struct plan_namespace_entry){
		.wanted = true, .path = process_namespace(&plan->arena, peer.pid, mode->kind)};
	join_owner(plan, peer.pid);
	return 0;
}

static int join_path(const struct mode *mode, struct plan *plan)
{
	const char *path = mode->word + strlen("ns:");
	struct stat about;
	if (stat(path, &about) < 0)
		return fail(-errno, "%s=%s", mode->option, mode->word);
	plan->namespaces[mode->kind] = (struct plan_namespace_entry){
		.wanted = true, .path = arena_strdup(&plan->arena, path)};
	return 0;
}

static int unknown(const struct mode *mode)
{
	int r = refuse(-EINVAL, "%s: \"%s\" is not known", mode->option, mode->word);
	hint("known: private, host, container:NAME, ns:PATH%s%s", mode->may_be_none ? ", none" : "",
		mode->may_be_shareable ? ", shareable" : "");
	return r;
}

static int apply(const struct run_request *request, const struct mode *mode, struct plan *plan)
{
	struct plan_namespace_entry *entry = &plan->namespaces[mode->kind];
	const char *word = mode->word, *pods = NULL;
	if (request->pod_namespaces)
		pods = request->pod_namespaces[mode->kind];
	if (pods && (text_empty(word) || text_equal(word, "pod"))) {
		*entry = (struct plan_namespace_entry){.wanted = true, .path = pods};
		return 0;
	}
	*entry = (struct plan_namespace_entry){.wanted = true};
	if (text_empty(word) || text_equal(word, "private") ||
		(mode->may_be_none && text_equal(word, "none")) ||
		(mode->may_be_shareable && text_equal(word, "shareable")))
		return 0;
	if (text_equal(word, "host")) {
		entry->wanted = false;
		return 0;
	}
	if (text_starts(word, "container:"))
		return join_peer(request, mode, plan);
	if (text_starts(word, "ns:"))
		return join_path(mode, plan);
	return unknown(mode);
}

/* ---- networks ---------------------------------------------------------------------------- */

const char *run_network_word(const struct run_request *request)
{
	size_t count = request->network.networks.count;
	return count ? request->network.networks.items[count - 1] : NULL;
}

enum run_network run_network(const struct run_request *request)
{
	const char *word = run_network_word(request);
	return word && text_equal(word, "host") ? RUN_NETWORK_HOST : RUN_NETWORK_NONE;
}

static int check_network(const struct run_request *request)
{
	const char *word = run_network_word(request);
	bool known = text_empty(word) || text_equal(word, "none") || text_equal(word, "host") ||
		     text_equal(word, "private") || text_starts(word, "container:") ||
		     text_starts(word, "ns:") || text_equal(word, "pod");
	if (!known) {
		int r = refuse(-EOPNOTSUPP, "--network %s: there is no such network", word);
		hint("known: none, host, container:NAME, ns:PATH");
		return r;
	}
	bool addressed = request->network.ip || request->network.ip6 ||
			 request->network.mac_address || request->network.aliases.count;
	if (addressed && !request->pod_namespaces)
		return refuse(-EINVAL, "--ip, --ip6, --mac-address and --network-alias need a "
				       "network with addresses of its own");
	if (request->network.publish.count && word && !text_equal(word, "host")) {
		int r = refuse(
			-EINVAL, "--publish: nobody can reach a port with --network %s", word);
		hint("--network host shares all ports with the host");
		return r;
	}
	return 0;
}

int run_set_namespaces(const struct run_request *request, struct plan *plan)
{
	const struct namespace_wishes *wishes = &request->namespaces;
	const struct mode modes[] = {
		{PLAN_NS_PID, "--pid", wishes->pid, false, false},
		{PLAN_NS_IPC, "--ipc", wishes->ipc, true, true},
		{PLAN_NS_UTS, "--uts", wishes->uts, false, false},
		{PLAN_NS_CGROUP, "--cgroupns", wishes->cgroup, false, false},
		{PLAN_NS_NETWORK, "--network", run_network_word(request), true, false},
	};
	int r = check_network(request);
	for (size_t i = 0; r == 0 && i < array_length(modes); i++)
		r = apply(request, &modes[i], plan);
	if (r < 0)
		return r;
	bool named = wishes->hostname || wishes->domainname;
	if (named && !plan_new_namespace(plan, PLAN_NS_UTS))
		return refuse(-EINVAL, "--hostname needs a UTS namespace of its own, not --uts=%s",
			wishes->uts ? wishes->uts : "pod");
	return 0;
}
