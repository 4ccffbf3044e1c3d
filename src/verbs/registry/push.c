// SPDX-License-Identifier: Apache-2.0

/* `rung push`: an image of the store, under its own name or another, to a registry. */

#include "engine/registry/push.h"
#include "base/error.h"
#include "base/fs.h"
#include "engine/event/event.h"
#include "engine/image/image.h"
#include "verbs/registry/common.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <stdio.h>

struct push_options {
	bool quiet, all_tags, compress, ignored;
	const char *digest_file, *format, *compression;
	uint32_t compression_level;
	struct remote_options remote;
};

static const struct option push_options[] = {
	{"-a, --all-tags", "push every tag of the repository", flag_in(push_options, all_tags)},
	{"-q, --quiet", "tell nothing", flag_in(push_options, quiet)},
	{"--digestfile=FILE", "write the manifest's digest to FILE",
		text_in(push_options, digest_file)},
	{"-f, --format=FORMAT", "write the manifest as oci or v2s2", text_in(push_options, format)},
	{"--compression-format=NAME", "compress plain layers by gzip, zstd or none",
		text_in(push_options, compression), .fallback = "gzip"},
	{"--compression-level=N", "how hard to compress",
		integer_in(push_options, compression_level)},
	{"--compress", "", flag_in(push_options, compress), .hidden = true},
	{"--remove-signatures", "", flag_in(push_options, ignored), .hidden = true},
	{"--disable-content-trust", "", flag_in(push_options, ignored), .hidden = true},
	{},
};

static int write_digest(const char *file, const char *digest)
{
	autoclose int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(-errno, "%s", file);
	int r = fs_write_all(fd, digest, strlen(digest));
	return r < 0 ? fail(r, "%s", file) : 0;
}

static int push(struct invocation *invocation, struct store *store, const struct image *image,
	const char *destination, const struct registry_options *registry)
{
	const struct push_options *options = options_of(invocation, push_options);
	uint64_t size = 0;
	struct registry_push work = {
		.manifest_digest = image->manifest_digest,
		.destination = destination,
		.compression = options->compression,
		.compression_level = (int)options->compression_level,
		.children = true,
		.ret_size = &size,
	};
	char digest[PUSH_DIGEST_SIZE];
	int r = options->format ? registry_parse_format(options->format, &work.format) : 0;
	if (r >= 0)
		r = registry_push(store, &work, registry, invocation->arena, digest);
	if (r >= 0 && options->digest_file)
		r = write_digest(options->digest_file, digest);
	if (r < 0)
		return r;
	event_write("image", "push", image->id, destination, NULL, 0);
	struct reference reference;
	if (!remote_as_docker(invocation) ||
		reference_parse(destination, invocation->arena, &reference) < 0)
		return 0;
	bars_fini(registry->listener_context);
	if (options->quiet)
		printf("%s\n", reference_name(&reference, invocation->arena));
	else
		printf("%s: digest: %s size: %ju\n", reference_target(&reference), digest,
			(uintmax_t)size);
	return 0;
}

/* All names of a repository. */
static int push_tags(struct invocation *invocation, struct store *store, const char *word,
	const struct registry_options *registry)
{
	struct arena *arena = invocation->arena;
	struct reference wanted, name;
	struct image *images;
	size_t count, pushed = 0;
	int r = reference_parse(word, arena, &wanted);
	if (r >= 0)
		r = image_list(store, arena, &images, &count);
	if (r < 0)
		return r;
	const char *repository = reference_repository(&wanted, arena);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < images[i].names.count; k++) {
			const char *full = images[i].names.items[k];
			struct image image;
			if (reference_parse(full, arena, &name) < 0 ||
				!text_equal(reference_repository(&name, arena), repository))
				continue;
			r = image_find(store, full, arena, &image);
			if (r >= 0)
				r = push(invocation, store, &image, full, registry);
			if (r < 0)
				return r;
			pushed++;
		}
	}
	return pushed ? 0 : refuse(-ENOENT, "no such image: %s", word);
}

static int run(struct invocation *invocation)
{
	const struct push_options *options = options_of(invocation, push_options);
	struct arena *arena = invocation->arena;
	const char *word = invocation->arguments[0], *destination = invocation->arguments[1];
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(bars_fini) struct bars bars;
	struct registry_options registry = remote_options_of(invocation, &options->remote);
	bars_init(&bars, options->quiet, true);
	registry.listener = bars_listen;
	registry.listener_context = &bars;
	struct image image;
	const char *name = NULL;
	int r = remote_store_open(invocation, &store);
	if (r >= 0 && options->all_tags)
		return destination ? usage_error(invocation, "--all-tags pushes to the same names")
				   : push_tags(invocation, &store, word, &registry);
	if (r >= 0)
		r = image_find_named(&store, word, arena, &image, &name);
	if (r < 0)
		return r;
	if (!destination && !name)
		return refuse(
			-EINVAL, "%s is an id: say where to push it, as registry/name:tag", word);
	return push(invocation, &store, &image, destination ? destination : name, &registry);
}

const struct verb verb_push = {
	.name = "push",
	.summary = "send an image to a registry",
	.arguments = "IMAGE [DESTINATION]",
	verb_options(
		push_options, shared_options("Registry", remote_options, push_options, remote)),
	.defaults = &(const struct push_options){.remote.tls_verify = true},
	.run = run,
	.description =
		"Sends what the registry does not have yet. Layers go exactly as they were pulled, "
		"so "
		"that an image keeps its digest; only layers that are plain tar are compressed.",
	.examples = "To where its name says\n$ rung push quay.io/team/app:1\n"
		    "Under another name\n$ rung push app:1 registry.example/team/app:1\n",
};
