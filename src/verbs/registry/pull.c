// SPDX-License-Identifier: Apache-2.0

/* `rung pull`: each word becomes an image in the store; what happens is told meanwhile. */

#include "base/error.h"
#include "engine/event/event.h"
#include "engine/image/image.h"
#include "engine/registry/login.h"
#include "verbs/registry/common.h"
#include "verbs/verbs.h"

#include <stdio.h>

struct pull_options {
	bool all_tags, quiet, ignored_trust;
	const char *policy;
	struct remote_options remote;
	struct platform_options platform;
};

static const struct option pull_options[] = {
	{"-a, --all-tags", "pull every tag of the repository", flag_in(pull_options, all_tags)},
	{"-q, --quiet", "print only the image's id", flag_in(pull_options, quiet)},
	{"--policy, --pull=POLICY", "always, missing, newer or never",
		text_in(pull_options, policy)},
	{"--disable-content-trust", "", flag_in(pull_options, ignored_trust), .hidden = true},
	{},
};

/* @before: the digest that the name stood for, NULL: it was not there. */
static void print_pulled(const struct invocation *invocation, struct store *store, const char *word,
	const char *before, const char *id)
{
	const struct pull_options *options = options_of(invocation, pull_options);
	struct arena *arena = invocation->arena;
	struct reference reference;
	struct image image;
	event_write("image", "pull", id, word, NULL, 0);
	if (!remote_as_docker(invocation) || reference_parse(word, arena, &reference) < 0) {
		const char *colon = strchr(id, ':');
		printf("%s\n", colon ? colon + 1 : id);
		return;
	}
	if (!options->quiet && image_find(store, word, arena, &image) >= 0)
		printf("Digest: %s\nStatus: %s for %s\n", image.manifest_digest,
			before && text_equal(before, image.manifest_digest)
				? "Image is up to date"
				: "Downloaded newer image",
			reference_familiar(&reference, arena));
	printf("%s\n", reference_name(&reference, arena));
}

/* Every tag of a repository, as words. */
static int list_tags(struct invocation *invocation, const char *word,
	const struct registry_options *registry, struct strings *ret_words)
{
	struct arena *arena = invocation->arena;
	const char *repository;
	struct strings tags;
	int r = registry_tags(word, registry, arena, &repository, &tags);
	if (r < 0)
		return r;
	if (tags.count == 0)
		return refuse(-ENOENT, "%s has no tags", repository);
	for (size_t i = 0; i < tags.count; i++)
		tags.items[i] = arena_format(arena, "%s:%s", repository, tags.items[i]);
	*ret_words = tags;
	return 0;
}

/* NULL: there is none. */
static const char *digest_of_name(struct store *store, const char *word, struct arena *arena)
{
	struct image image;
	if (image_find(store, word, arena, &image) >= 0)
		return image.manifest_digest;
	error_clear();
	return NULL;
}

static bool has_target(const char *word)
{
	const char *slash = strrchr(word, '/');
	return strchr(word, '@') || strchr(slash ? slash : word, ':');
}

static int pull(struct invocation *invocation, struct store *store, const char *word,
	const struct registry_options *registry)
{
	const struct pull_options *options = options_of(invocation, pull_options);
	const char *one[] = {word, NULL}, *id;
	struct strings words = {.items = one, .count = 1};
	if (options->all_tags && has_target(word))
		return refuse(-EINVAL, "tag can't be used with --all-tags/-a: %s", word);
	if (remote_as_docker(invocation) && !options->all_tags && !options->quiet &&
		!has_target(word))
		printf("Using default tag: latest\n");
	int r = options->all_tags ? list_tags(invocation, word, registry, &words) : 0;
	for (size_t i = 0; r >= 0 && i < words.count; i++) {
		const char *before = digest_of_name(store, words.items[i], invocation->arena);
		r = registry_pull(store, words.items[i], registry, invocation->arena, &id);
		if (r >= 0 && registry->listener)
			bars_fini(registry->listener_context);
		if (r >= 0)
			print_pulled(invocation, store, words.items[i], before, id);
	}
	return r;
}

static int run(struct invocation *invocation)
{
	const struct pull_options *options = options_of(invocation, pull_options);
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(bars_fini) struct bars bars;
	struct registry_options registry = remote_options_of(invocation, &options->remote);
	bars_init(&bars, options->quiet, false);
	registry.listener = bars_listen;
	registry.listener_context = &bars;
	int r = registry_parse_policy(options->policy, &registry.policy);
	if (r >= 0)
		r = platform_options_of(invocation, &options->platform, &registry.platform);
	if (r >= 0)
		r = remote_store_open(invocation, &store);
	for (size_t i = 0; r >= 0 && i < invocation->argument_count; i++)
		r = pull(invocation, &store, invocation->arguments[i], &registry);
	return r < 0 ? r : 0;
}

const struct verb verb_pull = {
	.name = "pull",
	.summary = "fetch images from registries",
	.arguments = "REFERENCE...",
	verb_options(pull_options,
		shared_options("Platform", platform_options, pull_options, platform),
		shared_options("Registry", remote_options, pull_options, remote)),
	.defaults = &(const struct pull_options){.policy = "always", .remote.tls_verify = true},
	.run = run,
	.description =
		"Fetches images and unpacks their layers, several at once. What has arrived stays: "
		"a "
		"pull that was interrupted goes on where it was, and two pulls of the same layers "
		"share them.\n\n"
		"A name without a registry means what an alias or the search list of "
		"registries.conf "
		"says, which is docker.io where nobody has configured another. Nobody is asked.",
	.examples = "The newest image of that tag\n$ rung pull debian:12\n"
		    "Exactly these bytes\n$ rung pull debian@sha256:0123…\n"
		    "The image for another machine\n$ rung pull --platform linux/arm64 alpine\n",
};
