// SPDX-License-Identifier: Apache-2.0

/*
 * The plan of a container, beginning with the plan that every container has (plan/defaults.h): who
 * runs, in which namespaces, what, how much of it, what it may do and what it sees. Each has a
 * chapter of its own; here they come together. The request is resolved already (resolve.c).
 */

#include "engine/container/run.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "plan/defaults.h"
#include "plan/words.h"

#include <grp.h>
#include <unistd.h>

bool run_is_self(const struct run_request *request)
{
	return run_is_host(request) && geteuid() != 0;
}

static int real_rootfs(
	const struct run_request *request, struct arena *arena, const char **ret_rootfs)
{
	*ret_rootfs = run_is_host(request) ? "/" : NULL;
	if (request->image || run_is_host(request))
		return 0;
	char *real = realpath(request->files.rootfs, NULL);
	if (!real)
		return fail(-errno, "root %s", request->files.rootfs);
	*ret_rootfs = arena_strdup(arena, real);
	free(real);
	return 0;
}

/* ---- who ------------------------------------------------------------------------------- */

static int add_groups(const struct run_request *request, const struct run_trees *trees,
	struct plan *plan, struct run_user *user)
{
	const struct strings *words = &request->process.group_add;
	uint32_t *groups =
		arena_new(&plan->arena, uint32_t, user->group_count + words->count + 65536 / 256);
	if (user->group_count)
		memcpy(groups, user->groups, user->group_count * sizeof(*groups));
	user->groups = groups;
	for (size_t i = 0; i < words->count; i++) {
		if (text_equal(words->items[i], "keep-groups")) {
			gid_t own[256];
			int count = words->count == 1 ? getgroups(256, own) : -1;
			if (count < 0)
				return refuse(-EINVAL,
					"--group-add keep-groups cannot be combined with others");
			for (int n = 0; n < count; n++)
				groups[user->group_count++] = own[n];
			continue;
		}
		int r = run_find_group(
			trees, words->items[i], &plan->arena, &groups[user->group_count]);
		if (r < 0)
			return wrap(r, "--group-add");
		user->group_count++;
	}
	return 0;
}

static int set_user(const struct run_request *request, const struct run_trees *trees,
	struct plan *plan, struct run_user *ret_user)
{
	const char *word = request->process.user ? request->process.user
						 : run_kept_user(request, &plan->arena);
	if (!word)
		word = request->resolved.user;
	if (!word && run_is_self(request))
		word = arena_format(&plan->arena, "%u:%u", (unsigned)getuid(), (unsigned)getgid());
	int r = run_find_user(trees, word, &plan->arena, ret_user);
	if (r == 0)
		r = add_groups(request, trees, plan, ret_user);
	if (r < 0)
		return r;
	if (run_is_self(request)) {
		struct run_user self;
		const char *number = arena_format(&plan->arena, "%u", (unsigned)getuid());
		if (run_find_user(trees, number, &plan->arena, &self) == 0)
			ret_user->home = places_home() ? places_home() : self.home;
		ret_user->group_count = 0; /* only one group is mapped */
	}
	plan->process.uid = ret_user->uid;
	plan->process.gid = ret_user->gid;
	plan->process.additional_gids = ret_user->groups;
	plan->process.additional_gid_count = ret_user->group_count;
	return 0;
}

/* Where one group alone is mapped, the kernel lets nobody choose his groups. */
static void leave_unmapped_groups(struct plan *plan)
{
	const struct plan_process *process = &plan->process;
	if (geteuid() != 0 && plan->gid_maps.count == 1 && plan->gid_maps.items[0].size == 1 &&
		process->additional_gid_count == 1 && process->additional_gids[0] == process->gid)
		plan->process.additional_gid_count = 0;
}

/* Whoever shares the host's network is found under its name. */
const char *run_choose_hostname(const struct run_request *request, struct arena *arena)
{
	char own[65] = "";
	const char *word = run_network_word(request);
	struct run_peer peer;
	if (request->namespaces.hostname)
		return request->namespaces.hostname;
	const char *uts = request->namespaces.uts;
	bool shares = run_network(request) == RUN_NETWORK_HOST || (uts && text_equal(uts, "host"));
	if (shares && gethostname(own, sizeof(own) - 1) == 0)
		return arena_strdup(arena, own);
	const char *const shared[] = {word, uts};
	for (size_t i = 0; i < array_length(shared) && request->find_peer; i++)
		if (shared[i] && text_starts(shared[i], "container:") &&
			run_find_peer(request, shared[i] + 10, arena, &peer) == 0 && peer.hostname)
			return peer.hostname;
	error_clear();
	/* Docker's and Podman's: the first twelve digits of the id; a name stays whole. */
	size_t length = strlen(request->id);
	return arena_strndup(arena, request->id, length == 64 ? 12 : length < 63 ? length : 63);
}

