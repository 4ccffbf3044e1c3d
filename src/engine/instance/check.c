// SPDX-License-Identifier: Apache-2.0

#include "engine/instance/check.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "engine/secret/secret.h"
#include "engine/volume/volume.h"
#include "plan/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define DAMAGED "damaged"
#define DOCUMENT_MAX (16u << 20)

struct checking {
	int data_fd;
	bool repair;
	struct arena *arena;
	instance_check_listener *listener;
	void *context;
	struct instance_check_result result;
};

static void found(struct checking *checking, enum instance_finding finding, const char *what,
	const char *why, bool repaired)
{
	if (finding != INSTANCE_FOREIGN) {
		checking->result.faults++;
		checking->result.repaired += repaired;
	}
	checking->listener(finding, what, why, repaired, checking->context);
}

/* The names in a directory of the store; what begins with a dot is somebody's work. */
static struct strings list(struct checking *checking, const char *place)
{
	struct strings names = {};
	size_t room = 0;
	int fd = openat(checking->data_fd, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		if (names.count == room) {
			const char **more =
				arena_new(checking->arena, const char *, room = 2 * room + 32);
			if (names.count)
				memcpy(more, names.items, names.count * sizeof(*more));
			names.items = more;
		}
		names.items[names.count++] = arena_strdup(checking->arena, entry->d_name);
	}
	if (directory)
		closedir(directory);
	return names;
}

/* NULL: it is JSON; else why not. */
static const char *fault_of(struct checking *checking, const char *path)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(checking->data_fd, path, DOCUMENT_MAX, &bytes, &length);
	if (r < 0) {
		(void)fail(r, "read %s", path);
	} else {
		autofini(json_document_fini) struct json_document document = {};
		r = json_parse(bytes, length, path, checking->arena, &document);
	}
	const char *why = r < 0 ? arena_strdup(checking->arena, error_text()) : NULL;
	error_clear();
	return why;
}

/* Whole, with its files, to where nobody looks for it. */
static void put_aside(struct checking *checking, const char *path, const char *why)
{
	const char *slash = strrchr(path, '/');
	const char *there = arena_format(checking->arena, DAMAGED "/%s", slash ? slash + 1 : path);
	bool done = false;
	if (checking->repair) {
		(void)mkdirat(checking->data_fd, DAMAGED, 0700);
		done = renameat(checking->data_fd, path, checking->data_fd, there) == 0;
		why = done ? arena_format(checking->arena, "%s; it lies in %s/%s now", why,
				     places_data(checking->arena), there)
			   : arena_format(checking->arena, "%s; cannot be put aside: %s", why,
				     strerror(errno));
	}
	found(checking, INSTANCE_BAD_DOCUMENT, path, why, done);
}

static void foreign(struct checking *checking, const char *place, const char *name)
{
	found(checking, INSTANCE_FOREIGN, arena_format(checking->arena, "%s/%s", place, name),
		"is nothing of rung's", false);
}

/* ---- containers ------------------------------------------------------------------------------ */

static void check_state(struct checking *checking, struct instance *instance)
{
	const char *path = arena_format(checking->arena, "containers/%s/state.json", instance->id);
	const char *why = fault_of(checking, path);
	if (!why)
		return;
	bool done = false;
	if (checking->repair) {
		autoclose int lock = instance_lock(instance);
		done = lock >= 0 && instance_read(instance->id, checking->arena, instance) == 0 &&
		       instance_settle_locked(instance, checking->arena) == 0 &&
		       instance_write_state(instance) == 0;
		error_clear();
	}
	found(checking, INSTANCE_LOST_STATE, path, why, done);
}

static void check_name_of(struct checking *checking, const struct instance *instance)
{
	const char *owner = instance_name_owner(instance->name, checking->arena);
	if (owner && text_equal(owner, instance->id))
		return;
	int r = -EEXIST;
	if (checking->repair)
		r = instance_claim_name(instance->name, instance->id, checking->arena, &owner);
	const char *why =
		owner && r < 0 ? arena_format(checking->arena,
					 "its name %s is that of %s: rung rename gives it another",
					 instance->name, owner)
			       : arena_format(checking->arena, "its name %s does not lead to it",
					 instance->name);
	error_clear();
	found(checking, INSTANCE_LOST_NAME,
		arena_format(checking->arena, "containers/%s", instance->id), why, r == 0);
}

