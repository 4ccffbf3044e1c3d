// SPDX-License-Identifier: Apache-2.0

/*
 * Two files for each sandbox that runs: ID.json, its record, and ID.enter, the socket of its PID 1.
 * They lie where everything is gone with the machine; those whose PID 1 is gone are removed by
 * whoever looks next. They lie side by side, for a directory of its own is what costs: on a disk
 * that is told of each block that falls free, removing one takes longer than all the mounts.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/sandbox/sandbox.h"
#include "plan/shape.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { RECORD_MAX = 1 << 20, YOUNG_S = 5 };

const char *const sandbox_writes_names[] = {"discard", "keep", "ask"};

/* clang-format off */
#define TYPE struct sandbox_record
static const struct json_field record_fields[] = {
	STRING("id", TYPE, id, .flags = REQUIRED),
	STRING("name", TYPE, name),
	SIGNED("pid", TYPE, pid, .flags = REQUIRED),
	UNSIGNED("startTime", TYPE, start_time, .flags = REQUIRED),
	STRING("started", TYPE, started),
	STRING("profile", TYPE, profile),
	STRING("writes", TYPE, writes),
	STRINGS("arguments", TYPE, arguments),
	STRINGS("permissions", TYPE, permissions),
};
static const struct json_shape record_shape = SHAPE(TYPE, record_fields);
#undef TYPE
/* clang-format on */

const char *sandbox_directory(const char *name, struct arena *arena)
{
	return arena_format(arena, "%s/sandbox/%s", places_data(arena), name);
}

/* ---- one that begins -------------------------------------------------------------------- */

static const char *random_id(struct arena *arena)
{
	unsigned char bytes[6] = {};
	while (getrandom(bytes, sizeof(bytes), 0) < 0 && errno == EINTR)
		;
	return arena_format(arena, "%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
		bytes[3], bytes[4], bytes[5]);
}

int sandbox_record_begin(struct arena *arena, const char **ret_id, const char **ret_path)
{
	const char *top = places_state("sandbox", arena);
	if (mkdir(top, 0700) < 0 && errno != EEXIST) {
		int r = fs_make_dirs(top, 0700);
		if (r < 0)
			return r;
	}
	*ret_id = random_id(arena);
	*ret_path = arena_format(arena, "%s/%s", top, *ret_id);
	return 0;
}

int sandbox_record_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s.enter", path);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return refuse(-ENAMETOOLONG, "%s is too long a path for a socket", path);
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 16) < 0)
		return fail(-errno, "listen on %s", address.sun_path);
	return take_fd(fd);
}

/* The file of that path, with the ending that it has in the directory. */
struct record_file {
	char path[4096];
};

static struct record_file file_of(const char *path, const char *ending)
{
	struct record_file file;
	(void)snprintf(file.path, sizeof(file.path), "%s%s", path, ending);
	return file;
}

int sandbox_record_write(const struct sandbox_record *record)
{
	autofini(text_fini) struct text text = {};
	struct json_writer writer = {.out = &text, .compact = true};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &record_shape, record);
	json_close(&writer);
	return fs_create(
		AT_FDCWD, file_of(record->path, ".json").path, text_get(&text), text.length, 0600);
}

void sandbox_record_end(const char *path, bool bare)
{
	static const char *const endings[] = {
		".enter", ".json", ".ask", ".xauthority", ".bus", ".system-bus"};
	for (size_t i = 0; i < (bare ? 2 : array_length(endings)); i++)
		(void)unlink(file_of(path, endings[i]).path);
}

/* ---- all of them -------------------------------------------------------------------------- */

/* A starter between its socket and its record is given a moment. */
static void sweep(const char *path)
{
	struct stat about;
	if (lstat(file_of(path, ".enter").path, &about) < 0 ||
		time(NULL) - about.st_ctime >= YOUNG_S)
		sandbox_record_end(path, false);
}

/* 0: it does not run, or not yet. */
static int load(const char *path, struct arena *arena, struct sandbox_record *ret_record)
{
	autofree char *bytes = NULL;
	size_t length = 0;
	struct sandbox_record record = {};
	autofini(json_document_fini) struct json_document document = {};
	int r = fs_read(AT_FDCWD, file_of(path, ".json").path, RECORD_MAX, &bytes, &length);
	if (r == 0)
		r = json_parse(bytes, length, "record.json", arena, &document);
	if (r == 0)
		r = json_shape_read(&document.top, &record_shape, arena, &record);
	error_clear();
	const struct process_id id = {(pid_t)record.pid, record.start_time};
	if (r < 0 || !process_alive(&id)) {
		sweep(path);
		return 0;
	}
	record.path = path;
	record.name = record.name ? record.name : "";
	record.profile = record.profile ? record.profile : "";
	record.writes = record.writes ? record.writes : "";
	record.started = record.started ? record.started : "";
	*ret_record = record;
	return 1;
}

static int compare(const void *a, const void *b)
{
	const struct sandbox_record *one = a, *other = b;
	int order = strcmp(one->started, other->started);
	return order ? order : strcmp(one->id, other->id);
}

int sandbox_list(struct arena *arena, struct sandbox_record **ret_records, size_t *ret_count)
{
	const char *top = places_state("sandbox", arena);
	DIR *directory = opendir(top);
	*ret_records = NULL;
	*ret_count = 0;
	if (!directory)
		return errno == ENOENT ? 0 : fail(-errno, "sandboxes in %s", top);
	size_t room = 0, count = 0;
	struct sandbox_record *records = NULL;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		/* The socket is there first, and without a record it may be a dead one's. */
		const char *ending = strchr(entry->d_name, '.');
		if (!text_equal(ending, ".enter"))
			continue;
		if (count == room) {
			struct sandbox_record *more =
				arena_new(arena, struct sandbox_record, room = 2 * room + 16);
			if (count)
				memcpy(more, records, count * sizeof(*more));
			records = more;
		}
		const char *path = arena_format(
			arena, "%s/%.*s", top, (int)(ending - entry->d_name), entry->d_name);
		count += (size_t)load(path, arena, &records[count]);
	}
	closedir(directory);
	if (count)
		qsort(records, count, sizeof(*records), compare);
	*ret_records = records;
	*ret_count = count;
	return 0;
}

int sandbox_find(const char *name, struct arena *arena, struct sandbox_record *ret_record)
{
	struct sandbox_record *records;
	size_t count;
	int r = sandbox_list(arena, &records, &count);
	if (r < 0)
		return r;
	const struct sandbox_record *found = NULL;
	for (size_t i = 0; i < count; i++) {
		if (text_equal(records[i].name, name) || text_equal(records[i].id, name)) {
			*ret_record = records[i];
			return 0;
		}
		if (name[0] && text_starts(records[i].id, name)) {
			if (found)
				return refuse(-EINVAL,
					"sandbox %s: more than one id begins with it", name);
			found = &records[i];
		}
	}
	if (!found) {
		r = refuse(-ENOENT, "no sandbox %s is running", name);
		hint("rung sandbox list shows those that do");
		return r;
	}
	*ret_record = *found;
	return 0;
}
