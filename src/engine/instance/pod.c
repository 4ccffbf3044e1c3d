// SPDX-License-Identifier: Apache-2.0

#include "engine/instance/pod.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/event/event.h"
#include "engine/instance/internal.h"
#include "plan/shape.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sendfile.h>

enum { CONFIG_MAX = 1 << 20 };

/* clang-format off */
#define TYPE struct pod
static const struct json_field pod_fields[] = {
	STRING("id", TYPE, id, .flags = REQUIRED),
	STRING("name", TYPE, name, .flags = REQUIRED),
	STRING("created", TYPE, created),
	STRING("infra", TYPE, infra),
	STRINGS("share", TYPE, share),
	STRING("hostname", TYPE, hostname),
	STRING("exitPolicy", TYPE, exit_policy),
	PAIRS("labels", TYPE, labels, label_count),
};
static const struct json_shape pod_shape = SHAPE(TYPE, pod_fields);
#undef TYPE
/* clang-format on */

static const char *pods_directory(struct arena *arena)
{
	return arena_format(arena, "%s/pods", places_data(arena));
}

const char *pod_status_name(enum pod_status status)
{
	static const char names[][12] = {
		"Created", "Running", "Degraded", "Paused", "Stopped", "Exited"};
	return names[status];
}

/* ---- finding ---------------------------------------------------------------------------- */

int pod_load(const char *id, struct arena *arena, struct pod *ret_pod)
{
	struct pod pod = {.directory = arena_format(arena, "%s/%s", pods_directory(arena), id)};
	autoclose int fd = open(pod.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofree char *bytes = NULL;
	size_t length = 0;
	int r = fd < 0 ? -errno : fs_read(fd, "config.json", CONFIG_MAX, &bytes, &length);
	if (r < 0)
		return r == -ENOENT ? r : fail(r, "pod %s", id);
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, "config.json", arena, &document);
	if (r == 0)
		r = json_shape_read(&document.top, &pod_shape, arena, &pod);
	if (r < 0)
		return wrap(r, "pod %s", id);
	pod.infra = pod.infra ? pod.infra : "";
	pod.hostname = pod.hostname ? pod.hostname : "";
	pod.exit_policy = pod.exit_policy ? pod.exit_policy : "continue";
	pod.created = pod.created ? pod.created : "";
	*ret_pod = pod;
	return 0;
}

bool pod_exists(const char *id, struct arena *arena)
{
	return access(arena_format(arena, "%s/%s/config.json", pods_directory(arena), id), F_OK) ==
	       0;
}

static int by_creation(const void *a, const void *b)
{
	return strcmp(((const struct pod *)a)->created, ((const struct pod *)b)->created);
}

int pod_list(struct arena *arena, struct pod **ret_pods, size_t *ret_count)
{
	DIR *directory = opendir(pods_directory(arena));
	struct pod *pods = NULL;
	size_t count = 0, room = 0;
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		struct pod pod;
		if (!instance_is_id(entry->d_name))
			continue;
		int r = pod_load(entry->d_name, arena, &pod);
		if (r < 0 && r != -ENOENT)
			warn("%s", error_text());
		error_clear();
		if (r < 0)
			continue;
		if (count == room) {
			struct pod *more = arena_new(arena, struct pod, room = 2 * room + 8);
			if (count)
				memcpy(more, pods, count * sizeof(*more));
			pods = more;
		}
		pods[count++] = pod;
	}
	if (directory)
		closedir(directory);
	if (count)
		qsort(pods, count, sizeof(*pods), by_creation);
	*ret_pods = pods;
	*ret_count = count;
	return 0;
}

int pod_find(const char *word, struct arena *arena, struct pod *ret_pod)
{
	struct pod *pods;
	size_t count, beginnings = 0;
	int r = pod_list(arena, &pods, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (text_equal(pods[i].name, word) || text_equal(pods[i].id, word)) {
			*ret_pod = pods[i];
			return 0;
		}
		beginnings += word[0] && text_starts(pods[i].id, word);
	}
	if (r < 0)
		return r;
	if (beginnings > 1)
		return refuse(
			-EINVAL, "more than one result for pod id %s: give more digits", word);
	for (size_t i = 0; beginnings && i < count; i++) {
		if (!text_starts(pods[i].id, word))
			continue;
		*ret_pod = pods[i];
		return 0;
	}
	return refuse(-ENOENT, "no pod with name or ID %s found: no such pod", word);
}