static void check_container(struct checking *checking, const char *id)
{
	static const char *const documents[] = {"config.json", "request.json"};
	struct instance instance = {.id = id, .name = id};
	instance_place(&instance, checking->arena);
	const char *path = arena_format(checking->arena, "containers/%s", id);
	instance_sweep_one(id, checking->arena);
	error_clear();
	if (access(arena_format(checking->arena, "%s/config.json", instance.directory), F_OK) < 0)
		return; /* half made, and somebody is at it; or just swept */
	checking->result.containers++;
	const char *why = NULL;
	for (size_t i = 0; !why && i < array_length(documents); i++)
		why = fault_of(
			checking, arena_format(checking->arena, "%s/%s", path, documents[i]));
	struct run_request request;
	if (!why && (instance_read(id, checking->arena, &instance) < 0 ||
			    instance_load_request(&instance, checking->arena, &request) < 0))
		why = arena_strdup(checking->arena, error_text());
	error_clear();
	if (why && instance_is_alive(&instance)) {
		found(checking, INSTANCE_BAD_DOCUMENT, path,
			arena_format(checking->arena, "%s; it runs: stop it first", why), false);
		return;
	}
	if (why) {
		put_aside(checking, path, why);
		return;
	}
	check_state(checking, &instance);
	check_name_of(checking, &instance);
}

static void check_containers(struct checking *checking)
{
	struct strings names = list(checking, "containers");
	for (size_t i = 0; i < names.count; i++) {
		if (instance_is_id(names.items[i]))
			check_container(checking, names.items[i]);
		else
			foreign(checking, "containers", names.items[i]);
	}
}

static void check_names(struct checking *checking)
{
	struct strings names = list(checking, "names");
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		const char *path = arena_format(checking->arena, "names/%s", name);
		char target[2];
		if (readlinkat(checking->data_fd, path, target, sizeof(target)) < 0) {
			foreign(checking, "names", name);
			continue;
		}
		const char *owner = instance_name_owner(name, checking->arena);
		struct instance instance;
		bool there = owner && instance_is_there(owner, checking->arena);
		/* Its own name is another: a rename that was cut short. */
		bool other = there && instance_read(owner, checking->arena, &instance) == 0 &&
			     !text_equal(instance.name, name);
		error_clear();
		if (there && !other)
			continue;
		bool done = checking->repair && unlinkat(checking->data_fd, path, 0) == 0;
		found(checking, INSTANCE_STALE_NAME, path, "leads to no container", done);
	}
}

/* ---- pods, secrets, volumes ---------------------------------------------------------------------
 */

static void check_pods(struct checking *checking)
{
	struct strings names = list(checking, "pods");
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_format(checking->arena, "pods/%s", names.items[i]);
		const char *document = arena_format(checking->arena, "%s/config.json", path);
		if (text_equal(names.items[i], "lock"))
			continue;
		if (!instance_is_id(names.items[i])) {
			foreign(checking, "pods", names.items[i]);
			continue;
		}
		const char *why = fault_of(checking, document);
		if (why)
			put_aside(checking, path, why);
	}
}

static void check_secrets(struct checking *checking)
{
	struct strings names = list(checking, "secrets");
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		const char *path = arena_format(checking->arena, "secrets/%s", name);
		size_t length = strlen(name);
		if (text_equal(name, "names"))
			continue;
		if (length < 6 || !text_equal(name + length - 5, ".json")) {
			foreign(checking, "secrets", name);
			continue;
		}
		const char *why = fault_of(checking, path);
		if (why)
			put_aside(checking, path, why);
	}
	/* The name is a second link to the file. */
	names = list(checking, "secrets/names");
	for (size_t i = 0; i < names.count; i++) {
		const char *path =
			arena_format(checking->arena, "secrets/names/%s", names.items[i]);
		const char *why = fault_of(checking, path);
		if (!why)
			continue;
		bool done = checking->repair && unlinkat(checking->data_fd, path, 0) == 0;
		found(checking, INSTANCE_BAD_DOCUMENT, path, why, done);
	}
}

static void check_volumes(struct checking *checking)
{
	struct strings names = list(checking, "volumes");
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		const char *path = arena_format(checking->arena, "volumes/%s", name);
		const char *why =
			fault_of(checking, arena_format(checking->arena, "%s/config.json", path));
		if (!why)
			continue;
		if (faccessat(checking->data_fd, arena_format(checking->arena, "%s/data", path),
			    F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			foreign(checking, "volumes", name);
			continue;
		}
		bool done = checking->repair &&
			    volume_describe(places_data(checking->arena), name) == 0;
		error_clear();
		found(checking, INSTANCE_BAD_DOCUMENT, path, why, done);
	}
}

int instance_check(bool repair, struct arena *arena, instance_check_listener *listener,
	void *context, struct instance_check_result *ret_result)
{
	const char *data = places_data(arena);
	autoclose int data_fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (data_fd < 0)
		return fail(-errno, "open %s", data);
	struct checking checking = {.data_fd = data_fd,
		.repair = repair,
		.arena = arena,
		.listener = listener,
		.context = context};
	check_containers(&checking);
	check_names(&checking);
	check_pods(&checking);
	check_secrets(&checking);
	check_volumes(&checking);
	*ret_result = checking.result;
	return 0;
}
