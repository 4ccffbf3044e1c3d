// SPDX-License-Identifier: Apache-2.0

/*
 * Starts rung-layer and reads its report; see layer.h for what it is asked for, and
 * src/programs/layer/report.h for the lines that come back.
 *
 * Descriptors get fixed numbers in the program; its words name them. For an ordinary user a user
 * namespace is made here (newuidmap(1) must not be confined) and joined there.
 */

#include "engine/store/layer.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/places.h"
#include "base/process.h"
#include "engine/container/idmap.h"
#include "plan/json.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define REPORT_MAX ((size_t)64 << 20) /* a line for each member of an archive of images */
#define FIRST_FD 3

/* A command line being put together. */
struct order {
	struct arena arena;
	const char *words[600];
	size_t count;
	struct process_fd fds[12];
	size_t fd_count;
	int user_namespace_fd; /* made here; -1 */
};

static void order_fini(struct order *order)
{
	close_now(order->user_namespace_fd);
	arena_fini(&order->arena);
}

static void add_word(struct order *order, const char *option, const char *value)
{
	if (!value || order->count + 3 > array_length(order->words))
		return;
	order->words[order->count++] = option;
	order->words[order->count++] = value;
}

static void add_number(struct order *order, const char *option, long long value)
{
	add_word(order, option, arena_format(&order->arena, "%lld", value));
}

static void add_flag(struct order *order, const char *option, bool set)
{
	if (set)
		order->words[order->count++] = option;
}

static void add_fd(struct order *order, const char *option, int fd)
{
	if (fd < 0)
		return;
	int its = FIRST_FD + (int)order->fd_count;
	order->fds[order->fd_count++] = (struct process_fd){.ours = fd, .its = its};
	add_number(order, option, its);
}

static int add_excluded(struct order *order, const char *const *paths)
{
	for (size_t count = 0; paths && paths[count]; count++) {
		if (count == 255)
			return refuse(-E2BIG, "more than 255 paths to leave out");
		add_word(order, "--exclude", paths[count]);
	}
	return 0;
}

static void add_compression(struct order *order, enum layer_compression compression, int level)
{
	static const char *const words[] = {"none", "gzip", "zstd"};
	add_word(order, "--compression", words[compression]);
	if (level > 0)
		add_number(order, "--level", level);
}

/* The ids under which an ordinary user's trees are kept. */
static int add_own_ids(struct order *order)
{
	struct plan_id_maps uids, gids;
	run_map_ids(&order->arena, &uids, &gids);
	order->user_namespace_fd = userns_open(&uids, &gids);
	if (order->user_namespace_fd < 0)
		return order->user_namespace_fd;
	add_fd(order, "--user-namespace", order->user_namespace_fd);
	add_flag(order, "--no-owners", uids.count == 1 && uids.items[0].size == 1);
	return 0;
}

static int begin(struct order *order, const char *verb, int user_namespace_fd)
{
	*order = (struct order){.user_namespace_fd = -1};
	const char *program = programs_find("rung-layer", &order->arena);
	if (!program) {
		int r = refuse(-ENOENT, "rung-layer is neither beside rung nor installed");
		hint("install it into ../libexec/rung of where rung is");
		return r;
	}
	order->words[order->count++] = program;
	order->words[order->count++] = verb;
	if (user_namespace_fd > 0) {
		add_fd(order, "--user-namespace", user_namespace_fd);
		return 0;
	}
	return geteuid() == 0 ? 0 : add_own_ids(order);
}

static int start(struct order *order, struct layer_job *ret_job)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "pipe");
	autoclose int reading = ends[0], writing = ends[1];
	add_fd(order, "--report", writing);
	order->words[order->count] = NULL;
	struct process_spawn spawn = {
		.program = order->words[0],
		.arguments = order->words,
		.fds = order->fds,
		.fd_count = order->fd_count,
	};
	struct process_child child;
	int r = process_start(&spawn, &child);
	if (r < 0)
		return r;
	*ret_job = (struct layer_job){
		.pid = child.pid, .pidfd = child.pidfd, .report_fd = take_fd(reading)};
	return 0;
}