int pod_members(const struct pod *pod, struct arena *arena, struct instance **ret_members,
	size_t *ret_count)
{
	struct instance *all;
	size_t count, found = 0;
	int r = instance_list(arena, &all, &count);
	if (r < 0)
		return r;
	/* The infra was made first, and so it comes first. */
	for (size_t i = 0; i < count; i++)
		if (text_equal(all[i].pod, pod->id))
			all[found++] = all[i];
	*ret_members = all;
	*ret_count = found;
	return 0;
}

enum pod_status pod_status(const struct instance *members, size_t count)
{
	size_t running = 0, paused = 0, ended = 0;
	for (size_t i = 0; i < count; i++) {
		enum instance_status status = members[i].state.status;
		running += instance_is_alive(&members[i]) && status != INSTANCE_PAUSED;
		paused += status == INSTANCE_PAUSED;
		ended += status == INSTANCE_EXITED;
	}
	/* Podman's order of asking, so that scripts find its words. */
	if (running)
		return running == count ? POD_RUNNING : POD_DEGRADED;
	if (paused && paused == count)
		return POD_PAUSED;
	if (ended)
		return ended == count ? POD_EXITED : POD_STOPPED;
	return POD_CREATED;
}

/* ---- making -------------------------------------------------------------------------------- */

static int write_pod(const struct pod *pod)
{
	autoclose int fd = open(pod->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "%s", pod->directory);
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &pod_shape, pod);
	json_close(&writer);
	return fs_replace(fd, "config.json", text_get(&out), out.length, 0600);
}

