// SPDX-License-Identifier: Apache-2.0

/* `rung manifest`: lists of manifests, by which one name serves several platforms. */

#include "base/error.h"
#include "base/fs.h"
#include "cli/output.h"
#include "engine/image/image.h"
#include "engine/registry/list.h"
#include "engine/registry/push.h"
#include "verbs/manner.h"
#include "verbs/registry/common.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <stdio.h>

/** Opens the store and takes the shared lock: what is added stays until the list names it. */
static int open_locked(struct invocation *invocation, struct store *store, int *lock)
{
	int r = remote_store_open(invocation, store);
	return r < 0 ? r : store_lock(store, false, lock);
}

static void print_digest(const char *digest)
{
	const char *colon = strchr(digest, ':');
	printf("%s\n", colon ? colon + 1 : digest);
}

static int write_and_print(struct invocation *invocation, struct store *store, const char *name,
	struct image_manifest *list)
{
	const char *found, *digest;
	struct image_manifest written;
	struct arena *arena = invocation->arena;
	int r = registry_list_write(store, name, list, arena);
	if (r >= 0)
		r = registry_list_find(store, name, arena, &found, &written, &digest);
	if (r >= 0)
		print_digest(digest);
	return r;
}

/* ---- create ---------------------------------------------------------------------- */

struct manifest_create_options {
	bool all, amend, insecure;
	struct option_pairs annotations;
	struct remote_options remote;
};

static const struct option manifest_create_options[] = {
	{"-a, --amend", "change the list if there is one already",
		flag_in(manifest_create_options, amend)},
	{"--all", "add all images of lists that are added", flag_in(manifest_create_options, all)},
	{"--annotation=NAME=VALUE", "annotate the list",
		pairs_in(manifest_create_options, annotations)},
	{"--insecure", "", flag_in(manifest_create_options, insecure), .hidden = true},
	{},
};

static void annotate(struct plan_key_value **pairs, size_t *count, const struct option_pairs *given,
	struct arena *arena)
{
	struct plan_key_value *longer =
		arena_new(arena, struct plan_key_value, *count + given->count + 1);
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		bool replaced = false;
		for (size_t k = 0; k < given->count; k++)
			replaced |= text_equal((*pairs)[i].key, given->pairs[k].name);
		if (!replaced)
			longer[kept++] = (*pairs)[i];
	}
	for (size_t k = 0; k < given->count; k++)
		longer[kept++] = (struct plan_key_value){.key = given->pairs[k].name,
			.value = given->pairs[k].value ? given->pairs[k].value : ""};
	*pairs = longer;
	*count = kept;
}

static int run_create(struct invocation *invocation)
{
	const struct manifest_create_options *options =
		options_of(invocation, manifest_create_options);
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct registry_options registry = remote_options_of(invocation, &options->remote);
	struct image_manifest list = {.is_index = true};
	const char *name, *digest;
	if (options->insecure)
		registry.tls_verify = 0;
	int r = open_locked(invocation, &store, &lock);
	if (r >= 0)
		r = registry_list_name(invocation->arguments[0], arena, &name);
	if (r < 0)
		return r;
	r = registry_list_find(&store, name, arena, &name, &list, &digest);
	if (r >= 0 && !options->amend)
		return refuse(-EEXIST, "%s exists already: --amend changes it", name);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear();
	r = 0;
	annotate(&list.annotations, &list.annotation_count, &options->annotations, arena);
	for (size_t i = 1; r >= 0 && i < invocation->argument_count; i++)
		r = registry_list_add(
			&store, &list, invocation->arguments[i], options->all, &registry, arena);
	return r < 0 ? r : write_and_print(invocation, &store, name, &list);
}

static const struct verb verb_manifest_create = {
	.name = "create",
	.summary = "make a list, of images if they are named",
	.arguments = "LIST [IMAGE...]",
	verb_options(manifest_create_options,
		shared_options("Registry", remote_options, manifest_create_options, remote)),
	.defaults = &(const struct manifest_create_options){.remote.tls_verify = true},
	.run = run_create,
};

