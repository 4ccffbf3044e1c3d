// SPDX-License-Identifier: Apache-2.0

/*
 * A new instance:
 *
 *	directory   made and locked: from here on nobody takes it for a remnant
 *	name        taken
 *	files       request.json, state.json, and config.json last: now it is there for everybody
 *
 * Killed at any point, it leaves a directory without config.json, which nobody sees and the sweep
 * removes, and perhaps a name, which the next who wants it takes over.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "engine/image/image.h"
#include "engine/instance/internal.h"
#include "engine/instance/logs.h"
#include "rungs/foreign/foreign.h"
#include "walls/signals.h"

#include <fcntl.h>

enum { STOP_TIMEOUT_S = 10 };

/* ---- from the request ------------------------------------------------------------------ */

static struct strings join_words(
	const struct strings *first, const struct strings *second, struct arena *arena)
{
	struct strings all = {arena_new(arena, const char *, first->count + second->count + 1), 0};
	for (size_t i = 0; i < first->count; i++)
		all.items[all.count++] = first->items[i];
	for (size_t i = 0; i < second->count; i++)
		all.items[all.count++] = second->items[i];
	return all;
}

static int add_dependence(const char *name, struct arena *arena, struct instance *instance)
{
	struct instance peer;
	int r = instance_find(name, arena, &peer);
	if (r < 0)
		return r;
	for (size_t i = 0; i < instance->depends.count; i++)
		if (text_equal(instance->depends.items[i], peer.id))
			return 0;
	const struct strings one = {.items = &peer.id, .count = 1};
	instance->depends = join_words(&instance->depends, &one, arena);
	return 0;
}

/* "container:web" → the id of web. */
static int add_peer(const char *word, struct arena *arena, struct instance *instance)
{
	if (!word || !text_starts(word, "container:"))
		return 0;
	return add_dependence(word + strlen("container:"), arena, instance);
}

static int add_peers(
	const struct run_request *request, struct arena *arena, struct instance *instance)
{
	const struct namespace_wishes *wishes = &request->namespaces;
	const char *const words[] = {wishes->user, wishes->pid, wishes->ipc, wishes->uts,
		wishes->cgroup,
		request->network.networks.count ? request->network.networks.items[0] : NULL};
	for (size_t i = 0; i < array_length(words); i++) {
		int r = add_peer(words[i], arena, instance);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < request->life.requirements.count; i++) {
		int r = add_dependence(request->life.requirements.items[i], arena, instance);
		if (r < 0)
			return wrap(r, "--requires %s", request->life.requirements.items[i]);
	}
	return 0;
}

static void add_volumes(
	const struct run_resolved *resolved, struct arena *arena, struct instance *instance)
{
	instance->volumes.items = arena_new(arena, const char *, resolved->mount_count + 1);
	for (size_t i = 0; i < resolved->mount_count; i++) {
		const struct run_mount *mount = &resolved->mounts[i];
		const char *word = mount->kind == RUN_MOUNT_VOLUME ? mount->name
				   : mount->kind == RUN_MOUNT_BIND ? mount->source
								   : NULL;
		if (word)
			instance->volumes.items[instance->volumes.count++] = word;
	}
}

int64_t instance_health_interval_ms(const struct run_health *health)
{
	bool none = health->test.count == 0 || text_equal(health->test.items[0], "NONE");
	int64_t interval_ms = health->interval_ns / 1000000;
	return none ? 0 : interval_ms > 0 ? interval_ms : 30000;
}

static int describe(
	const struct run_request *request, struct arena *arena, struct instance *instance)
{
	const struct run_resolved *resolved = &request->resolved;
	const struct life_wishes *life = &request->life;
	const char *runtime;
	int r = foreign_find(life->runtime, arena, &runtime);
	if (r < 0)
		return r;
	instance->created = arena_strdup(arena, clock_now().text);
	instance->image_id = request->image ? request->image->id : "";
	instance->image_name = request->image_name ? request->image_name : "";
	instance->rootfs = request->files.rootfs ? request->files.rootfs : "";
	instance->command = resolved->given
				    ? join_words(&resolved->entrypoint, &resolved->command, arena)
				    : request->arguments;
	instance->labels = resolved->labels;
	instance->label_count = resolved->label_count;
	add_volumes(resolved, arena, instance);
	instance->published = request->network.publish;
	instance->networks = request->network.networks;
	instance->pod = life->pod ? life->pod : "";
	instance->isolation = life->isolation ? life->isolation : "container";
	instance->runtime = life->runtime ? life->runtime : "";
	instance->terminal = request->process.terminal;
	instance->interactive = request->process.interactive;
	instance->remove = life->remove;
	instance->remove_image = life->remove_image;
	instance->stop_signal =
		text_empty(resolved->stop_signal) ? "SIGTERM" : resolved->stop_signal;
	instance->stop_timeout_s =
		life->stop_timeout_s.given ? life->stop_timeout_s.value : STOP_TIMEOUT_S;
	instance->log_driver = life->log_driver;
	instance->log_options = life->log_options;
	instance->pidfile = life->pidfile ? life->pidfile : "";
	instance->cidfile = life->cidfile ? life->cidfile : "";
	instance->timeout_s = life->timeout_s;
	instance->health_interval_ms = instance_health_interval_ms(&resolved->health);
	instance->state = (struct instance_state){.status = INSTANCE_CREATED,
		.started_at = "",
		.finished_at = "",
		.error = "",
		.restart_at = ""};
	r = life->restart ? instance_restart_read(life->restart, &instance->restart) : 0;
	if (r == 0 && life->remove && instance->restart.policy != INSTANCE_RESTART_NO)
		r = refuse(-EINVAL, "--rm and --restart exclude each other");
	const struct logs_subject subject = {.id = instance->id, .directory = instance->directory};
	struct logs_settings unused;
	if (r == 0) /* what is wrong with them is told now, not at the first start */
		r = logs_settings_read(
			instance->log_driver, &instance->log_options, &subject, arena, &unused);
	return r < 0 ? r : add_peers(request, arena, instance);
}