static int lock_pods(struct arena *arena)
{
	const char *directory = pods_directory(arena);
	int r = fs_make_dirs(directory, 0700);
	if (r < 0)
		return r;
	autoclose int fd = open(arena_format(arena, "%s/lock", directory),
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return fail(-errno, "lock %s", directory);
	return take_fd(fd);
}

/* The infra's root holds one program. */
static int fill_root(const char *root, struct arena *arena)
{
	const char *program = programs_find("rung-init", arena);
	if (!program)
		return refuse(-ENOENT, "rung-init is not where rung is");
	int r = fs_make_dirs(root, 0755);
	if (r < 0)
		return r;
	autoclose int from = open(program, O_RDONLY | O_CLOEXEC);
	autoclose int to = open(arena_format(arena, "%s/rung-init", root),
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	struct stat about;
	if (from < 0 || to < 0 || fstat(from, &about) < 0)
		return fail(-errno, "copy %s", program);
	for (off_t at = 0; at < about.st_size;)
		if (sendfile(to, from, &at, (size_t)(about.st_size - at)) <= 0)
			return fail(errno ? -errno : -EIO, "copy %s", program);
	return fchmod(to, 0755) < 0 ? fail(-errno, "copy %s", program) : 0;
}

static int make_infra(struct pod *pod, struct run_request *request, struct arena *arena)
{
	static const char *program[] = {"/rung-init", "--pause", NULL};
	const char *root = arena_format(arena, "%s/root", pod->directory);
	int r = fill_root(root, arena);
	if (r < 0)
		return r;
	request->id = instance_random_id(arena);
	request->data_root = places_data(arena);
	request->find_peer = instance_find_peer;
	request->files.rootfs = root;
	request->arguments = (struct strings){program, 2};
	request->life.name = arena_format(arena, "%.12s-infra", pod->id);
	request->life.pod = pod->id;
	if (!request->namespaces.hostname)
		request->namespaces.hostname =
			text_empty(pod->hostname) ? pod->name : pod->hostname;
	r = run_resolve(request, arena);
	struct instance infra = {};
	if (r == 0)
		r = instance_create(request, arena, &infra);
	if (r < 0)
		return wrap(r, "pod %s", pod->name);
	infra.infra = true;
	pod->infra = infra.id;
	r = instance_write_config(&infra, NULL);
	if (r < 0) {
		char story[ERROR_TEXT_MAX];
		const struct instance_removal how = {.force = true, .with_pod = true};
		(void)snprintf(story, sizeof(story), "%s", error_text());
		(void)!instance_remove(&infra, arena, &how);
		r = error_adopt(r, story, "");
	}
	return r;
}

static int remove_directory(const struct pod *pod, struct arena *arena)
{
	autoclose int fd = open(pods_directory(arena), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "remove pod %s", pod->name) : fs_remove_tree(fd, pod->id);
}

/* What is left of a pod that never came to be: perhaps an infra, and its root. */
static void remove_torso(const struct pod *pod, struct arena *arena)
{
	const struct instance_removal how = {.force = true, .with_pod = true, .depend = true};
	struct instance *members = NULL;
	size_t count = 0;
	if (pod_members(pod, arena, &members, &count) == 0) {
		int unused = 0;
		instance_remove_all(members, count, arena, &how, NULL, &unused);
	}
	(void)!remove_directory(pod, arena);
	error_clear();
}

/* Under the lock nobody is making one, so what has no config.json is what a killed command left. */
static void sweep(struct arena *arena)
{
	DIR *directory = opendir(pods_directory(arena));
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		if (!instance_is_id(entry->d_name))
			continue;
		const char *id = arena_strdup(arena, entry->d_name);
		const struct pod torso = {.id = id,
			.name = id,
			.directory = arena_format(arena, "%s/%s", pods_directory(arena), id)};
		if (!pod_exists(id, arena))
			remove_torso(&torso, arena);
	}
	if (directory)
		closedir(directory);
}

void pod_event(const struct pod *pod, const char *action)
{
	event_write("pod", action, pod->id, pod->name, pod->labels, pod->label_count);
}

int pod_create(const struct pod *wanted, struct run_request *request, struct arena *arena,
	struct pod *ret_pod)
{
	struct pod pod = *wanted, other;
	pod.id = instance_random_id(arena);
	pod.name = text_empty(wanted->name) ? instance_random_name(arena) : wanted->name;
	pod.directory = arena_format(arena, "%s/%s", pods_directory(arena), pod.id);
	pod.created = arena_strdup(arena, clock_now().text);
	bool with_infra = !wanted->infra;
	pod.infra = "";
	int r = instance_check_name(pod.name);
	if (r < 0)
		return r;
	autoclose int lock = lock_pods(arena);
	if (lock < 0)
		return lock;
	r = pod_find(pod.name, arena, &other);
	if (r == 0)
		return refuse(-EEXIST, "pod %s exists already: %s", pod.name, other.id);
	error_clear();
	sweep(arena);
	if (mkdir(pod.directory, 0700) < 0)
		return fail(-errno, "create %s", pod.directory);
	r = with_infra ? make_infra(&pod, request, arena) : 0;
	if (r == 0)
		r = write_pod(&pod);
	if (r < 0) {
		char story[ERROR_TEXT_MAX];
		(void)snprintf(story, sizeof(story), "%s", error_text());
		remove_torso(&pod, arena);
		return error_adopt(r, story, "");
	}
	pod_event(&pod, "create");
	*ret_pod = pod;
	return 0;
}

static bool shares(const struct pod *pod, const char *what)
{
	for (size_t i = 0; i < pod->share.count; i++)
		if (text_equal(pod->share.items[i], what))
			return true;
	return false;
}

void pod_join(const struct pod *pod, struct run_request *request, struct arena *arena)
{
	request->life.pod = pod->id;
	if (text_empty(pod->infra))
		return;
	const char *word = arena_format(arena, "container:%s", pod->infra);
	struct namespace_wishes *wishes = &request->namespaces;
	const struct {
		const char *name, **wish;
	} kinds[] = {{"ipc", &wishes->ipc}, {"uts", &wishes->uts}, {"pid", &wishes->pid},
		{"cgroup", &wishes->cgroup}};
	for (size_t i = 0; i < array_length(kinds); i++) {
		bool open = text_empty(*kinds[i].wish) || text_equal(*kinds[i].wish, "pod");
		if (shares(pod, kinds[i].name) && open)
			*kinds[i].wish = word;
	}
	if (shares(pod, "net") && request->network.networks.count == 0) {
		const char **items = arena_new(arena, const char *, 2);
		items[0] = word;
		request->network.networks = (struct strings){items, 1};
	}
}

/* ---- removal -----------------------------------------------------------------------------------
 */

static void keep_first(struct instance *instance, int r, void *context)
{
	(void)instance;
	int *result = context;
	if (*result == 0)
		*result = r;
}

int pod_remove(const struct pod *pod, struct arena *arena, const struct instance_removal *how)
{
	struct instance *members;
	size_t count;
	int r = pod_members(pod, arena, &members, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count && !how->force; i++) {
		if (members[i].infra || !instance_is_alive(&members[i]))
			continue;
		r = refuse(-EBUSY, "pod %s has running containers: %s", pod->name, members[i].name);
		hint("stop it first, or give --force");
		return r;
	}
	struct instance_removal all = *how;
	all.force = true;
	all.depend = true;
	all.with_pod = true;
	size_t first = count && members[0].infra ? 1 : 0;
	instance_remove_all(members + first, count - first, arena, &all, keep_first, &r);
	if (r == 0 && first)
		r = instance_remove(&members[0], arena, &all);
	if (r == 0)
		r = remove_directory(pod, arena);
	if (r == 0)
		pod_event(pod, "remove");
	return r;
}
