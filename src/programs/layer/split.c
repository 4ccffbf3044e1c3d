// SPDX-License-Identifier: Apache-2.0

/*
 * split: an archive of images (docker-archive, oci-archive) is taken apart while it comes in, once
 * and as a stream. Each of its files goes into the members' directory under a number; a file that
 * is an archive itself is unpacked at the same time, into a tree beside that number. Which of them
 * an image needs says a manifest that often comes last: the caller picks what it names.
 *
 *	intake ─▶ decode ─▶ main: members ─▶ file, hash
 *	                             └─raw──▶ decode ─▶ extraction
 *	                                             └▶ hash
 *
 * A file that looks like an archive and turns out to be none is a member without a tree: whoever
 * needs it as a layer will be told what is wrong when it is unpacked from its file.
 */

#include "base/arena.h"
#include "base/fs.h"
#include "extract.h"
#include "keep.h"
#include "layer.h"
#include "stages.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MEMBERS_MAX 100000u

/* The threads for one layer within the archive. */
struct inner {
	struct queue raw, plain, hashed;
	struct pool pool;
	struct block *block; /* being filled */
	struct decode decode;
	struct hashing hashing;
	struct stage stage; /* the extraction */
	struct extract_options options;
	struct report report;
	bool is_plain; /* not compressed: the diff ID is the digest, and is made once */
	char name[32]; /* of the directory for the tree */
	int tree_fd;
};

struct splitter {
	const struct layer_command *command;
	struct report *report;
	struct tar_reader reader;
	uint64_t count;
};

static void *extract_run(void *context)
{
	struct inner *inner = context;
	struct queue_source from = {.queue = &inner->plain};
	struct tar_source source = queue_source(&from);
	stage_end(&inner->stage, extract(&source, &inner->options, &inner->report));
	queue_source_drain(&from);
	return NULL;
}

/* ---- a layer within -------------------------------------------------------------------------- */

static int make_tree(struct inner *inner, int trees_fd)
{
	inner->tree_fd = -1;
	if (trees_fd < 0)
		return 0;
	if (mkdirat(trees_fd, inner->name, 0700) < 0)
		return fail(-errno, "create directory %s", inner->name);
	char path[48];
	(void)snprintf(path, sizeof(path), "%s/tree", inner->name);
	if (mkdirat(trees_fd, path, 0755) < 0)
		return fail(-errno, "create directory %s", path);
	inner->tree_fd = openat(trees_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return inner->tree_fd < 0 ? fail(-errno, "open %s", path) : 0;
}

static int inner_start(const struct layer_command *command, const char *name, struct inner **ret)
{
	struct inner *inner = calloc(1, sizeof(*inner));
	if (!inner)
		memory_exhausted();
	(void)snprintf(inner->name, sizeof(inner->name), "%s", name);
	int r = make_tree(inner, command->trees);
	if (r < 0) {
		free(inner);
		return r;
	}
	inner->raw = inner->plain = inner->hashed = (struct queue)QUEUE_INIT;
	inner->pool = inner->decode.pool = (struct pool)POOL_INIT;
	inner->decode.raw = &inner->raw;
	inner->decode.plain[0] = &inner->hashed;
	inner->decode.plain[1] = inner->tree_fd >= 0 ? &inner->plain : NULL;
	inner->hashing.plain = &inner->hashed;
	inner->options = (struct extract_options){.tree_fd = inner->tree_fd,
		.overlay = command->overlay,
		.no_owners = command->no_owners,
		.entries_max = command->entries_max,
		.bytes_max = command->bytes_max};
	decode_start(&inner->decode);
	hashing_start(&inner->hashing);
	if (inner->tree_fd >= 0)
		stage_start(&inner->stage, extract_run, inner);
	*ret = inner;
	return 0;
}

static void inner_hand_on(struct inner *inner)
{
	if (inner->block)
		queue_put(&inner->raw, take(inner->block));
}

static void inner_add(struct inner *inner, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		if (!inner->block)
			inner->block = block_new(&inner->pool);
		size_t room = BLOCK_BYTES - inner->block->length;
		size_t step = length < room ? length : room;
		memcpy(inner->block->bytes + inner->block->length, bytes, step);
		inner->block->length += step;
		bytes += step;
		length -= step;
		if (inner->block->length == BLOCK_BYTES)
			inner_hand_on(inner);
	}
}

