// SPDX-License-Identifier: Apache-2.0

/*
 * unpack, decode, extract: an archive comes in; see stages.h for the threads. The main thread is
 * the last of them: it makes the files, or writes the plain bytes.
 *
 * Of several stories the one that explains the others is told: an archive that broke off is not
 * called damaged, and one with a wrong digest is not called hostile.
 */

#include "base/arena.h"
#include "base/fs.h"
#include "extract.h"
#include "layer.h"
#include "stages.h"

#include <errno.h>

struct line {
	struct queue raw, plain, hashed;
	struct intake intake;
	struct decode decode;
	struct hashing hashing;
};

static void start(struct line *line, const struct layer_command *command, bool consumed)
{
	*line = (struct line){
		.raw = QUEUE_INIT,
		.plain = QUEUE_INIT,
		.hashed = QUEUE_INIT,
		.intake = {.input_fd = command->input,
			.blob_fd = command->blob,
			.size_wanted = command->size,
			.digest_wanted = command->digest,
			.raw = &line->raw,
			.pool = POOL_INIT},
		.decode = {.raw = &line->raw,
			.plain = {&line->hashed, consumed ? &line->plain : NULL},
			.pool = POOL_INIT},
		.hashing = {.plain = &line->hashed},
	};
	intake_start(&line->intake);
	decode_start(&line->decode);
	hashing_start(&line->hashing);
}

#define TAR_END ((uint64_t)1024)     /* two blocks of zeros end an archive */
#define TAR_RECORD ((uint64_t)10240) /* and tar(1) goes on with them to the end of a record */

/*
 * Whether it is what was wanted but for the zeros at the end: Debian 12's skopeo writes
 * zstd:chunked layers without them, under the digest with them. Podman reads those, so do we.
 */
static bool lacks_end_alone(const struct line *line, const char *wanted)
{
	static const char zeros[TAR_END + TAR_RECORD];
	uint64_t size = line->decode.size;
	const uint64_t lacking[] = {TAR_END, TAR_RECORD - size % TAR_RECORD,
		TAR_RECORD - size % TAR_RECORD + TAR_RECORD};
	for (size_t i = 0; i < array_length(lacking); i++) {
		struct hash hash = line->hashing.hash;
		char digest[DIGEST_SIZE];
		if (lacking[i] > sizeof(zeros))
			continue;
		hash_add(&hash, zeros, lacking[i]);
		hash_end(&hash, digest);
		if (text_equal(digest, wanted))
			return true;
	}
	return false;
}

static int check_diff_id(const struct layer_command *command, struct line *line)
{
	if (!command->diff_id || text_equal(command->diff_id, line->hashing.digest))
		return 0;
	if (lacks_end_alone(line, command->diff_id)) {
		memcpy(line->hashing.digest, command->diff_id, DIGEST_SIZE);
		return 0;
	}
	return refuse(-EBADMSG,
		"the unpacked archive is not what was asked for: its digest is %s, not %s",
		line->hashing.digest, command->diff_id);
}

/* @r and the present story are the consumer's. */
static int finish(
	struct line *line, const struct layer_command *command, int r, struct report *report)
{
	struct stage consumer = {};
	stage_end(&consumer, r);
	r = stage_join(&line->intake.stage);
	int decoded = r < 0 ? 0 : stage_join(&line->decode.stage);
	r = r < 0 ? r : decoded;
	if (r == 0)
		r = stage_join(&consumer);
	if (r == 0)
		r = stage_join(&line->hashing.stage);
	if (r == 0)
		r = check_diff_id(command, line);
	if (r < 0)
		return r;
	memcpy(report->digest, line->intake.digest, DIGEST_SIZE);
	memcpy(report->diff_id, line->hashing.digest, DIGEST_SIZE);
	report->size = line->intake.size;
	report->unpacked_size = line->decode.size;
	pool_fini(&line->intake.pool);
	pool_fini(&line->decode.pool);
	return 0;
}

static int unpack_into(
	struct line *line, const struct extract_options *options, struct report *report)
{
	struct queue_source from = {.queue = &line->plain};
	struct tar_source source = queue_source(&from);
	int r = extract(&source, options, report);
	/*
	 * A damaged archive is read to its end, to know whether it is the one that was wanted. All
	 * other errors (a full disk, a limit) end the process at once, threads and all.
	 */
	if (r == 0 || r == -EBADMSG)
		queue_source_drain(&from);
	return r;
}

static int run(const struct layer_command *command, const struct extract_options *options,
	struct report *report)
{
	struct line *line = calloc(1, sizeof(*line));
	if (!line)
		memory_exhausted();
	start(line, command, options || command->output >= 0);
	int r = 0;
	if (options)
		r = unpack_into(line, options, report);
	else if (command->output >= 0)
		r = queue_write(&line->plain, command->output);
	if (r < 0 && r != -EBADMSG)
		return r; /* the threads still use what is in *line */
	r = finish(line, command, r, report);
	if (r == 0)
		free(line);
	return r;
}

static struct extract_options options_of(const struct layer_command *command)
{
	return (struct extract_options){
		.tree_fd = command->tree,
		.no_owners = command->no_owners,
		.entries_max = command->entries_max,
		.bytes_max = command->bytes_max,
	};
}

int layer_unpack(const struct layer_command *command, struct report *report)
{
	struct extract_options options = options_of(command);
	options.overlay = command->overlay;
	return run(command, command->tree >= 0 ? &options : NULL, report);
}

int layer_decode(const struct layer_command *command, struct report *report)
{
	return run(command, NULL, report);
}

int layer_extract(const struct layer_command *command, struct report *report)
{
	struct extract_options options = options_of(command);
	options.directory = command->directory;
	options.has_owner = command->has_owner;
	options.uid = command->uid;
	options.gid = command->gid;
	options.keep_kinds = command->keep_kinds;
	options.strip = command->strip;
	return run(command, &options, report);
}
