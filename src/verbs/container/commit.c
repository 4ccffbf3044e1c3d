// SPDX-License-Identifier: Apache-2.0

/*
 * `rung commit`: what a container changed becomes a layer, its image with that layer becomes a new
 * image. With --squash, or where there was no image (--rootfs), the whole tree is the one layer.
 */

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/event/event.h"
#include "engine/image/image.h"
#include "engine/instance/tree.h"
#include "engine/store/gc.h"
#include "engine/store/layer.h"
#include "verbs/container/container.h"
#include "verbs/container/hidden.h"
#include "verbs/image/common.h"

#include <fcntl.h>
#include <stdio.h>

struct commit_options {
	const char *author, *message, *iidfile;
	struct option_list changes;
	bool pause, quiet, squash, include_volumes;
	enum { FORMAT_OCI, FORMAT_DOCKER } format;
};

static const struct option commit_options[] = {
	{"-a, --author=NAME", "who made it", text_in(commit_options, author)},
	{"-c, --change=INSTRUCTION",
		"set CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR …",
		list_in(commit_options, changes)},
	{"-f, --format=oci|docker", "form of the image", choice_in(commit_options, format)},
	{"--iidfile=FILE", "write the image's id into FILE", text_in(commit_options, iidfile)},
	{"--include-volumes", "the container's volumes become volumes of the image",
		flag_in(commit_options, include_volumes)},
	{"-m, --message=TEXT", "what the history says", text_in(commit_options, message)},
	{"-p, --pause", "let the container wait meanwhile", flag_in(commit_options, pause)},
	{"-q, --quiet", "no progress", flag_in(commit_options, quiet)},
	{"-s, --squash", "all files in one layer", flag_in(commit_options, squash)},
	{},
};

/* ---- the configuration --------------------------------------------------------------------- */

/* What every container gets anew is none of the image's. */
static bool is_passing(const char *variable)
{
	static const char names[][12] = {"HOSTNAME=", "HOME=", "TERM=", "container="};
	for (size_t i = 0; i < array_length(names); i++)
		if (text_starts(variable, names[i]))
			return true;
	return false;
}

static struct strings kept_variables(const struct strings *variables, struct arena *arena)
{
	struct strings kept = {arena_new(arena, const char *, variables->count + 1), 0};
	for (size_t i = 0; i < variables->count; i++)
		if (!is_passing(variables->items[i]))
			kept.items[kept.count++] = variables->items[i];
	return kept;
}

static struct strings with_volumes(
	const struct strings *volumes, const struct run_resolved *resolved, struct arena *arena)
{
	struct strings all = {
		arena_new(arena, const char *, volumes->count + resolved->mount_count + 1), 0};
	for (size_t i = 0; i < volumes->count; i++)
		all.items[all.count++] = volumes->items[i];
	for (size_t i = 0; i < resolved->mount_count; i++)
		if (resolved->mounts[i].kind == RUN_MOUNT_VOLUME)
			all.items[all.count++] = resolved->mounts[i].destination;
	return all;
}

/* The container's own settings win over those that its image has. */
static void lay_over(const struct instance *instance, const struct run_request *request,
	bool volumes, struct arena *arena, struct image_config *config)
{
	const struct run_resolved *resolved = &request->resolved;
	config->entrypoint = resolved->entrypoint;
	config->command = resolved->command;
	config->environment = kept_variables(&resolved->environment, arena);
	if (!text_empty(resolved->user))
		config->user = resolved->user;
	if (!text_empty(resolved->working_directory))
		config->working_directory = resolved->working_directory;
	if (!text_empty(request->life.stop_signal))
		config->stop_signal = request->life.stop_signal;
	if (resolved->exposed_ports.count)
		config->exposed_ports = resolved->exposed_ports;
	config->labels = instance->labels;
	config->label_count = instance->label_count;
	if (volumes)
		config->volumes = with_volumes(&config->volumes, resolved, arena);
}

/* ---- the layer ---------------------------------------------------------------------------------
 */

/* Members of a tar have no "/" in front. */
static const char *const *without_slashes(const struct strings *paths, struct arena *arena)
{
	const char **out = arena_new(arena, const char *, paths->count + 1);
	for (size_t i = 0; i < paths->count; i++)
		out[i] = paths->items[i] + (paths->items[i][0] == '/');
	return out;
}

static int pack_into(int blob_fd, const struct instance *instance, bool whole, struct arena *arena,
	struct layer_report *report)
{
	struct strings hidden = {};
	int r = container_hidden_paths(instance, arena, &hidden);
	if (r < 0)
		return r;
	autoclose int tree =
		whole ? instance_open_stack(instance, arena) : instance_open_upper(instance, arena);
	if (tree < 0)
		return tree;
	const struct layer_pack wanted = {.tree_fd = tree,
		.changes = !whole,
		.output_fd = blob_fd,
		.compression = LAYER_GZIP,
		.exclude = whole ? NULL : without_slashes(&hidden, arena)};
	return layer_pack(&wanted, report);
}

