// SPDX-License-Identifier: Apache-2.0

/*
 * In: a running container. Out: files from which it can be made again, and (unless it is to go on)
 * no processes any more. All the work is criu's; ours is to know what of the container comes from
 * outside, so that it becomes a name in the files, and to refuse what would come back weaker than
 * it went: a wall that criu does not know is not to be lost without a word.
 *
 * What can go wrong: no criu, not root, something criu cannot write down (its log tells). The
 * container then goes on: criu thaws it, and we have touched nothing.
 */

#include "rungs/container/checkpoint.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "rungs/container/criu.h"
#include "rungs/container/criu_place.h"
#include "rungs/container/external.h"
#include "rungs/container/story.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#define LOG_NAME "dump.log"
#define DEATH_TIMEOUT_MS 10000

/* ---- shared with restore ------------------------------------------------------------- */

bool container_can_checkpoint(const char *criu)
{
	autofini(arena_fini) struct arena arena = {};
	const char *path;
	if (criu_find(criu, &arena, &path) == 0)
		return true;
	error_clear();
	return false;
}

void checkpoint_room_fini(struct checkpoint_room *room)
{
	close_now(room->image_fd);
	close_now(room->work_fd);
	free(room->work_path);
}

static int open_directory(const char *path, bool create)
{
	int r = create ? fs_make_dirs(path, 0700) : 0;
	if (r < 0)
		return r;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open %s", path) : fd;
}

int checkpoint_room_open(
	const struct checkpoint_options *options, bool create, struct checkpoint_room *ret_room)
{
	autofini(checkpoint_room_fini) struct checkpoint_room room = {-1, -1, NULL};
	const char *images = options->image_path ? options->image_path : "checkpoint";
	const char *work = options->work_path ? options->work_path : images;
	room.image_fd = open_directory(images, create);
	if (room.image_fd < 0)
		return wrap(room.image_fd, "images");
	room.work_fd = open_directory(work, true);
	if (room.work_fd < 0)
		return wrap(room.work_fd, "work path");
	room.work_path = realpath(work, NULL);
	if (!room.work_path)
		return fail(-errno, "work path %s", work);
	*ret_room = room;
	room = (struct checkpoint_room){-1, -1, NULL};
	return 0;
}

const char *checkpoint_namespace_key(enum plan_namespace kind)
{
	return kind == PLAN_NS_NETWORK ? "extRootNetNS"
	       : kind == PLAN_NS_PID   ? "extRootPidNS"
				       : NULL;
}

static int check_namespaces(const struct plan *plan, const char *id)
{
	if (!plan->namespaces[PLAN_NS_MOUNT].wanted)
		return refuse(-ENOTSUP, "%s has no mount namespace of its own", id);
	for (enum plan_namespace kind = 0; kind < PLAN_NS_COUNT; kind++) {
		bool can_join = checkpoint_namespace_key(kind) || kind == PLAN_NS_IPC ||
				kind == PLAN_NS_UTS;
		if (plan->namespaces[kind].path && !can_join)
			return refuse(-ENOTSUP, "%s joins a %s namespace, which criu cannot", id,
				plan_namespace_facts[kind].oci_name);
	}
	return 0;
}

/* In the host's network a user namespace gets the host's /sys, mounts over mounts and all. */
static int check_sysfs(const struct plan *plan, const char *id)
{
	if (!plan->namespaces[PLAN_NS_USER].wanted || plan->namespaces[PLAN_NS_NETWORK].wanted)
		return 0;
	for (size_t i = 0; i < plan->mount_count; i++)
		if (plan->mounts[i].type && text_equal(plan->mounts[i].type, "sysfs"))
			return refuse(-ENOTSUP,
				"%s has a user namespace and the host's /sys, which criu cannot "
				"write down",
				id);
	return 0;
}

int checkpoint_check(const struct plan *plan, const char *id)
{
	if (geteuid() != 0)
		return refuse(-EPERM, "only root can checkpoint and restore containers");
	if (plan->landlock.given)
		return refuse(-ENOTSUP, "%s has Landlock rules, which criu would not restore", id);
	if (plan->has_seccomp && !text_empty(plan->seccomp.listener_path))
		return refuse(
			-ENOTSUP, "%s has a seccomp listener, which criu cannot connect again", id);
	if (plan->has_process && plan->process.has_io_priority)
		warn("%s: criu does not keep the I/O priority", id);
	int r = check_sysfs(plan, id);
	return r < 0 ? r : check_namespaces(plan, id);
}