void layer_job_fini(struct layer_job *job)
{
	if (job->pid <= 0)
		return;
	int status;
	(void)kernel_pidfd_send_signal(job->pidfd, SIGKILL);
	(void)process_reap(job->pidfd, &status);
	close_now(job->pidfd);
	close_now(job->report_fd);
	job->pid = 0;
}

/* ---- the report ----------------------------------------------------------------------------- */

static void copy_string(const struct json *object, const char *key, char *into, size_t room)
{
	struct json member;
	const char *text;
	if (json_find(object, key, &member) && json_string(&member, &text) == 0)
		(void)snprintf(into, room, "%s", text);
}

static uint64_t number(const struct json *object, const char *key)
{
	struct json member;
	uint64_t value = 0;
	if (json_find(object, key, &member))
		(void)!json_unsigned(&member, 0, UINT64_MAX, &value);
	return value;
}

static struct layer_report read_facts(const struct json *line)
{
	struct layer_report report = {
		.size = number(line, "size"),
		.unpacked_size = number(line, "unpackedSize"),
		.content_size = number(line, "contentSize"),
		.entries = number(line, "entries"),
		.skipped = number(line, "skipped"),
	};
	copy_string(line, "digest", report.digest, sizeof(report.digest));
	copy_string(line, "diffID", report.diff_id, sizeof(report.diff_id));
	copy_string(line, "note", report.note, sizeof(report.note));
	return report;
}

/* The last line: what was done, or why it was not. */
static int read_end(const struct json *line, struct layer_report *ret_report)
{
	struct json error;
	if (json_find(line, "error", &error)) {
		char text[ERROR_TEXT_MAX] = "", advice[512] = "";
		copy_string(line, "error", text, sizeof(text));
		copy_string(line, "hint", advice, sizeof(advice));
		uint64_t value = number(line, "errno");
		return error_adopt(value > 0 && value < 4096 ? -(int)value : -EIO, text, advice);
	}
	if (ret_report)
		*ret_report = read_facts(line);
	return 0;
}

static int died(int status)
{
	if (WIFSIGNALED(status))
		return refuse(-EIO, "rung-layer was ended by signal %d", WTERMSIG(status));
	return refuse(
		-EIO, "rung-layer ended with status %d and without a word", WEXITSTATUS(status));
}

/* What is done with each line but the last. */
typedef void take_member(void *context, const struct json *line);

static int read_lines(char *text, int status, take_member *take_line, void *context,
	struct layer_report *ret_report)
{
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n")) && rest) {
		autofini(arena_fini) struct arena strings = {};
		autofini(json_document_fini) struct json_document document = {};
		if (json_parse(line, strlen(line), "rung-layer", &strings, &document) < 0) {
			error_clear();
			return died(status);
		}
		struct json member;
		if (!json_find(&document.top, "member", &member))
			return read_end(&document.top, ret_report);
		if (take_line)
			take_line(context, &document.top);
	}
	return died(status);
}

static int finish(struct layer_job *job, take_member *take_line, void *context,
	struct layer_report *ret_report)
{
	autofree char *text = NULL;
	int status = 0;
	int r = fs_read_fd(job->report_fd, REPORT_MAX, &text, NULL);
	if (r == 0)
		r = process_reap(job->pidfd, &status);
	if (r < 0) {
		layer_job_fini(job);
		return fail(r, "report of rung-layer");
	}
	close_now(job->pidfd);
	close_now(job->report_fd);
	job->pid = 0;
	return read_lines(text, status, take_line, context, ret_report);
}

/* ---- what can be asked ---------------------------------------------------------------------- */

static const char *overlay_attributes(void)
{
	return run_is_host_root() ? "trusted.overlay." : "user.overlay.";
}

