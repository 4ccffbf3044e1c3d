// SPDX-License-Identifier: Apache-2.0

/* From words to a request: its image is found here, or pulled. */

#include "verbs/container/request.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/image/document.h"
#include "engine/image/image.h"
#include "engine/instance/pod.h"
#include "engine/registry/session.h"
#include "verbs/container/options.h"
#include "verbs/manner.h"
#include "verbs/registry/bars.h"

#include <fcntl.h>

bool container_has_no_image(const struct run_request *request)
{
	return !request->image_name || text_equal(request->image_name, "@host");
}

static const char *platform(const struct pull_wishes *wishes, struct arena *arena)
{
	if (wishes->platform)
		return wishes->platform;
	if (!wishes->os && !wishes->architecture && !wishes->variant)
		return NULL;
	struct image_platform own = image_own_platform();
	return arena_format(arena, "%s/%s%s%s", wishes->os ? wishes->os : own.os,
		wishes->architecture ? wishes->architecture : own.architecture,
		wishes->variant ? "/" : "", wishes->variant ? wishes->variant : "");
}

static int pull(struct store *store, const struct run_request *request, const char *word,
	enum registry_policy policy, struct arena *arena, const char **ret_id)
{
	const struct pull_wishes *wishes = &request->pull;
	struct registry_options options = REGISTRY_OPTIONS_DEFAULT;
	options.platform = platform(wishes, arena);
	options.authfile = wishes->authfile;
	options.credentials = wishes->credentials;
	options.cert_dir = wishes->certificates;
	options.tls_verify = wishes->tls_verify ? -1 : 0;
	options.policy = policy;
	if (wishes->retries.given)
		options.retries = (int)wishes->retries.value;
	if (wishes->retry_delay_ns.given && wishes->retry_delay_ns.value > 0)
		options.retry_delay_ms = (uint64_t)wishes->retry_delay_ns.value / 1000000;
	autofini(bars_fini) struct bars bars;
	bars_init(&bars, wishes->quiet, false);
	options.listener = bars_listen;
	options.listener_context = &bars;
	int r = registry_pull(store, word, &options, arena, ret_id);
	if (r < 0)
		hint("'rung images' lists the images that are here");
	return r;
}

/* 1: the image is of the platform asked for, or none was; 0: of another. */
static int fits_platform(
	const struct pull_wishes *wishes, const struct image *image, struct arena *arena)
{
	struct image_platform wanted;
	const char *word = platform(wishes, arena);
	if (!word)
		return 1;
	int r = registry_parse_platform(word, arena, &wanted);
	if (r < 0)
		return r;
	bool variant = text_empty(wanted.variant) || text_empty(image->variant) ||
		       text_equal(wanted.variant, image->variant);
	return variant && image->os && text_equal(wanted.os, image->os) && image->architecture &&
	       text_equal(wanted.architecture, image->architecture);
}

/* An image that is here costs no look at a registry, nor its libraries. */
static int find_image(struct store *store, const struct run_request *request, struct arena *arena,
	struct image *image, const char **ret_name)
{
	enum registry_policy policy = REGISTRY_POLICY_MISSING;
	int r = request->pull.policy ? registry_parse_policy(request->pull.policy, &policy) : 0;
	if (r < 0)
		return r;
	const char *word = request->image_name;
	if (policy == REGISTRY_POLICY_MISSING || policy == REGISTRY_POLICY_NEVER) {
		r = image_find_named(store, word, arena, image, ret_name);
		int fits = r == 0 ? fits_platform(&request->pull, image, arena) : 1;
		if (fits < 0)
			return fits;
		if (!fits && policy == REGISTRY_POLICY_NEVER)
			return refuse(-ENOENT, "image %s is here for %s/%s, not for %s", word,
				image->os, image->architecture, platform(&request->pull, arena));
		if ((r != -ENOENT && fits) || policy == REGISTRY_POLICY_NEVER)
			return r;
		error_clear();
	}
	const char *id;
	r = pull(store, request, word, policy, arena, &id);
	if (r < 0)
		return r;
	r = image_find_named(store, word, arena, image, ret_name);
	if (r == -ENOENT) {
		error_clear();
		r = image_find_named(store, id, arena, image, ret_name);
	}
	return r;
}