/* Like runc's and crun's: an annotation names a file whose settings beat these; "" means none. */
static const char *config_file(const struct plan *plan)
{
	const char *annotated = plan_annotation(plan, "org.criu.config");
	const char *path = annotated ? annotated : "/etc/criu/rung.conf";
	return access(path, R_OK) == 0 ? path : NULL;
}

/* criu's default is iptables, a program that a host may lack; nftables it has built in. */
static enum criu_network_lock network_lock(enum criu_network_lock asked)
{
	static const char *const places[] = {"/usr/sbin/iptables-restore", "/sbin/iptables-restore",
		"/usr/bin/iptables-restore"};
	if (asked != CRIU_LOCK_DEFAULT)
		return asked;
	for (size_t i = 0; i < array_length(places); i++)
		if (access(places[i], X_OK) == 0)
			return CRIU_LOCK_IPTABLES;
	return CRIU_LOCK_NFTABLES;
}

void checkpoint_put_common(const struct checkpoint_options *options,
	const struct checkpoint_room *room, const struct plan *plan, const char *log_name,
	struct text *out)
{
	criu_put_number(out, CRIU_IMAGES_DIR_FD, (uint64_t)room->image_fd);
	criu_put_number(out, CRIU_WORK_DIR_FD, (uint64_t)room->work_fd);
	criu_put_number(out, CRIU_LOG_LEVEL, 4);
	criu_put_text(out, CRIU_LOG_FILE, log_name);
	criu_put_number(out, CRIU_MANAGE_CGROUPS, true);
	criu_put_number(out, CRIU_MANAGE_CGROUPS_MODE, options->cgroup_mode);
	criu_put_number(out, CRIU_TCP_ESTABLISHED, options->tcp_established);
	criu_put_number(out, CRIU_EXT_UNIX_SK, options->ext_unix_sk);
	criu_put_number(out, CRIU_SHELL_JOB, options->shell_job);
	criu_put_number(out, CRIU_FILE_LOCKS, options->file_locks);
	criu_put_number(out, CRIU_AUTO_DEDUP, options->auto_dedup);
	/* A terminal's other end is with the caller, in no image. */
	criu_put_number(out, CRIU_ORPHAN_PTS_MASTER, true);
	/* Mounts of the container get what is mounted on the host later (rslave), or both ways. */
	criu_put_number(out, CRIU_EXT_MASTERS, true);
	criu_put_number(out, CRIU_EXT_SHARING, true);
	if (options->empty_network)
		criu_put_number(out, CRIU_EMPTY_NS, CLONE_NEWNET);
	criu_put_number(out, CRIU_NETWORK_LOCK, network_lock(options->network_lock));
	criu_put_text(out, CRIU_CONFIG_FILE, config_file(plan));
}

/* ---- what only the running container knows ----------------------------------------------- */

struct dump {
	const struct checkpoint_options *options;
	const char *program; /* criu */
	struct container_record record;
	struct plan plan;
	struct checkpoint_room room;
	struct text request;
};

static void dump_fini(struct dump *dump)
{
	container_record_fini(&dump->record);
	plan_fini(&dump->plan);
	checkpoint_room_fini(&dump->room);
	text_fini(&dump->request);
}

/* A namespace that is somebody else's too is left out and joined again. */
static int put_namespaces(struct dump *dump)
{
	for (enum plan_namespace kind = 0; kind < PLAN_NS_COUNT; kind++) {
		const char *key = checkpoint_namespace_key(kind);
		if (!dump->plan.namespaces[kind].path || !key)
			continue;
		const char *name = plan_namespace_facts[kind].proc_name;
		char path[64], external[96];
		struct stat about;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)dump->record.init.pid, name);
		if (stat(path, &about) < 0)
			return fail(-errno, "look at %s", path);
		snprintf(external, sizeof(external), "%s[%llu]:%s", name,
			(unsigned long long)about.st_ino, key);
		criu_put_text(&dump->request, CRIU_EXTERNAL, external);
	}
	return 0;
}