int layer_unpack_start(const struct layer_unpack *unpack, struct layer_job *ret_job)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, "unpack", -1);
	if (r < 0)
		return r;
	add_fd(&order, "--input", unpack->input_fd);
	add_fd(&order, "--blob", unpack->blob_fd);
	add_fd(&order, "--tree", unpack->tree_fd);
	add_word(&order, "--overlay", overlay_attributes());
	add_word(&order, "--digest", unpack->digest);
	add_word(&order, "--diff-id", unpack->diff_id);
	if (unpack->size > 0)
		add_number(&order, "--size", (long long)unpack->size);
	return start(&order, ret_job);
}

int layer_unpack_wait(struct layer_job *job, struct layer_report *ret_report)
{
	return finish(job, NULL, NULL, ret_report);
}

int layer_unpack(const struct layer_unpack *unpack, struct layer_report *ret_report)
{
	struct layer_job job;
	int r = layer_unpack_start(unpack, &job);
	return r < 0 ? r : layer_unpack_wait(&job, ret_report);
}

int layer_compression_from(const char *word, enum layer_compression *ret)
{
	static const char *const words[] = {"none", "gzip", "zstd"};
	for (unsigned i = 0; i < array_length(words); i++)
		if (text_equal(word, words[i])) {
			*ret = (enum layer_compression)i;
			return 0;
		}
	return -EINVAL;
}

const char *layer_media_type(enum layer_compression compression)
{
	static const char *const types[] = {
		"application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd",
	};
	return types[compression];
}

int layer_pack_start(const struct layer_pack *pack, struct layer_job *ret_job)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, "pack", -1);
	if (r < 0)
		return r;
	add_fd(&order, "--tree", pack->tree_fd);
	add_fd(&order, "--output", pack->output_fd);
	add_word(&order, "--overlay", pack->changes ? overlay_attributes() : NULL);
	add_compression(&order, pack->compression, pack->level);
	if (pack->has_latest_time)
		add_number(&order, "--latest-time", pack->latest_time);
	r = add_excluded(&order, pack->exclude);
	return r < 0 ? r : start(&order, ret_job);
}

int layer_pack_wait(struct layer_job *job, struct layer_report *ret_report)
{
	return finish(job, NULL, NULL, ret_report);
}

int layer_pack(const struct layer_pack *pack, struct layer_report *ret_report)
{
	struct layer_job job;
	int r = layer_pack_start(pack, &job);
	return r < 0 ? r : layer_pack_wait(&job, ret_report);
}

/* Only bytes: nobody's ids matter, but the confinement is the same. */
static int recode(const char *verb, int input_fd, int output_fd,
	const enum layer_compression *compression, int level, struct layer_report *ret_report)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, verb, -1);
	if (r < 0)
		return r;
	add_fd(&order, "--input", input_fd);
	add_fd(&order, "--output", output_fd);
	if (compression)
		add_compression(&order, *compression, level);
	struct layer_job job;
	r = start(&order, &job);
	return r < 0 ? r : finish(&job, NULL, NULL, ret_report);
}

int layer_decode(int input_fd, int output_fd, struct layer_report *ret_report)
{
	return recode("decode", input_fd, output_fd, NULL, 0, ret_report);
}

int layer_encode(int input_fd, int output_fd, enum layer_compression compression, int level,
	struct layer_report *ret_report)
{
	return recode("encode", input_fd, output_fd, &compression, level, ret_report);
}

int layer_extract_start(const struct layer_extract *extract, struct layer_job *ret_job)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, "extract", extract->user_namespace_fd);
	if (r < 0)
		return r;
	add_fd(&order, "--input", extract->input_fd);
	add_fd(&order, "--tree", extract->tree_fd);
	add_word(&order, "--directory", extract->directory);
	add_flag(&order, "--keep-kinds", extract->keep_kinds);
	if (extract->has_owner)
		add_word(&order, "--owner",
			arena_format(&order.arena, "%u:%u", (unsigned)extract->uid,
				(unsigned)extract->gid));
	if (extract->strip > 0)
		add_number(&order, "--strip", extract->strip);
	return start(&order, ret_job);
}

int layer_extract_wait(struct layer_job *job, struct layer_report *ret_report)
{
	return finish(job, NULL, NULL, ret_report);
}

