// SPDX-License-Identifier: Apache-2.0

/*
 * The files of an instance. What lists show (config.json, state.json) is small and read whole;
 * what was asked for (request.json) is read only by those who start or inspect it. A directory
 * without config.json is one that is just being made, or whose making was cut short: it counts as
 * not there.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "plan/shape.h"
#include "rungs/container/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

enum { CONFIG_MAX = 4 << 20, STATE_MAX = 1 << 16, UNKNOWN_EXIT = 255 };

/* ---- words -------------------------------------------------------------------------- */

static const struct word status_items[] = {
	{"created", INSTANCE_CREATED},
	{"initialized", INSTANCE_INITIALIZED},
	{"running", INSTANCE_RUNNING},
	{"paused", INSTANCE_PAUSED},
	{"restarting", INSTANCE_RESTARTING},
	{"stopping", INSTANCE_STOPPING},
	{"exited", INSTANCE_EXITED},
	{"dead", INSTANCE_DEAD},
	{"removing", INSTANCE_REMOVING},
	{"configured", INSTANCE_CREATED}, /* Podman's words for the same */
	{"stopped", INSTANCE_EXITED},
};
static const struct words status_words = {"status", status_items, array_length(status_items)};

static const struct word restart_items[] = {
	{"no", INSTANCE_RESTART_NO},
	{"always", INSTANCE_RESTART_ALWAYS},
	{"unless-stopped", INSTANCE_RESTART_UNLESS_STOPPED},
	{"on-failure", INSTANCE_RESTART_ON_FAILURE},
	{"never", INSTANCE_RESTART_NO},
	{"", INSTANCE_RESTART_NO},
};
static const struct words restart_words = {
	"restart policy", restart_items, array_length(restart_items)};

const char *instance_status_name(enum instance_status status)
{
	return words_name(&status_words, status);
}

int instance_status_find(const char *word)
{
	const struct word *found = words_find(&status_words, word);
	return found ? (int)found->value : -EINVAL;
}

const char *instance_restart_name(enum instance_restart_policy policy)
{
	return words_name(&restart_words, policy);
}

int instance_restart_read(const char *word, struct instance_restart *ret_restart)
{
	char name[24] = "";
	const char *colon = strchr(word, ':');
	size_t length = colon ? (size_t)(colon - word) : strlen(word);
	(void)snprintf(name, sizeof(name), "%.*s", length < sizeof(name) ? (int)length : 0, word);
	const struct word *found = length < sizeof(name) ? words_find(&restart_words, name) : NULL;
	uint64_t most = 0;
	if (!found)
		return refuse(-EINVAL,
			"restart policy \"%s\": must be no, always, unless-stopped or "
			"on-failure[:TIMES]",
			word);
	if (colon && found->value != INSTANCE_RESTART_ON_FAILURE)
		return refuse(
			-EINVAL, "restart policy \"%s\": only on-failure takes a number", word);
	if (colon && parse_uint64(colon + 1, UINT32_MAX, &most) < 0)
		return refuse(
			-EINVAL, "restart policy \"%s\": %s is not a number", word, colon + 1);
	*ret_restart = (struct instance_restart){
		(enum instance_restart_policy)found->value, (uint32_t)most};
	return 0;
}

/* ---- shapes --------------------------------------------------------------------------- */