static int take_image(struct run_request *request, struct arena *arena)
{
	struct store *store = arena_new(arena, struct store, 1);
	struct image *image = arena_new(arena, struct image, 1);
	*store = (struct store)STORE_NONE;
	const char *name = NULL;
	int lock = -1;
	int r = store_open(places_data(arena), store);
	if (r == 0)
		r = store_lock(store, false, &lock); /* kept until we end: it must not go now */
	if (r == 0)
		r = find_image(store, request, arena, image, &name);
	if (r == 0)
		r = image_lowers(store, image, arena, &request->lowers);
	if (r < 0)
		return r;
	request->image = image;
	request->image_name = name ? name : image->names.count ? image->names.items[0] : image->id;
	return 0;
}

/* --pod NAME, --pod new:NAME, --pod-id-file FILE */
static int take_pod(struct run_request *request, struct arena *arena)
{
	const char *word = request->life.pod;
	if (request->life.pod_id_file) {
		autofree char *id = NULL;
		int r = fs_read(AT_FDCWD, request->life.pod_id_file, 4096, &id, NULL);
		if (r < 0)
			return fail(r, "--pod-id-file %s", request->life.pod_id_file);
		id[strcspn(id, " \n")] = '\0';
		word = arena_strdup(arena, id);
	}
	if (text_empty(word))
		return 0;
	struct pod pod;
	int r;
	if (text_starts(word, "new:")) {
		static const char *usual[] = {"ipc", "net", "uts", NULL};
		const struct pod wanted = {.name = word + 4,
			.hostname = "",
			.exit_policy = "stop",
			.share = {usual, 3}};
		struct run_request infra = RUN_REQUEST_DEFAULTS;
		r = pod_create(&wanted, &infra, arena, &pod);
	} else {
		r = pod_find(word, arena, &pod);
	}
	if (r == 0)
		pod_join(&pod, request, arena);
	return r;
}

/* Podman's --tmpfs begins with what the image has there; Docker's is empty, and so is ours. */
static void fill_tmpfs(struct file_wishes *wishes, struct arena *arena)
{
	for (size_t i = 0; i < wishes->tmpfs.count; i++) {
		const char *word = wishes->tmpfs.items[i];
		if (!strstr(word, "tmpcopyup"))
			wishes->tmpfs.items[i] = arena_format(
				arena, "%s%stmpcopyup", word, strchr(word, ':') ? "," : ":");
	}
	for (size_t i = 0; i < wishes->mounts.count; i++) {
		const char *word = wishes->mounts.items[i];
		if (strstr(word, "type=tmpfs") && !strstr(word, "tmpcopyup"))
			wishes->mounts.items[i] = arena_format(arena, "%s,tmpcopyup", word);
	}
}

int container_request(const struct invocation *invocation, struct run_request *request)
{
	struct arena *arena = invocation->arena;
	int r = container_options_read(invocation, request);
	if (r < 0)
		return r;
	if (manner_of(invocation) == MANNER_PODMAN)
		fill_tmpfs(&request->files, arena);
	if (request->files.rootfs)
		request->image_name = NULL;
	request->data_root = places_data(arena);
	request->find_peer = instance_find_peer;
	if (!container_has_no_image(request))
		r = take_image(request, arena);
	else if (request->arguments.count == 0)
		return usage_error(invocation, "a COMMAND is missing");
	if (r == 0 && !request->dry)
		r = take_pod(request, arena);
	if (r < 0)
		return r;
	request->id = instance_random_id(arena);
	r = run_resolve(request, arena);
	if (r < 0 || request->dry)
		return r;
	/* A mistake in a flag is told before there is a container. */
	r = run_plan_check(request);
	if (r < 0)
		run_resolve_undo(request);
	return r;
}