int layer_extract(const struct layer_extract *extract, struct layer_report *ret_report)
{
	struct layer_job job;
	int r = layer_extract_start(extract, &job);
	return r < 0 ? r : layer_extract_wait(&job, ret_report);
}

int layer_archive_start(const struct layer_archive *archive, struct layer_job *ret_job)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, "archive", archive->user_namespace_fd);
	if (r < 0)
		return r;
	add_fd(&order, "--tree", archive->tree_fd);
	add_fd(&order, "--output", archive->output_fd);
	add_word(&order, "--path", archive->path);
	add_word(&order, "--name", archive->name);
	add_flag(&order, "--follow", archive->follow);
	add_compression(&order, archive->compression, archive->level);
	r = add_excluded(&order, archive->exclude);
	return r < 0 ? r : start(&order, ret_job);
}

int layer_archive_wait(struct layer_job *job, struct layer_report *ret_report)
{
	return finish(job, NULL, NULL, ret_report);
}

int layer_archive(const struct layer_archive *archive, struct layer_report *ret_report)
{
	struct layer_job job;
	int r = layer_archive_start(archive, &job);
	return r < 0 ? r : layer_archive_wait(&job, ret_report);
}

/* ---- split --------------------------------------------------------------------------------- */

struct members {
	struct arena *arena;
	struct layer_member *items;
	size_t count, room;
};

static void take_one(void *context, const struct json *line)
{
	struct members *members = context;
	if (members->count == members->room) {
		size_t room = members->room ? members->room * 2 : 64;
		struct layer_member *items = arena_new(members->arena, struct layer_member, room);
		if (members->count > 0)
			memcpy(items, members->items, members->count * sizeof(*items));
		members->items = items;
		members->room = room;
	}
	char text[4][4200] = {};
	static const char *const keys[4] = {"member", "link", "file", "tree"};
	const char *copies[4];
	for (unsigned i = 0; i < 4; i++) {
		copy_string(line, keys[i], text[i], sizeof(text[i]));
		copies[i] = text[i][0] ? arena_strdup(members->arena, text[i]) : NULL;
	}
	members->items[members->count++] = (struct layer_member){
		.name = copies[0] ? copies[0] : "",
		.link = copies[1],
		.file = copies[2],
		.tree = copies[3],
		.report = read_facts(line),
	};
}

int layer_split(const struct layer_split *split, struct arena *arena,
	struct layer_member **ret_members, size_t *ret_count)
{
	autofini(order_fini) struct order order;
	int r = begin(&order, "split", -1);
	if (r < 0)
		return r;
	add_fd(&order, "--input", split->input_fd);
	add_fd(&order, "--members", split->members_fd);
	add_fd(&order, "--trees", split->trees_fd);
	add_word(&order, "--overlay", overlay_attributes());
	struct layer_job job;
	r = start(&order, &job);
	struct members members = {.arena = arena};
	if (r == 0)
		r = finish(&job, take_one, &members, NULL);
	if (r < 0)
		return r;
	*ret_members = members.items;
	*ret_count = members.count;
	return 0;
}

/* ---- removal ------------------------------------------------------------------------------- */

/* In a child, because one cannot come back from a user namespace. */
static int remove_in_namespace(int directory_fd, const char *name)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_id_maps uids, gids;
	run_map_ids(&arena, &uids, &gids);
	autoclose int userns = userns_open(&uids, &gids);
	if (userns < 0)
		return userns;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid < 0)
		return fail(pid, "fork");
	if (pid == 0) {
		bool in = setns(userns, CLONE_NEWUSER) == 0 && setresgid(0, 0, 0) == 0 &&
			  setresuid(0, 0, 0) == 0;
		_exit(!in || fs_remove_tree(directory_fd, name) < 0);
	}
	int status = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : refuse(-EPERM, "remove %s", name);
}

int layer_remove_tree(int directory_fd, const char *name)
{
	int r = fs_remove_tree(directory_fd, name);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0) {
		error_clear();
		r = remove_in_namespace(directory_fd, name);
	}
	return r;
}