/* ---- add, annotate, remove ------------------------------------------------------------ */

struct manifest_entry_options {
	const char *architecture, *os, *os_version, *variant;
	struct option_pairs annotations;
};

static const struct option manifest_entry_options[] = {
	{"--arch=ARCH", "say that the image is for this architecture",
		text_in(manifest_entry_options, architecture)},
	{"--os=OS", "for this operating system", text_in(manifest_entry_options, os)},
	{"--os-version=VERSION", "for this version of it",
		text_in(manifest_entry_options, os_version)},
	{"--variant=VARIANT", "for this variant of the architecture",
		text_in(manifest_entry_options, variant)},
	{"--annotation=NAME=VALUE", "annotate the entry",
		pairs_in(manifest_entry_options, annotations)},
	{},
};

static void change_entry(struct image_descriptor *entry,
	const struct manifest_entry_options *options, struct arena *arena)
{
	if (options->architecture)
		entry->platform.architecture = options->architecture;
	if (options->os)
		entry->platform.os = options->os;
	if (options->os_version)
		entry->platform.os_version = options->os_version;
	if (options->variant)
		entry->platform.variant = options->variant;
	annotate(&entry->annotations, &entry->annotation_count, &options->annotations, arena);
}

struct manifest_add_options {
	bool all;
	struct manifest_entry_options entry;
	struct remote_options remote;
};

static const struct option manifest_add_options[] = {
	{"--all", "add all images of a list", flag_in(manifest_add_options, all)},
	{},
};

static int run_add(struct invocation *invocation)
{
	const struct manifest_add_options *options = options_of(invocation, manifest_add_options);
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	const struct registry_options registry = remote_options_of(invocation, &options->remote);
	struct image_manifest list;
	const char *name, *digest;
	int r = open_locked(invocation, &store, &lock);
	if (r >= 0)
		r = registry_list_find(
			&store, invocation->arguments[0], arena, &name, &list, &digest);
	for (size_t i = 1; r >= 0 && i < invocation->argument_count; i++) {
		size_t before = list.manifest_count;
		r = registry_list_add(
			&store, &list, invocation->arguments[i], options->all, &registry, arena);
		for (size_t k = before; r >= 0 && k < list.manifest_count; k++)
			change_entry(&list.manifests[k], &options->entry, arena);
	}
	return r < 0 ? r : write_and_print(invocation, &store, name, &list);
}

static const struct verb verb_manifest_add = {
	.name = "add",
	.summary = "add images to a list",
	.arguments = "LIST IMAGE...",
	verb_options(manifest_add_options,
		shared_options("The entry", manifest_entry_options, manifest_add_options, entry),
		shared_options("Registry", remote_options, manifest_add_options, remote)),
	.defaults = &(const struct manifest_add_options){.remote.tls_verify = true},
	.run = run_add,
};

/* The entry that a digest, or the name of an image in the store, means. */
static int find_in_list(struct invocation *invocation, struct store *store,
	const struct image_manifest *list, const char *word, size_t *ret_number)
{
	struct image image;
	const char *digest = word;
	if (!digest_is_valid(word)) {
		int r = image_find(store, word, invocation->arena, &image);
		if (r < 0)
			return r;
		digest = image.manifest_digest;
	}
	for (size_t i = 0; i < list->manifest_count; i++) {
		if (text_equal(list->manifests[i].digest, digest)) {
			*ret_number = i;
			return 0;
		}
	}
	return refuse(-ENOENT, "%s is not in the list", word);
}

struct manifest_annotate_options {
	struct manifest_entry_options entry;
};

static int run_annotate(struct invocation *invocation)
{
	const struct manifest_annotate_options *options =
		options_of(invocation, manifest_annotate_options);
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct image_manifest list;
	const char *name, *digest;
	size_t number;
	int r = open_locked(invocation, &store, &lock);
	if (r >= 0)
		r = registry_list_find(
			&store, invocation->arguments[0], arena, &name, &list, &digest);
	if (r >= 0)
		r = find_in_list(invocation, &store, &list, invocation->arguments[1], &number);
	if (r < 0)
		return r;
	change_entry(&list.manifests[number], &options->entry, arena);
	return write_and_print(invocation, &store, name, &list);
}