static int set_names(const struct run_request *request, struct plan *plan)
{
	const char *name = request->resolved.hostname;
	size_t length = strlen(name);
	if (length == 0 || length > 64 || strpbrk(name, " \t\n/"))
		return refuse(-EINVAL, "--hostname \"%s\" cannot be a host's name", name);
	/* Whose name it is otherwise is not ours to change. */
	bool own = plan_new_namespace(plan, PLAN_NS_UTS);
	plan->hostname = own ? name : NULL;
	plan->domainname = own ? request->namespaces.domainname : NULL;
	return 0;
}

/* ---- what ------------------------------------------------------------------------------------ */

static bool sets(const struct strings *variables, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < variables->count; i++)
		if (strncmp(variables->items[i], name, length) == 0 &&
			variables->items[i][length] == '=')
			return true;
	return false;
}

static int set_environment(
	const struct run_request *request, const struct run_user *user, struct plan *plan)
{
	struct strings all = request->resolved.environment;
	int r = run_secret_variables(request, &plan->arena, &all);
	if (!run_is_host(request) && !sets(&all, "HOSTNAME"))
		run_strings_add(&all,
			arena_format(&plan->arena, "HOSTNAME=%s", request->resolved.hostname),
			&plan->arena);
	/* systemd makes its machine id of it. */
	if (request->resolved.systemd && strlen(request->id) >= 32 && !sets(&all, "container_uuid"))
		run_strings_add(&all,
			arena_format(&plan->arena, "container_uuid=%.32s", request->id),
			&plan->arena);
	if (!sets(&all, "HOME"))
		run_strings_add(&all,
			arena_format(&plan->arena, "HOME=%s", user->home ? user->home : "/"),
			&plan->arena);
	plan->process.environment = all;
	return r;
}

static int set_umask(const struct run_request *request, struct plan_process *process)
{
	const char *word = request->process.umask;
	mode_t mask = 0;
	if (!word)
		return 0;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '7' || mask > 0777)
			return refuse(-EINVAL, "--umask %s is not an octal number", word);
		mask = mask * 8 + (mode_t)(*c - '0');
	}
	if (mask > 0777 || !*word)
		return refuse(-EINVAL, "--umask %s is not an octal number up to 0777", word);
	process->has_umask = true;
	process->umask = mask;
	return 0;
}

static int set_personality(const struct run_request *request, struct plan *plan)
{
	const char *name = request->process.personality;
	if (text_empty(name))
		return 0;
	const struct word *word = words_find(&personality_words, name);
	if (!word)
		return refuse(-EINVAL, "--personality %s: known are LINUX and LINUX32", name);
	plan->has_personality = true;
	plan->personality = word->value;
	return 0;
}

static int set_process(
	const struct run_request *request, const struct run_user *user, struct plan *plan)
{
	struct plan_process *process = &plan->process;
	const struct run_resolved *resolved = &request->resolved;
	struct strings words = {};
	for (size_t i = 0; i < resolved->entrypoint.count; i++)
		run_strings_add(&words, resolved->entrypoint.items[i], &plan->arena);
	for (size_t i = 0; i < resolved->command.count; i++)
		run_strings_add(&words, resolved->command.items[i], &plan->arena);
	process->arguments = words;
	process->terminal = request->process.terminal;
	process->working_directory = resolved->working_directory;
	int r = set_environment(request, user, plan);
	if (r == 0)
		r = set_umask(request, process);
	return r < 0 ? r : set_personality(request, plan);
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

static int make(const struct run_request *request, struct plan *plan)
{
	autofini(run_trees_fini) struct run_trees trees = {};
	struct run_user user;
	struct run_place place = {.request = request, .trees = &trees, .user = &user};
	int r = real_rootfs(request, &plan->arena, &place.rootfs);
	if (r == 0)
		r = run_trees_open(request, place.rootfs, &trees);
	if (r == 0)
		r = run_set_namespaces(request, plan);
	if (r == 0)
		r = set_names(request, plan);
	if (r == 0)
		r = set_user(request, &trees, plan, &user);
	if (r == 0)
		r = run_set_ids(request, plan);
	if (r == 0)
		leave_unmapped_groups(plan);
	if (r == 0)
		r = set_process(request, &user, plan);
	if (r == 0)
		r = run_set_limits(request, plan);
	if (r == 0)
		r = run_set_security(request, plan);
	return r < 0 ? r : run_set_mounts(&place, plan);
}

int run_plan(const struct run_request *request, struct plan *ret_plan)
{
	autofini(plan_fini) struct plan plan = {};
	plan_default(&plan, false);
	int r = make(request, &plan);
	if (r < 0)
		return r;
	*ret_plan = plan;
	plan = (struct plan){};
	return 0;
}

int run_plan_check(const struct run_request *request)
{
	autofini(plan_fini) struct plan plan = {};
	autofini(arena_fini) struct arena arena = {};
	struct run_request dry = *request;
	struct run_layer layer;
	run_layer_in(arena_format(&arena, "%s/containers/%s", request->data_root, request->id),
		request->id, &arena, &layer);
	dry.layer = &layer;
	dry.dry = true;
	return run_plan(&dry, &plan);
}
