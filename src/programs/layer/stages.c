// SPDX-License-Identifier: Apache-2.0

/* Threads, the intake and the hashing; see stages.h. Decoding is in decode.c. */

#include "stages.h"

#include "base/arena.h"
#include "base/fs.h"
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void stage_start(struct stage *stage, void *(*run)(void *), void *context)
{
	int r = pthread_create(&stage->thread, NULL, run, context);
	if (r != 0)
		memory_exhausted();
	stage->started = true;
}

void stage_end(struct stage *stage, int result)
{
	stage->result = result;
	if (result >= 0)
		return;
	(void)snprintf(stage->text, sizeof(stage->text), "%s", error_text());
	(void)snprintf(stage->hint, sizeof(stage->hint), "%s", error_hint());
}

int stage_join(struct stage *stage)
{
	if (stage->started)
		(void)pthread_join(stage->thread, NULL);
	stage->started = false;
	return stage->result < 0 ? error_adopt(stage->result, stage->text, stage->hint) : 0;
}

/* ---- intake
 * --------------------------------------------------------------------------------------- */

/* Fills a block as far as bytes come: from the kept file up to *kept, then from the input. */
static int read_block(
	struct intake *intake, struct block *block, uint64_t *kept_left, struct keep *keep)
{
	while (block->length < BLOCK_BYTES) {
		bool from_kept = *kept_left > 0;
		size_t room = BLOCK_BYTES - block->length;
		if (from_kept && room > *kept_left)
			room = (size_t)*kept_left;
		if (!from_kept && intake->input_fd < 0)
			return 0;
		unsigned char *at = block->bytes + block->length;
		ssize_t n = from_kept ? pread(intake->blob_fd, at, room,
						(off_t)(intake->size + block->length))
				      : read(intake->input_fd, at, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "read the archive");
		if (n == 0 && from_kept)
			return refuse(-EIO, "the kept part of the archive became shorter");
		if (n == 0)
			return 0;
		block->length += (size_t)n;
		if (from_kept) {
			*kept_left -= (uint64_t)n;
			continue;
		}
		int r = intake->blob_fd < 0 ? 0 : keep_add(keep, at, (size_t)n);
		if (r < 0)
			return fail(r, "keep the archive");
	}
	return 0;
}

static int check_size(const struct intake *intake, bool at_end)
{
	unsigned long long wanted = intake->size_wanted, size = intake->size;
	if (wanted == 0 || size == wanted || (size < wanted && !at_end))
		return 0;
	if (size < wanted)
		return refuse(-EPIPE, "the archive ended after %llu of %llu bytes", size, wanted);
	return refuse(-EBADMSG, "the archive is longer than the %llu bytes it should have", wanted);
}

static int take_in(struct intake *intake)
{
	struct stat about = {};
	if (intake->blob_fd >= 0 && fstat(intake->blob_fd, &about) < 0)
		return fail(-errno, "the kept part of the archive");
	uint64_t kept_left = (uint64_t)about.st_size;
	struct keep keep = {intake->blob_fd, kept_left, kept_left};
	if (intake->blob_fd >= 0 && lseek(intake->blob_fd, 0, SEEK_END) < 0)
		return fail(-errno, "the kept part of the archive");
	struct hash hash;
	hash_init(&hash);
	int r = 0;
	for (bool more = true; r == 0 && more;) {
		struct block *block = block_new(&intake->pool);
		r = read_block(intake, block, &kept_left, &keep);
		more = block->length == BLOCK_BYTES;
		intake->size += block->length;
		hash_add(&hash, block->bytes, block->length);
		if (r == 0)
			r = check_size(intake, !more);
		if (block->length > 0)
			queue_put(intake->raw, block);
		else
			block_release(block);
	}
	hash_end(&hash, intake->digest);
	if (r == 0 && intake->digest_wanted && !text_equal(intake->digest, intake->digest_wanted))
		return refuse(-EBADMSG,
			"the archive is not what was asked for: its digest is %s, not %s",
			intake->digest, intake->digest_wanted);
	return r;
}

static void *intake_run(void *context)
{
	struct intake *intake = context;
	stage_end(&intake->stage, take_in(intake));
	queue_end(intake->raw);
	return NULL;
}

void intake_start(struct intake *intake)
{
	if (intake->blob_fd >= 0)
		(void)posix_fadvise(intake->blob_fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	stage_start(&intake->stage, intake_run, intake);
}

/* ---- hash
 * ------------------------------------------------------------------------------------------- */

static void *hashing_run(void *context)
{
	struct hashing *hashing = context;
	struct hash hash;
	hash_init(&hash);
	for (struct block *block; (block = queue_take(hashing->plain)); block_release(block))
		hash_add(&hash, block->bytes, block->length);
	hashing->hash = hash;
	hash_end(&hash, hashing->digest);
	return NULL;
}

void hashing_start(struct hashing *hashing)
{
	stage_start(&hashing->stage, hashing_run, hashing);
}

/* ---- the end of a queue
 * -------------------------------------------------------------------------------- */

static int next_from_queue(void *context, const unsigned char **ret_bytes, size_t *ret_length)
{
	struct queue_source *from = context;
	block_release(from->block);
	from->block = queue_take(from->queue);
	*ret_bytes = from->block ? from->block->bytes : NULL;
	*ret_length = from->block ? from->block->length : 0;
	return 0;
}

struct tar_source queue_source(struct queue_source *from)
{
	return (struct tar_source){next_from_queue, from};
}

void queue_source_drain(struct queue_source *from)
{
	block_release(take(from->block));
	for (struct block *block; (block = queue_take(from->queue));)
		block_release(block);
}

int queue_write(struct queue *queue, int fd)
{
	int r = 0;
	for (struct block *block; (block = queue_take(queue)); block_release(block))
		if (r == 0 && (r = fs_write_all(fd, block->bytes, block->length)) < 0)
			r = fail(r, "write the archive");
	return r;
}