static const struct option manifest_annotate_options[] = {{}};

static const struct verb verb_manifest_annotate = {
	.name = "annotate",
	.summary = "change what a list says of an image in it",
	.arguments = "LIST IMAGE",
	verb_options(manifest_annotate_options, shared_options("The entry", manifest_entry_options,
							manifest_annotate_options, entry)),
	.run = run_annotate,
};

static int run_remove(struct invocation *invocation)
{
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct image_manifest list;
	const char *name, *digest;
	size_t number;
	int r = open_locked(invocation, &store, &lock);
	if (r >= 0)
		r = registry_list_find(
			&store, invocation->arguments[0], arena, &name, &list, &digest);
	if (r >= 0)
		r = find_in_list(invocation, &store, &list, invocation->arguments[1], &number);
	if (r < 0)
		return r;
	for (size_t i = number + 1; i < list.manifest_count; i++)
		list.manifests[i - 1] = list.manifests[i];
	list.manifest_count--;
	return write_and_print(invocation, &store, name, &list);
}

static const struct verb verb_manifest_remove = {
	.name = "remove",
	.summary = "take an image out of a list",
	.arguments = "LIST IMAGE",
	.run = run_remove,
};

/* ---- inspect, exists, rm ----------------------------------------------------------------- */

struct manifest_inspect_options {
	bool verbose, insecure;
	struct remote_options remote;
};

static const struct option manifest_inspect_options[] = {
	{"-v, --verbose", "", flag_in(manifest_inspect_options, verbose), .hidden = true},
	{"--insecure", "", flag_in(manifest_inspect_options, insecure), .hidden = true},
	{},
};

static int run_inspect(struct invocation *invocation)
{
	const struct manifest_inspect_options *options =
		options_of(invocation, manifest_inspect_options);
	struct arena *arena = invocation->arena;
	const char *word = invocation->arguments[0], *name, *digest;
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(text_fini) struct text text = {};
	struct registry_options registry = remote_options_of(invocation, &options->remote);
	struct image_manifest list;
	struct remote_manifest remote;
	if (options->insecure)
		registry.tls_verify = 0;
	int r = remote_store_open(invocation, &store);
	if (r < 0)
		return r;
	r = registry_list_find(&store, word, arena, &name, &list, &digest);
	if (r >= 0) {
		registry_list_text(&list, &text);
		return output_thing(NULL, &text);
	}
	if (r != -ENOENT && r != -EINVAL)
		return r;
	error_clear();
	r = registry_look(word, &registry, arena, &remote);
	if (r < 0)
		return r;
	text_add_bytes(&text, remote.text, remote.length);
	return output_thing(NULL, &text);
}

static const struct verb verb_manifest_inspect = {
	.name = "inspect",
	.summary = "show a list of the store, or a manifest of a registry",
	.arguments = "LIST",
	verb_options(manifest_inspect_options,
		shared_options("Registry", remote_options, manifest_inspect_options, remote)),
	.defaults = &(const struct manifest_inspect_options){.remote.tls_verify = true},
	.run = run_inspect,
};

static int run_exists(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image_manifest list;
	const char *name, *digest;
	int r = remote_store_open(invocation, &store);
	if (r < 0)
		return r;
	r = registry_list_find(
		&store, invocation->arguments[0], invocation->arena, &name, &list, &digest);
	if (r == -ENOENT || r == -EINVAL) {
		error_clear();
		return 1;
	}
	return r;
}

static const struct verb verb_manifest_exists = {
	.name = "exists",
	.summary = "end with 0 if there is such a list, with 1 if not",
	.arguments = "LIST",
	.run = run_exists,
};

