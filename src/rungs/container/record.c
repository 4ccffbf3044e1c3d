// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/record.h"

#include "base/error.h"
#include "base/fs.h"
#include "plan/json.h"
#include "plan/oci.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RECORD_MAX (1u << 20)

static const char *const status_names[] = {
	[CONTAINER_CREATING] = "creating",
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_STOPPED] = "stopped",
};

const char *container_status_name(enum container_status status)
{
	return status_names[status];
}

void container_record_fini(struct container_record *record)
{
	close_now(record->directory_fd);
	arena_fini(&record->arena);
}

/* ---- ids and directories ------------------------------------------------------ */

int container_check_id(const char *id)
{
	size_t length = strlen(id);
	bool good = length > 0 && length <= 1024 && id[0] != '.';
	for (const char *c = id; good && *c; c++)
		good = isalnum((unsigned char)*c) || strchr("_+.-", *c);
	if (good)
		return 0;
	autofini(text_fini) struct text quoted = {};
	text_json_string(&quoted, id);
	int r = refuse(-EINVAL, "container id %.80s is not valid", text_get(&quoted));
	hint("an id has 1 to 1024 letters, digits, '_', '+', '.', '-' and does not begin with '.'");
	return r;
}

int container_open_state(const char *state_root, bool create)
{
	int fd = open(state_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !create)
		return errno == ENOENT ? -ENOENT : fail(-errno, "state directory %s", state_root);
	int r = fs_make_dirs(state_root, 0700);
	if (r < 0)
		return wrap(r, "state directory");
	fd = open(state_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "state directory %s", state_root) : fd;
}

int container_claim(int state_fd, const char *id)
{
	if (mkdirat(state_fd, id, 0700) < 0) {
		if (errno != EEXIST)
			return fail(-errno, "create the state directory of %s", id);
		int r = refuse(-EEXIST, "container with id %s already exists", id);
		hint("choose another id, or remove it: rung oci delete --force %s", id);
		return r;
	}
	autoclose int fd = openat(state_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = fail(-errno, "lock the state directory of %s", id);
		(void)unlinkat(state_fd, id, AT_REMOVEDIR);
		return r;
	}
	return take_fd(fd);
}

/* ---- writing -------------------------------------------------------------------- */

static void write_annotations(const struct container_record *record, struct text *out)
{
	text_add(out, "{");
	for (size_t i = 0; i < record->annotation_count; i++) {
		text_add(out, i ? "," : "");
		text_json_string(out, record->annotations[i].key);
		text_add(out, ":");
		text_json_string(out, record->annotations[i].value);
	}
	text_add(out, "}");
}

static void write_member(struct text *out, const char *key, const char *value)
{
	text_format(out, ",\"%s\":", key);
	text_json_string(out, value);
}

void container_record_tell(const struct container_record *record, struct text *out)
{
	text_add(out, "{\"id\":");
	text_json_string(out, record->id);
	write_member(out, "ociVersion", record->oci_version);
	write_member(out, "bundle", record->bundle);
	write_member(out, "rootfs", record->root_path);
	write_member(out, "created", record->created);
	text_format(out, ",\"owner\":%u,\"namespaces\":%u,\"userNamespace\":%s",
		(unsigned)record->owner, record->namespaces,
		record->own_user_namespace ? "true" : "false");
	if (record->runtime)
		write_member(out, "runtime", record->runtime);
	if (record->may_trace)
		text_add(out, ",\"mayTrace\":true");
	if (record->after_start)
		text_add(out, ",\"afterStart\":true");
	if (record->after_end)
		text_add(out, ",\"afterEnd\":true");
	text_add(out, ",\"annotations\":");
	write_annotations(record, out);
	text_add(out, ",\"cgroup\":");
	cgroup_location_write(&record->cgroup, out);
	text_add(out, "}\n");
}

int container_record_write(int directory_fd, const struct text *told)
{
	return fs_replace(directory_fd, "record.json", text_get(told), told->length, 0600);
}

int container_record_init(int directory_fd, const struct process_id *init)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%d %llu\n", (int)init->pid,
		(unsigned long long)init->start_time);
	int r = fs_create(directory_fd, "init", line, (size_t)length, 0600);
	if (r != -EEXIST)
		return r;
	error_clear(); /* restored */
	return fs_replace(directory_fd, "init", line, (size_t)length, 0600);
}

/* ---- reading -------------------------------------------------------------------- */

static int read_text(const struct json *object, const char *key, const char **ret_value)
{
	struct json member;
	if (!json_find(object, key, &member))
		return json_refuse_member(object, key, "missing");
	return json_string(&member, ret_value);
}

static int read_number(const struct json *object, const char *key, uint64_t *ret_value)
{
	struct json member;
	if (!json_find(object, key, &member))
		return json_refuse_member(object, key, "missing");
	return json_unsigned(&member, 0, UINT32_MAX, ret_value);
}