/* ---- making -------------------------------------------------------------------------------- */

static int name_is_taken(const char *name, const char *owner)
{
	int r = refuse(-EEXIST, "the container name \"%s\" is already in use by %s", name, owner);
	hint("remove that container, choose another --name, or give --replace");
	return r;
}

static int replace_owner(const char *owner, struct arena *arena)
{
	struct instance other;
	int r = instance_load(owner, arena, &other);
	if (r == -ENOENT)
		return 0;
	const struct instance_removal how = {.force = true, .depend = true, .volumes = true};
	return r < 0 ? r : instance_remove(&other, arena, &how);
}

static int take_name(const struct instance *instance, bool replace, struct arena *arena)
{
	for (unsigned tries = 0;; tries++) {
		const char *owner = "";
		int r = instance_claim_name(instance->name, instance->id, arena, &owner);
		if (r != -EEXIST)
			return r;
		if (!replace || tries > 8)
			return name_is_taken(instance->name, owner);
		r = replace_owner(owner, arena);
		if (r < 0)
			return r;
	}
}

/* A file that others read: it must be ours alone from the start. */
static int write_cidfile(const struct instance *instance)
{
	if (text_empty(instance->cidfile))
		return 0;
	autoclose int fd =
		open(instance->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST) {
		int r = refuse(-EEXIST, "container id file %s exists", instance->cidfile);
		hint("make sure that no other container uses it, and remove it");
		return r;
	}
	int r = fd < 0 ? -errno : fs_write_all(fd, instance->id, strlen(instance->id));
	if (r < 0 && fd >= 0)
		(void)unlink(instance->cidfile);
	return r < 0 ? fail(r, "write the container id file %s", instance->cidfile) : 0;
}

/* Until it is locked, a sweep may take it for what somebody left; then it is made again. */
static int make_directory(const struct instance *instance, struct arena *arena)
{
	for (;;) {
		int r = mkdir(instance->directory, 0700) < 0 ? -errno : 0;
		if (r == -ENOENT) {
			r = fs_make_dirs(instance_containers(arena), 0700);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			return fail(r, "create %s", instance->directory);
		int lock = instance_lock(instance);
		if (lock != -ENOENT)
			return lock;
	}
}

static int fill(
	const struct instance *instance, const struct run_request *request, struct arena *arena)
{
	int r = take_name(instance, request->life.replace, arena);
	if (r == 0)
		r = write_cidfile(instance);
	if (r < 0)
		return r;
	r = instance_write_state(instance);
	if (r == 0)
		r = instance_tell_peers(instance, true, arena);
	if (r == 0)
		r = instance_write_config(instance, request);
	if (r < 0) {
		(void)instance_tell_peers(instance, false, arena);
		if (!text_empty(instance->cidfile))
			(void)unlink(instance->cidfile);
	}
	return r;
}

int instance_create(struct run_request *request, struct arena *arena, struct instance *ret_instance)
{
	struct instance instance = {
		.id = request->id ? request->id : instance_random_id(arena),
		.name = request->life.name ? request->life.name : instance_random_name(arena),
	};
	instance_place(&instance, arena);
	request->id = instance.id;
	int r = instance_check_name(instance.name);
	if (r == 0)
		r = describe(request, arena, &instance);
	if (r < 0)
		return r;
	autoclose int lock = make_directory(&instance, arena);
	r = lock < 0 ? lock : fill(&instance, request, arena);
	if (r < 0) {
		if (lock >= 0)
			instance_abandon(&instance, arena);
		run_resolve_undo(request);
		return r;
	}
	instance_event(&instance, "create", NULL, 0);
	*ret_instance = instance;
	return 0;
}

int instance_renew(struct instance *instance, struct arena *arena, struct run_request *request)
{
	autoclose int lock = instance_lock(instance);
	if (lock < 0)
		return lock == -ENOENT ? refuse(lock, "container %s was removed", instance->name)
				       : lock;
	struct instance renewed = {.id = instance->id, .name = instance->name};
	instance_place(&renewed, arena);
	request->id = instance->id;
	int r = describe(request, arena, &renewed);
	if (r == 0)
		r = instance_write_config(&renewed, request);
	if (r == 0)
		*instance = renewed;
	return r;
}

int instance_rename(struct instance *instance, struct arena *arena, const char *name)
{
	int r = instance_check_name(name);
	if (r < 0)
		return r;
	autoclose int lock = instance_lock(instance);
	if (lock < 0)
		return lock == -ENOENT ? refuse(lock, "container %s was removed", instance->name)
				       : lock;
	r = instance_reload(instance, arena);
	if (r < 0)
		return r;
	const char *owner = "", *before = instance->name;
	r = instance_claim_name(name, instance->id, arena, &owner);
	if (r == -EEXIST && !text_equal(owner, instance->id))
		return name_is_taken(name, owner);
	if (r < 0 && r != -EEXIST)
		return r;
	instance->name = name;
	r = instance_write_config(instance, NULL);
	if (r < 0) {
		instance_drop_name(name, instance->id, arena);
		return r;
	}
	if (!text_equal(before, name))
		instance_drop_name(before, instance->id, arena);
	const struct plan_key_value extra = {"oldName", before};
	instance_event(instance, "rename", &extra, 1);
	return 0;
}