static int run_rm(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	int r = remote_store_open(invocation, &store);
	for (size_t i = 0; r >= 0 && i < invocation->argument_count; i++) {
		struct image_manifest list;
		const char *name, *digest;
		r = registry_list_find(
			&store, invocation->arguments[i], invocation->arena, &name, &list, &digest);
		if (r >= 0)
			r = registry_list_remove(&store, name);
		if (r >= 0)
			printf("Untagged: %s\nDeleted: %s\n", name,
				manner_of(invocation) == MANNER_PODMAN
					? digest + strcspn(digest, ":") + 1
					: digest);
	}
	return r < 0 ? r : 0;
}

static const struct verb verb_manifest_rm = {
	.name = "rm",
	.summary = "remove lists; the images in them stay",
	.arguments = "LIST...",
	.failure_status = 1,
	.run = run_rm,
};

/* ---- push ----------------------------------------------------------------------------------- */

struct manifest_push_options {
	bool all, quiet, purge, insecure, ignored;
	const char *digest_file, *format;
	struct remote_options remote;
};

static const struct option manifest_push_options[] = {
	{"--all", "push the images in the list too", flag_in(manifest_push_options, all)},
	{"-p, --rm, --purge", "remove the list when it was pushed",
		flag_in(manifest_push_options, purge)},
	{"-q, --quiet", "tell nothing", flag_in(manifest_push_options, quiet)},
	{"--digestfile=FILE", "write the list's digest to FILE",
		text_in(manifest_push_options, digest_file)},
	{"-f, --format=FORMAT", "write the list as oci or v2s2",
		text_in(manifest_push_options, format)},
	{"--insecure", "", flag_in(manifest_push_options, insecure), .hidden = true},
	{"--remove-signatures", "", flag_in(manifest_push_options, ignored), .hidden = true},
	{},
};

static int run_push(struct invocation *invocation)
{
	const struct manifest_push_options *options = options_of(invocation, manifest_push_options);
	struct arena *arena = invocation->arena;
	const char *destination = invocation->arguments[1], *name, *digest;
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(bars_fini) struct bars bars;
	struct registry_options registry = remote_options_of(invocation, &options->remote);
	bars_init(&bars, options->quiet, true);
	registry.listener = bars_listen;
	registry.listener_context = &bars;
	if (options->insecure)
		registry.tls_verify = 0;
	struct image_manifest list;
	char pushed[PUSH_DIGEST_SIZE];
	int r = remote_store_open(invocation, &store);
	if (r >= 0)
		r = registry_list_find(
			&store, invocation->arguments[0], arena, &name, &list, &digest);
	if (r < 0)
		return r;
	struct registry_push push = {
		.manifest_digest = digest,
		.destination = destination ? destination : name,
		.children = options->all || !destination || !remote_as_docker(invocation),
	};
	if (options->format)
		r = registry_parse_format(options->format, &push.format);
	if (r >= 0)
		r = registry_push(&store, &push, &registry, arena, pushed);
	if (r >= 0 && options->digest_file)
		r = fs_replace(AT_FDCWD, options->digest_file, pushed, strlen(pushed), 0644);
	if (r >= 0 && options->purge)
		r = registry_list_remove(&store, name);
	if (r < 0)
		return r;
	bars_fini(&bars);
	if (remote_as_docker(invocation))
		printf("%s\n", pushed);
	return 0;
}

static const struct verb verb_manifest_push = {
	.name = "push",
	.summary = "send a list to a registry",
	.arguments = "LIST [DESTINATION]",
	verb_options(manifest_push_options,
		shared_options("Registry", remote_options, manifest_push_options, remote)),
	.defaults = &(const struct manifest_push_options){.remote.tls_verify = true},
	.run = run_push,
};

static const struct verb_entry manifest_verbs[] = {
	{.verb = &verb_manifest_create},
	{.verb = &verb_manifest_add},
	{.verb = &verb_manifest_annotate},
	{.verb = &verb_manifest_remove},
	{.verb = &verb_manifest_inspect},
	{.verb = &verb_manifest_exists},
	{.verb = &verb_manifest_push},
	{.verb = &verb_manifest_rm},
	{},
};

const struct verb verb_manifest = {
	.name = "manifest",
	.summary = "lists of images, one for each platform",
	.verbs = manifest_verbs,
};