static int pack(struct store *store, const struct instance *instance, bool whole,
	struct arena *arena, struct image_layer *ret_layer)
{
	autoclose int blob = -1;
	struct layer_report report;
	int r = store_ingest_anonymous(store, &blob);
	if (r < 0)
		return r;
	r = pack_into(blob, instance, whole, arena, &report);
	if (r == 0)
		r = store_ingest_commit(store, report.digest, blob);
	if (r < 0) {
		store_ingest_discard(store, blob);
		return r;
	}
	*ret_layer = (struct image_layer){.digest = arena_strdup(arena, report.digest),
		.diff_id = arena_strdup(arena, report.diff_id),
		.media_type = layer_media_type(LAYER_GZIP),
		.size = report.size};
	return 0;
}

static const char *command_line(const struct instance *instance, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < instance->command.count; i++)
		text_format(&text, "%s%s", i ? " " : "", instance->command.items[i]);
	return arena_strdup(arena, text_get(&text));
}

/* ---- all of it
 * ------------------------------------------------------------------------------------ */

static int make_image(struct invocation *invocation, struct store *store,
	const struct instance *instance, struct image_change *change, const char **ret_id)
{
	const struct commit_options *options = options_of(invocation, commit_options);
	struct arena *arena = invocation->arena;
	struct run_request request = {};
	struct image base;
	struct image_layer layer;
	bool whole = options->squash || !instance->image_id[0];
	int r = instance_load_request(instance, arena, &request);
	if (r == 0 && instance->image_id[0]) {
		r = image_find(store, instance->image_id, arena, &base);
		if (r == 0) {
			change->config = base.config;
			change->base = whole ? NULL : &base;
			change->architecture = base.architecture;
			change->os = base.os;
			change->variant = base.variant;
		}
	}
	if (r == 0)
		lay_over(instance, &request, options->include_volumes, arena, &change->config);
	for (size_t i = 0; r == 0 && i < options->changes.count; i++)
		r = image_apply_change(&change->config, options->changes.words[i], arena);
	if (r == 0)
		r = pack(store, instance, whole, arena, &layer);
	if (r < 0)
		return r;
	layer.created_by = command_line(instance, arena);
	change->layer = &layer;
	r = image_commit(store, change, arena, ret_id);
	change->layer = NULL;
	return r;
}

static int commit(struct invocation *invocation, struct instance *instance,
	struct image_change *change, const char **ret_id)
{
	const struct commit_options *options = options_of(invocation, commit_options);
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	bool pauses = options->pause && instance->state.status == INSTANCE_RUNNING;
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r < 0)
		return r;
	if (pauses)
		r = instance_pause(instance, arena, true);
	/* An ordinary user without control groups cannot; who did not ask for it gets his image. */
	if (r < 0 && pauses && !option_given(invocation, &options->pause)) {
		error_clear();
		pauses = false;
		r = 0;
	}
	if (r < 0)
		return r;
	r = make_image(invocation, &store, instance, change, ret_id);
	if (r < 0) /* the layer, perhaps: the next command that collects takes it */
		store_mark_garbage(&store);
	if (!pauses)
		return r;
	char story[ERROR_TEXT_MAX];
	(void)snprintf(story, sizeof(story), "%s", error_text());
	int again = instance_pause(instance, arena, false);
	return r < 0 ? error_adopt(r, story, "") : again;
}

static int write_id(const char *path, const char *id)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, id, strlen(id)) < 0)
		return fail(-errno, "write %s", path);
	return 0;
}

static int run(struct invocation *invocation)
{
	struct commit_options *options = options_of(invocation, commit_options);
	struct instance instance;
	struct image_change change = {.author = options->author,
		.comment = options->message,
		.docker_format = options->format == FORMAT_DOCKER};
	const char *id = "";
	bool podman = manner_of(invocation) == MANNER_PODMAN;
	if (podman && !option_given(invocation, &options->pause))
		options->pause = false;
	int r = instance_find(invocation->arguments[0], invocation->arena, &instance);
	if (r == 0 && invocation->argument_count > 1)
		r = image_new_name(invocation, invocation->arguments[1], &change.name);
	if (r == 0)
		r = commit(invocation, &instance, &change, &id);
	if (r < 0)
		return wrap(r, "commit");
	const char *shown = podman && text_starts(id, "sha256:") ? id + strlen("sha256:") : id;
	const struct plan_key_value comment = {"comment", options->message};
	instance_event(&instance, "commit", &comment, options->message != NULL);
	puts(shown);
	return options->iidfile ? write_id(options->iidfile, id) : 0;
}

const struct verb verb_commit = {
	.name = "commit",
	.summary = "make an image of a container",
	.arguments = "CONTAINER [NAME]",
	verb_options(commit_options),
	.defaults = &(const struct commit_options){.pause = true},
	.completers = container_completers,
	.description =
		"Makes a new image: that of the container, with what it changed as one layer more "
		"and its settings as the image's. A running container is frozen meanwhile, unless "
		"--pause=false.",
	.examples = "What was installed by hand, for the next container\n"
		    "$ rung commit -m 'add curl' -c 'CMD [\"bash\"]' work my-debian\n",
	.run = run,
};