static int read_annotations(const struct json *object, struct container_record *record)
{
	struct json map;
	if (!json_find(object, "annotations", &map))
		return 0;
	int r = json_expect(&map, JSON_OBJECT);
	if (r < 0)
		return r;
	record->annotations = arena_new(&record->arena, struct plan_key_value, map.value->length);
	for (const struct json_value *child = map.value->first; child; child = child->next) {
		struct json at = json_child(&map, child, record->annotation_count);
		struct plan_key_value *pair = &record->annotations[record->annotation_count++];
		pair->key = child->key;
		r = json_string(&at, &pair->value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_flag(const struct json *object, const char *key, bool *flag)
{
	struct json member;
	return json_find(object, key, &member) ? json_boolean(&member, flag) : 0;
}

static int read_members(const struct json *top, struct container_record *record)
{
	uint64_t owner = 0, namespaces = 0;
	int r = json_expect(top, JSON_OBJECT);
	if (r == 0)
		r = read_text(top, "id", &record->id);
	if (r == 0)
		r = read_text(top, "ociVersion", &record->oci_version);
	if (r == 0)
		r = read_text(top, "bundle", &record->bundle);
	if (r == 0)
		r = read_text(top, "rootfs", &record->root_path);
	if (r == 0)
		r = read_text(top, "created", &record->created);
	if (r == 0)
		r = read_number(top, "owner", &owner);
	if (r == 0)
		r = read_number(top, "namespaces", &namespaces);
	if (r == 0)
		r = read_annotations(top, record);
	if (r < 0)
		return r;
	struct json runtime;
	if (json_find(top, "runtime", &runtime))
		r = json_string(&runtime, &record->runtime);
	if (r < 0)
		return r;
	record->owner = (uid_t)owner;
	record->namespaces = (unsigned)namespaces;
	r = read_flag(top, "userNamespace", &record->own_user_namespace);
	if (r == 0)
		r = read_flag(top, "mayTrace", &record->may_trace);
	if (r == 0)
		r = read_flag(top, "afterStart", &record->after_start);
	if (r == 0)
		r = read_flag(top, "afterEnd", &record->after_end);
	struct json cgroup;
	if (r == 0 && !json_find(top, "cgroup", &cgroup))
		r = json_refuse_member(top, "cgroup", "missing");
	return r < 0 ? r : cgroup_location_read(&cgroup, &record->arena, &record->cgroup);
}

static int read_record(struct container_record *record)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(record->directory_fd, "record.json", RECORD_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "read record.json");
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, "record.json", &record->arena, &document);
	return r < 0 ? r : read_members(&document.top, record);
}

/* Without its line feed it is still being written, or its writer was killed: not there. */
static void read_init(struct container_record *record)
{
	char bytes[128];
	if (fs_read_small(record->directory_fd, "init", bytes, sizeof(bytes)) < 0)
		return;
	int pid;
	unsigned long long start_time;
	if (strchr(bytes, '\n') && sscanf(bytes, "%d %llu", &pid, &start_time) == 2 && pid > 0)
		record->init = (struct process_id){.pid = pid, .start_time = start_time};
}

static int does_not_exist(const char *id)
{
	return refuse(-ENOENT, "container \"%s\" does not exist", id);
}

int container_load(const char *state_root, const char *id, struct container_record *ret_record)
{
	int r = container_check_id(id);
	if (r < 0)
		return r;
	autoclose int state = container_open_state(state_root, false);
	if (state < 0)
		return state == -ENOENT ? does_not_exist(id) : state;
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	record.directory_fd = openat(state, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (record.directory_fd < 0)
		return errno == ENOENT ? does_not_exist(id)
				       : fail(-errno, "state of container %s", id);
	r = read_record(&record);
	if (r == -ENOENT) {
		/* Claimed a moment ago, or left by a crash right after the claim. */
		error_clear();
		record.id = arena_strdup(&record.arena, id);
		record.oci_version = record.bundle = record.root_path = record.created = "";
	} else if (r < 0) {
		return wrap(r, "state of container %s", id);
	}
	read_init(&record);
	*ret_record = record;
	record = (struct container_record){.directory_fd = -1};
	return 0;
}

int container_load_plan(const struct container_record *record, struct plan *ret_plan)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(record->directory_fd, "config.json", PLAN_JSON_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "configuration of container %s", record->id);
	return plan_read(bytes, length, "config.json", record->bundle, ret_plan);
}

/* ---- status --------------------------------------------------------------------- */

static bool being_created(const struct container_record *record)
{
	if (flock(record->directory_fd, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(record->directory_fd, LOCK_UN);
	return false;
}

int container_connect_to_start(const struct container_record *record)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/start.going",
		fd_path(record->directory_fd).text);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}

/* A start is on its way, or was killed: then the first process tells by whether it listens. */
static bool still_waits(const struct container_record *record)
{
	if (flock(record->directory_fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(record->directory_fd, LOCK_UN);
	autoclose int fd = container_connect_to_start(record);
	return fd >= 0;
}

enum container_status container_status(const struct container_record *record)
{
	if (record->init.pid == 0)
		return being_created(record) ? CONTAINER_CREATING : CONTAINER_STOPPED;
	if (!process_alive(&record->init))
		return CONTAINER_STOPPED;
	if (faccessat(record->directory_fd, "start.pending", F_OK, 0) == 0)
		return CONTAINER_CREATING;
	if (faccessat(record->directory_fd, "start.sock", F_OK, 0) == 0)
		return CONTAINER_CREATED;
	if (faccessat(record->directory_fd, "start.going", F_OK, 0) == 0 && still_waits(record))
		return CONTAINER_CREATED;
	return cgroup_is_frozen(&record->cgroup) > 0 ? CONTAINER_PAUSED : CONTAINER_RUNNING;
}

void container_state_write(const struct container_record *record, enum container_status status,
	pid_t pid, bool for_hooks, struct text *out)
{
	const char *separator = for_hooks ? "" : "\n  ";
	text_format(out, "{%s\"ociVersion\":%s", separator, for_hooks ? "" : " ");
	text_json_string(out, text_empty(record->oci_version) ? "1.0.0" : record->oci_version);
	text_format(out, ",%s\"id\":%s", separator, for_hooks ? "" : " ");
	text_json_string(out, record->id);
	text_format(out, ",%s\"pid\":%s%d", separator, for_hooks ? "" : " ", (int)pid);
	text_format(out, ",%s\"status\":%s\"%s\"", separator, for_hooks ? "" : " ",
		container_status_name(status));
	text_format(out, ",%s\"bundle\":%s", separator, for_hooks ? "" : " ");
	text_json_string(out, record->bundle);
	if (!for_hooks) {
		text_format(out, ",%s\"rootfs\": ", separator);
		text_json_string(out, record->root_path);
		text_format(out, ",%s\"created\": ", separator);
		text_json_string(out, record->created);
		text_format(out, ",%s\"owner\": \"%u\"", separator, (unsigned)record->owner);
	}
	if (record->annotation_count) {
		text_format(out, ",%s\"annotations\":%s", separator, for_hooks ? "" : " ");
		write_annotations(record, out);
	}
	text_add(out, for_hooks ? "}" : "\n}\n");
}

/* ---- all of them ------------------------------------------------------------------ */

int container_record_remove(const char *state_root, const char *id)
{
	autoclose int state = container_open_state(state_root, false);
	if (state < 0)
		return state == -ENOENT ? 0 : state;
	int r = fs_remove_tree(state, id);
	return r < 0 ? wrap(r, "state of container %s", id) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int container_list(const char *state_root, struct arena *arena, struct strings *ret_ids)
{
	int state = container_open_state(state_root, false);
	if (state == -ENOENT) {
		*ret_ids = (struct strings){.items = arena_new(arena, const char *, 1)};
		return 0;
	}
	if (state < 0)
		return state;
	DIR *directory = fdopendir(state);
	if (!directory) {
		scope_close(&state);
		return fail(-errno, "list %s", state_root);
	}
	size_t room = 64, count = 0;
	const char **ids = arena_new(arena, const char *, room);
	struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
			(entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		if (count + 1 == room) {
			const char **more = arena_new(arena, const char *, room * 2);
			memcpy(more, ids, count * sizeof(*ids));
			ids = more;
			room *= 2;
		}
		ids[count++] = arena_strdup(arena, entry->d_name);
	}
	(void)closedir(directory);
	qsort(ids, count, sizeof(*ids), by_name);
	*ret_ids = (struct strings){ids, count};
	return 0;
}

static void regex_fini(regex_t *regex)
{
	regfree(regex);
}

int container_list_matching(const char *state_root, const char *expression, struct arena *arena,
	struct strings *ret_ids)
{
	autofini(regex_fini) regex_t regex = {};
	int problem = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);
	if (problem) {
		char why[128];
		(void)regerror(problem, &regex, why, sizeof(why));
		return refuse(-EINVAL, "regular expression \"%s\": %s", expression, why);
	}
	struct strings all;
	int r = container_list(state_root, arena, &all);
	if (r < 0)
		return r;
	struct strings matching = {.items = arena_new(arena, const char *, all.count + 1)};
	for (size_t i = 0; i < all.count; i++)
		if (regexec(&regex, all.items[i], 0, NULL, 0) == 0)
			matching.items[matching.count++] = all.items[i];
	*ret_ids = matching;
	return 0;
}