/* Frozen by its cgroup it cannot fork away from criu, which can do without. */
static void put_freezer(struct dump *dump)
{
	if (container_join_freezer(&dump->record) < 0) {
		step("no freezer: %s", error_text());
		error_clear();
	}
	const struct cgroup_location *location = &dump->record.cgroup;
	for (size_t i = 0; i < location->place_count; i++) {
		const struct cgroup_place *place = &location->places[i];
		bool unified = text_empty(place->controllers) && location->place_count == 1;
		if (!unified && !text_equal(place->controllers, "freezer"))
			continue;
		const char *path =
			arena_format(&dump->record.arena, "%s%s", place->mount_point, place->path);
		criu_put_text(&dump->request, CRIU_FREEZE_CGROUP, path);
		return;
	}
}

/* The id of the mount that a descriptor of another process lies on. */
static bool mount_of_descriptor(pid_t pid, int fd, unsigned *ret_id)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	autofree char *bytes = NULL;
	if (fs_read(AT_FDCWD, path, 65536, &bytes, NULL) < 0)
		return false;
	const char *line = strstr(bytes, "mnt_id:");
	return line && sscanf(line, "mnt_id: %u", ret_id) == 1;
}

/*
 * Standard streams come from outside: pipes (criu knows them by their link "pipe:[17]") and files
 * that the container does not see, which get a name "file[mount:inode]".
 */
static void put_stream(struct dump *dump, int fd, struct text *json)
{
	pid_t pid = dump->record.init.pid;
	char path[64], link[4096] = "", name[64];
	struct stat about;
	unsigned mount_id;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		link[0] = '\0';
	if (stat(path, &about) == 0 && (S_ISREG(about.st_mode) || S_ISCHR(about.st_mode)) &&
		mount_of_descriptor(pid, fd, &mount_id) &&
		external_sees_mount(pid, mount_id) == 0) {
		snprintf(name, sizeof(name), "file[%x:%llx]", mount_id,
			(unsigned long long)about.st_ino);
		criu_put_text(&dump->request, CRIU_EXTERNAL, name);
		text_json_string(json, name);
		return;
	}
	text_json_string(json, link);
}

static int put_streams(struct dump *dump)
{
	autofini(text_fini) struct text json = {};
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		text_add(&json, fd ? "," : "[");
		put_stream(dump, fd, &json);
	}
	text_add(&json, "]");
	return fs_replace(
		dump->room.image_fd, CHECKPOINT_DESCRIPTORS, text_get(&json), json.length, 0600);
}

static int put_parent(struct dump *dump)
{
	const char *parent = dump->options->parent_path;
	if (dump->options->pre_dump || parent)
		criu_put_number(&dump->request, CRIU_TRACK_MEM, true);
	if (!parent)
		return 0;
	if (parent[0] == '/')
		return refuse(-EINVAL, "--parent-path %s is not relative to --image-path", parent);
	if (faccessat(dump->room.image_fd, parent, F_OK, 0) < 0)
		return fail(-errno, "--parent-path %s below --image-path", parent);
	criu_put_text(&dump->request, CRIU_PARENT_IMG, parent);
	return 0;
}

/* ---- who would be lost ---------------------------------------------------------------- */

static pid_t parent_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	autofree char *bytes = NULL;
	if (fs_read(AT_FDCWD, path, 4096, &bytes, NULL) < 0)
		return -1; /* gone by now */
	int parent;
	const char *name_end = strrchr(bytes, ')');
	return name_end && sscanf(name_end, ") %*c %d", &parent) == 1 ? parent : -1;
}