/* clang-format off */
#define TYPE struct instance
static const struct json_field config_fields[] = {
	STRING("id", TYPE, id, .flags = REQUIRED),
	STRING("name", TYPE, name, .flags = REQUIRED),
	STRING("created", TYPE, created, .flags = REQUIRED),
	STRING("imageId", TYPE, image_id),
	STRING("imageName", TYPE, image_name),
	STRING("rootfs", TYPE, rootfs),
	STRINGS("command", TYPE, command),
	PAIRS("labels", TYPE, labels, label_count),
	STRINGS("volumes", TYPE, volumes),
	STRINGS("published", TYPE, published),
	STRINGS("networks", TYPE, networks),
	STRING("pod", TYPE, pod),
	BOOL("infra", TYPE, infra),
	STRING("isolation", TYPE, isolation),
	STRING("runtime", TYPE, runtime),
	BOOL("terminal", TYPE, terminal),
	BOOL("interactive", TYPE, interactive),
	BOOL("remove", TYPE, remove),
	BOOL("removeImage", TYPE, remove_image),
	WORD("restart", TYPE, restart.policy, &restart_words),
	UNSIGNED("restartMost", TYPE, restart.most),
	STRING("stopSignal", TYPE, stop_signal),
	SIGNED("stopTimeout", TYPE, stop_timeout_s, .flags = ALWAYS),
	STRING("logDriver", TYPE, log_driver),
	STRINGS("logOptions", TYPE, log_options),
	STRING("pidfile", TYPE, pidfile),
	STRING("cidfile", TYPE, cidfile),
	STRINGS("depends", TYPE, depends),
	UNSIGNED("timeout", TYPE, timeout_s),
	SIGNED("healthInterval", TYPE, health_interval_ms),
};
static const struct json_shape config_shape = SHAPE(TYPE, config_fields);
#undef TYPE

#define TYPE struct instance_state
static const struct json_field state_fields[] = {
	WORD("status", TYPE, status, &status_words, .flags = ALWAYS),
	SIGNED("pid", TYPE, pid),
	UNSIGNED("pidStart", TYPE, pid_start),
	SIGNED("monitorPid", TYPE, monitor_pid),
	UNSIGNED("monitorStart", TYPE, monitor_start),
	SIGNED("exitCode", TYPE, exit_code, .flags = ALWAYS),
	BOOL("oomKilled", TYPE, oom_killed),
	BOOL("stoppedByUser", TYPE, stopped_by_user),
	UNSIGNED("restartCount", TYPE, restart_count),
	UNSIGNED("restartStreak", TYPE, restart_streak),
	UNSIGNED("starts", TYPE, starts),
	STRING("startedAt", TYPE, started_at),
	STRING("finishedAt", TYPE, finished_at),
	STRING("error", TYPE, error),
	STRING("restartAt", TYPE, restart_at),
};
static const struct json_shape state_shape = SHAPE(TYPE, state_fields);
#undef TYPE
/* clang-format on */

/* ---- places ------------------------------------------------------------------------------ */

const char *instance_containers(struct arena *arena)
{
	return arena_format(arena, "%s/containers", places_data(arena));
}

const char *instance_names(struct arena *arena)
{
	return arena_format(arena, "%s/names", places_data(arena));
}

void instance_place(struct instance *instance, struct arena *arena)
{
	instance->directory =
		arena_format(arena, "%s/%s", instance_containers(arena), instance->id);
	instance->run_directory =
		arena_format(arena, "%s/%s", places_state("run", arena), instance->id);
	instance->record_root = places_state("containers", arena);
}

bool instance_is_unwritable(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EROFS;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int write_document(const struct instance *instance, const char *name, const struct text *out)
{
	autoclose int fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(-errno, "%s", instance->directory);
	int r = fs_replace(fd, name, text_get(out), out->length, 0600);
	return r < 0 ? wrap(r, "container %s: %s", instance->name, instance->directory) : 0;
}

int instance_write_state(const struct instance *instance)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &state_shape, &instance->state);
	json_close(&writer);
	return write_document(instance, "state.json", &out);
}

static int write_request(const struct instance *instance, const struct run_request *request)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	run_request_write(request, &writer, "request");
	json_close(&writer);
	return write_document(instance, "request.json", &out);
}