/* 1: it was a layer, its facts are in *report; 0: it was none. */
static int inner_finish(struct inner *inner, const struct layer_command *command,
	struct report *report, char digest[static DIGEST_SIZE])
{
	inner_hand_on(inner);
	queue_end(&inner->raw);
	int decoded = stage_join(&inner->decode.stage);
	int r = stage_join(&inner->stage);
	r = decoded < 0 ? decoded : r;
	(void)!stage_join(&inner->hashing.stage);
	*report = inner->report;
	memcpy(report->diff_id, inner->hashing.digest, DIGEST_SIZE);
	report->unpacked_size = inner->decode.size;
	if (inner->is_plain)
		memcpy(digest, inner->hashing.digest, DIGEST_SIZE);
	close_now(inner->tree_fd);
	pool_fini(&inner->pool);
	pool_fini(&inner->decode.pool);
	if (r == -EBADMSG) {
		error_clear();
		*report = (struct report){};
		r = command->trees < 0 ? 0 : fs_remove_tree(command->trees, inner->name);
	} else if (r == 0)
		r = 1;
	free(inner);
	return r;
}

/* ---- members ------------------------------------------------------------------------------- */

static bool is_compressed(const unsigned char *bytes, size_t length)
{
	return length >= 4 && !(length >= TAR_BLOCK && tar_looks_like_header(bytes)) &&
	       (memcmp(bytes, "\x1f\x8b\x08", 3) == 0 || memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* An archive, compressed or not; the empty one is nothing but zeros. */
static bool looks_like_layer(const unsigned char *bytes, size_t length, uint64_t size)
{
	if (is_compressed(bytes, length))
		return true;
	if (length < TAR_BLOCK)
		return false;
	static const unsigned char zeros[TAR_BLOCK];
	bool empty = size >= 1024 && size <= 10240 && size % TAR_BLOCK == 0 &&
		     memcmp(bytes, zeros, TAR_BLOCK) == 0;
	return empty || tar_looks_like_header(bytes);
}

static void tell(const struct splitter *splitter, const char *path, const char *link,
	const char *file, bool has_tree, const struct report *report)
{
	autofini(text_fini) struct text line = {};
	text_add(&line, "{\"member\":");
	text_json_string(&line, path);
	if (link) {
		text_add(&line, ",\"link\":");
		text_json_string(&line, link);
	} else
		text_format(&line, ",\"file\":\"%s\"", file);
	if (has_tree)
		text_format(&line, ",\"tree\":\"%s/tree\"", file);
	text_add(&line, ",");
	report_add(&line, report);
	text_add(&line, "}");
	report_line(splitter->command->report, text_get(&line));
}

/* The file's bytes, to the disk and to the threads of @*inner, which is made if they are a layer.
 */
static int copy_member(struct splitter *splitter, const struct tar_entry *entry, const char *file,
	int fd, char ret_digest[static DIGEST_SIZE], struct inner **inner)
{
	struct keep keep = {fd, 0, 0};
	struct hash hash;
	hash_init(&hash);
	int r = 0;
	for (bool first = true; r == 0; first = false) {
		const unsigned char *bytes;
		size_t length;
		r = tar_data(&splitter->reader, &bytes, &length);
		if (r < 0 || length == 0)
			break;
		if (first && looks_like_layer(bytes, length, entry->size))
			r = inner_start(splitter->command, file, inner);
		if (r == 0 && first && *inner)
			(*inner)->is_plain = !is_compressed(bytes, length);
		if (r == 0 && *inner)
			inner_add(*inner, bytes, length);
		if (!*inner || !(*inner)->is_plain)
			hash_add(&hash, bytes, length);
		if (r == 0 && (r = keep_add(&keep, bytes, length)) < 0)
			r = fail(r, "write member %s", report_show(entry->path).text);
	}
	hash_end(&hash, ret_digest);
	return r;
}

static int split_file(struct splitter *splitter, const struct tar_entry *entry, const char *path)
{
	if (entry->sparse)
		return refuse(-EBADMSG, "%s: a sparse file in an archive of images",
			report_show(entry->path).text);
	char file[32], digest[DIGEST_SIZE];
	(void)snprintf(file, sizeof(file), "%llu", (unsigned long long)splitter->count++);
	autoclose int fd = openat(splitter->command->members, file,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(-errno, "create member %s", file);
	struct inner *inner = NULL;
	struct report facts = {};
	int r = copy_member(splitter, entry, file, fd, digest, &inner);
	if (r < 0)
		return r; /* the process ends, and its threads with it */
	if (inner)
		r = inner_finish(inner, splitter->command, &facts, digest);
	if (r < 0)
		return wrap(r, "%s", report_show(entry->path).text);
	memcpy(facts.digest, digest, DIGEST_SIZE);
	facts.size = entry->size;
	tell(splitter, path, NULL, file, r > 0 && splitter->command->trees >= 0, &facts);
	return 0;
}

/* Older `docker save`: "ID/layer.tar" is a link to "../OTHER/layer.tar". */
static int split_link(struct splitter *splitter, const struct tar_entry *entry, const char *path)
{
	autofini(text_fini) struct text whole = {}, link = {};
	const char *name;
	if (entry->kind == TAR_SYMLINK) {
		text_add_bytes(&whole, path, tree_split(path, &name));
		text_add(&whole, "/");
	}
	text_add(&whole, entry->link);
	int r = extract_clean_path(text_get(&whole), 0, &link);
	struct report nothing = {};
	if (r > 0)
		tell(splitter, path, text_get(&link), NULL, false, &nothing);
	return r < 0 ? r : 0;
}

static int split_members(struct splitter *splitter)
{
	for (;;) {
		struct tar_entry entry;
		autofini(text_fini) struct text path = {};
		int r = tar_next(&splitter->reader, &entry);
		if (r <= 0)
			return r;
		if (++splitter->report->entries > MEMBERS_MAX)
			return refuse(-EFBIG, "hostile archive: more than %u members", MEMBERS_MAX);
		r = extract_clean_path(entry.path, 0, &path);
		if (r > 0 && entry.kind == TAR_FILE)
			r = split_file(splitter, &entry, text_get(&path));
		else if (r > 0 && (entry.kind == TAR_SYMLINK || entry.kind == TAR_HARDLINK))
			r = split_link(splitter, &entry, text_get(&path));
		if (r < 0)
			return r;
	}
}

int layer_split(const struct layer_command *command, struct report *report)
{
	static struct queue raw = QUEUE_INIT, plain = QUEUE_INIT;
	static struct intake intake = {.pool = POOL_INIT};
	static struct decode decode = {.pool = POOL_INIT};
	intake.input_fd = command->input;
	intake.blob_fd = -1;
	intake.raw = decode.raw = &raw;
	decode.plain[0] = &plain;
	intake_start(&intake);
	decode_start(&decode);
	struct queue_source from = {.queue = &plain};
	struct tar_source source = queue_source(&from);
	struct splitter splitter = {.command = command, .report = report};
	tar_reader_init(&splitter.reader, &source);
	int r = split_members(&splitter);
	tar_reader_fini(&splitter.reader);
	if (r < 0 && r != -EBADMSG)
		return r;
	/* Damaged: perhaps the one before knows why. */
	struct stage own = {};
	stage_end(&own, r);
	queue_source_drain(&from);
	r = stage_join(&intake.stage);
	r = r < 0 ? r : stage_join(&decode.stage);
	r = r < 0 ? r : stage_join(&own);
	report->size = intake.size;
	return r;
}