static bool holds(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * criu writes down the first process and its descendants. What `exec` brought in is nobody's
 * child in there: it would be killed with the others and never come back (3.17 only warns in its
 * log).
 */
static int check_family(struct dump *dump)
{
	const struct container_record *record = &dump->record;
	pid_t *pids;
	size_t count;
	int r = cgroup_pids(&record->cgroup, &dump->record.arena, &pids, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		pid_t parent = pids[i] == record->init.pid ? -1 : parent_of(pids[i]);
		if (parent < 0 || holds(pids, count, parent))
			continue;
		r = refuse(-EBUSY,
			"checkpoint %s: process %d is no descendant of its first process",
			record->id, (int)pids[i]);
		hint("it was brought in by exec, or lost its parent, and could not be restored");
		return r;
	}
	return 0;
}

/* ---- doing it ------------------------------------------------------------------------------- */

static int build_request(struct dump *dump)
{
	const struct checkpoint_options *options = dump->options;
	struct text *out = &dump->request;
	checkpoint_put_common(options, &dump->room, &dump->plan, LOG_NAME, out);
	criu_put_number(out, CRIU_PID, (uint64_t)dump->record.init.pid);
	criu_put_number(out, CRIU_LEAVE_RUNNING, options->leave_running);
	criu_put_text(out, CRIU_ROOT, dump->record.root_path);
	put_freezer(dump);
	struct container_record *record = &dump->record;
	struct criu_place place;
	int r = criu_place_make(
		record->directory_fd, NULL, &record->cgroup, &record->arena, &place);
	if (r < 0)
		return r;
	criu_put_text(out, CRIU_CGROUP_YARD, place.yard);
	r = put_parent(dump);
	if (r == 0)
		r = put_namespaces(dump);
	if (r == 0 && !options->pre_dump)
		r = put_streams(dump);
	if (r == 0 && !options->pre_dump)
		r = external_find(&dump->record, &dump->plan, out);
	return r;
}

static int ask_criu(struct dump *dump)
{
	const struct checkpoint_options *options = dump->options;
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct process_fd fds[] = {{null, STDOUT_FILENO}, {null, STDERR_FILENO}};
	autofini(criu_fini) struct criu criu = {.process = {.pidfd = -1}, .socket_fd = -1};
	int r = criu_start(dump->program, fds, array_length(fds), &criu);
	if (r < 0)
		return r;
	step("criu started");
	r = criu_ask(
		&criu, options->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, &dump->request, NULL, NULL);
	step("criu is done");
	return r < 0 ? criu_tell("checkpoint", dump->record.id, dump->room.work_path, LOG_NAME) : 0;
}

static int load(const char *state_root, const char *id, struct dump *dump)
{
	int r = container_load(state_root, id, &dump->record);
	if (r < 0)
		return r;
	enum container_status status = container_status(&dump->record);
	if (status != CONTAINER_RUNNING && status != CONTAINER_PAUSED)
		return refuse(-EBUSY, "cannot checkpoint container %s: it is %s", id,
			container_status_name(status));
	r = container_load_plan(&dump->record, &dump->plan);
	if (r == 0)
		r = checkpoint_check(&dump->plan, id);
	return r < 0 ? r : criu_find(dump->options->criu, &dump->record.arena, &dump->program);
}

/* The story, if there is one, is criu's and stays. */
static void clean_up(const struct container_record *record)
{
	struct story story;
	story_keep(&story);
	if (record->directory_fd >= 0 && fs_remove_tree(record->directory_fd, CRIU_PLACE) < 0)
		warn("%s", error_text());
	story_tell(&story);
}

int container_checkpoint(
	const char *state_root, const char *id, const struct checkpoint_options *options)
{
	autofini(dump_fini) struct dump dump = {.options = options,
		.record = {.directory_fd = -1},
		.room = {.image_fd = -1, .work_fd = -1}};
	int r = load(state_root, id, &dump);
	if (r == 0 && !options->pre_dump)
		r = check_family(&dump);
	if (r == 0)
		r = checkpoint_room_open(options, true, &dump.room);
	if (r == 0)
		r = build_request(&dump);
	if (r == 0)
		r = ask_criu(&dump);
	clean_up(&dump.record);
	if (r < 0 || options->leave_running || options->pre_dump)
		return r;
	/* criu has killed it; whoever asks for the status next is to see it stopped. */
	r = process_wait(&dump.record.init, DEATH_TIMEOUT_MS);
	return r < 0 ? fail(r, "checkpoint %s: its processes do not end", id) : 0;
}