/* The request goes first: who sees config.json finds all the rest. */
int instance_write_config(const struct instance *instance, const struct run_request *request)
{
	int r = request ? write_request(instance, request) : 0;
	if (r < 0)
		return r;
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &config_shape, instance);
	json_close(&writer);
	return write_document(instance, "config.json", &out);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int read_document(int directory_fd, const char *name, size_t most,
	const struct json_shape *shape, struct arena *arena, void *target)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(directory_fd, name, most, &bytes, &length);
	if (r < 0)
		return r == -ENOENT ? r : fail(r, "read %s", name);
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, name, arena, &document);
	return r < 0 ? r : json_shape_read(&document.top, shape, arena, target);
}

static void be_empty(const char **text)
{
	if (!*text)
		*text = "";
}

static void fill_gaps(struct instance *instance)
{
	be_empty(&instance->image_id);
	be_empty(&instance->image_name);
	be_empty(&instance->rootfs);
	be_empty(&instance->pod);
	be_empty(&instance->runtime);
	be_empty(&instance->pidfile);
	be_empty(&instance->cidfile);
	be_empty(&instance->state.started_at);
	be_empty(&instance->state.finished_at);
	be_empty(&instance->state.error);
	be_empty(&instance->state.restart_at);
	if (!instance->isolation)
		instance->isolation = "container";
	if (!instance->stop_signal)
		instance->stop_signal = "SIGTERM";
}

/* The monitor is the parent of the first process, as long as both live. */
static void find_monitor(struct instance_state *state)
{
	char path[64], name[32], stat[512];
	struct process_id monitor;
	int parent;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)state->pid);
	if (fs_read_small(AT_FDCWD, path, stat, sizeof(stat)) < 0)
		return;
	const char *fields = strrchr(stat, ')'); /* behind the name, which may hold anything */
	if (!fields || sscanf(fields, ") %*c %d", &parent) != 1)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", parent);
	if (fs_read_small(AT_FDCWD, path, name, sizeof(name)) < 0 ||
		!text_equal(name, "rung-monitor\n") || process_identify(parent, &monitor) < 0)
		return;
	state->monitor_pid = monitor.pid;
	state->monitor_start = monitor.start_time;
}

/*
 * A disk may have lost state.json, which is not synced, and a person may have spoilt it. That is no
 * reason to forget the container, whose files are there: the rung's record knows its process, and
 * without one it has ended. What is written next is whole again.
 */
static void recover_state(struct instance *instance)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	instance->state = (struct instance_state){.status = INSTANCE_EXITED,
		.exit_code = UNKNOWN_EXIT,
		.error = "what became of it was lost with its state.json"};
	error_clear();
	if (container_load(instance->record_root, instance->id, &record) == 0 &&
		record.init.pid > 0) {
		instance->state.status = INSTANCE_RUNNING;
		instance->state.pid = record.init.pid;
		instance->state.pid_start = record.init.start_time;
		find_monitor(&instance->state);
	}
	error_clear();
}

int instance_read(const char *id, struct arena *arena, struct instance *ret_instance)
{
	struct instance instance = {.id = id};
	instance_place(&instance, arena);
	autoclose int fd = open(instance.directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(-errno, "container %s", id);
	int r = read_document(fd, "config.json", CONFIG_MAX, &config_shape, arena, &instance);
	if (r < 0)
		return r == -ENOENT ? r : wrap(r, "container %s", id);
	r = read_document(fd, "state.json", STATE_MAX, &state_shape, arena, &instance.state);
	if (r < 0)
		recover_state(&instance);
	fill_gaps(&instance);
	*ret_instance = instance;
	return 0;
}

int instance_lock(const struct instance *instance)
{
	for (;;) {
		autoclose int fd =
			open(instance->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? -ENOENT : fail(-errno, "lock %s", instance->name);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return fail(-errno, "lock container %s", instance->name);
		/* A removal gives the directory another name first. */
		struct stat locked, named;
		if (fstat(fd, &locked) == 0 && stat(instance->directory, &named) == 0 &&
			locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
			return take_fd(fd);
	}
}
