// SPDX-License-Identifier: Apache-2.0

/* From plain bytes to compressed ones; see encode.h. */

#include "encode.h"

#include "base/arena.h"
#include "base/fs.h"

#include <errno.h>
#include <isa-l.h>
#include <isa-l/crc.h>
#include <sched.h>
#include <unistd.h>
#include <zstd.h>

/* ISA-L's levels are 0 to 3; 3 is near zlib's 2 in size and three times as fast. */
#define GZIP_LEVEL_MAX 3
#define ZSTD_LEVEL_USUAL 3

static unsigned processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	unsigned count = (unsigned)CPU_COUNT(&set);
	return count < ENCODE_WORKERS_MAX ? count : ENCODE_WORKERS_MAX;
}

/* ---- gzip ---------------------------------------------------------------------------------- */

struct deflater {
	struct isal_zstream stream;
	uint8_t *room;
	uint32_t room_size;
	uint32_t level;
};

static void deflater_init(struct deflater *deflater, int level)
{
	static const uint32_t rooms[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
		ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
	*deflater = (struct deflater){};
	deflater->level = level <= 0 || level > GZIP_LEVEL_MAX ? GZIP_LEVEL_MAX : (uint32_t)level;
	deflater->room_size = rooms[deflater->level];
	deflater->room = malloc(deflater->room_size);
	if (!deflater->room)
		memory_exhausted();
}

/* Deflate's stored blocks, for what does not get smaller (RFC 1951, 3.2.4): 5 bytes more for each
 * 64 KiB. */
static void store(const struct block *from, struct block *into)
{
	into->length = 0;
	for (size_t at = 0; at < from->length;) {
		size_t length = from->length - at < 65535 ? from->length - at : 65535;
		unsigned char *to = into->bytes + into->length;
		to[0] = 0;
		to[1] = (unsigned char)length;
		to[2] = (unsigned char)(length >> 8);
		to[3] = (unsigned char)~to[1];
		to[4] = (unsigned char)~to[2];
		memcpy(to + 5, from->bytes + at, length);
		into->length += length + 5;
		at += length;
	}
}

/* A block for itself: no references to earlier ones, and it ends on a byte. */
static void deflate_block(struct deflater *deflater, const struct block *from, struct block *into)
{
	struct isal_zstream *stream = &deflater->stream;
	isal_deflate_init(stream);
	stream->level = deflater->level;
	stream->level_buf = deflater->room;
	stream->level_buf_size = deflater->room_size;
	stream->flush = FULL_FLUSH;
	stream->next_in = from->bytes;
	stream->avail_in = (uint32_t)from->length;
	stream->next_out = into->bytes;
	stream->avail_out = BLOCK_BYTES;
	int r = isal_deflate(stream);
	into->length = BLOCK_BYTES - stream->avail_out;
	if (r != COMP_OK || stream->avail_in > 0 || stream->avail_out == 0)
		store(from, into);
}

static void *gzip_run(void *context)
{
	struct encode_worker *worker = context;
	struct deflater deflater;
	deflater_init(&deflater, worker->encode->level);
	for (struct block *block; (block = queue_take(&worker->in)); block_release(block)) {
		struct block *packed = block_new(&worker->encode->packed_pool);
		deflate_block(&deflater, block, packed);
		queue_put(&worker->out, packed);
	}
	free(deflater.room);
	queue_end(&worker->out);
	return NULL;
}

/* ---- zstd
 * ---------------------------------------------------------------------------------------- */

/* All of a block, or with NULL the frame's end. */
static int zstd_add(struct encode_worker *worker, ZSTD_CCtx *stream, const struct block *block)
{
	ZSTD_inBuffer in = {block ? block->bytes : NULL, block ? block->length : 0, 0};
	size_t left;
	do {
		struct block *packed = block_new(&worker->encode->packed_pool);
		ZSTD_outBuffer out = {packed->bytes, BLOCK_BYTES, 0};
		left = ZSTD_compressStream2(
			stream, &out, &in, block ? ZSTD_e_continue : ZSTD_e_end);
		packed->length = out.pos;
		if (packed->length > 0)
			queue_put(&worker->out, packed);
		else
			block_release(packed);
		if (ZSTD_isError(left))
			return refuse(-EIO, "zstd: %s", ZSTD_getErrorName(left));
	} while (block ? in.pos < in.size : left > 0);
	return 0;
}

static void *zstd_run(void *context)
{
	struct encode_worker *worker = context;
	const struct encode *encode = worker->encode;
	ZSTD_CCtx *stream = ZSTD_createCCtx();
	if (!stream)
		memory_exhausted();
	int level = encode->level > 0 ? encode->level : ZSTD_LEVEL_USUAL;
	(void)ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
	/* At least one: the bytes are the same for any number of threads, but not for none. */
	(void)ZSTD_CCtx_setParameter(stream, ZSTD_c_nbWorkers, (int)processors());
	int r = 0;
	for (struct block *block; (block = queue_take(&worker->in)); block_release(block))
		if (r == 0)
			r = zstd_add(worker, stream, block);
	if (r == 0)
		r = zstd_add(worker, stream, NULL);
	(void)ZSTD_freeCCtx(stream);
	stage_end(&worker->stage, r);
	queue_end(&worker->out);
	return NULL;
}

/* ---- the writer
 * -------------------------------------------------------------------------------------- */

struct output {
	struct encode *encode;
	struct hash hash;
	int r;
};

static void put_out(struct output *output, const void *bytes, size_t length)
{
	struct encode *encode = output->encode;
	hash_add(&output->hash, bytes, length);
	encode->size += length;
	if (output->r < 0 || encode->output_fd < 0)
		return;
	output->r = fs_write_all(encode->output_fd, bytes, length);
	if (output->r < 0)
		output->r = fail(output->r, "write the archive");
}

/* No name, no time: RFC 1952. */
static const unsigned char gzip_header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};

static void put_gzip_trailer(struct output *output)
{
	uint32_t sum = output->encode->checksum, size = (uint32_t)output->encode->plain_size;
	unsigned char trailer[10] = {3, 0}; /* an empty last block */
	for (unsigned i = 0; i < 4; i++) {
		trailer[2 + i] = (unsigned char)(sum >> (8 * i));
		trailer[6 + i] = (unsigned char)(size >> (8 * i));
	}
	put_out(output, trailer, sizeof(trailer));
}

static void *write_run(void *context)
{
	struct encode *encode = context;
	struct output output = {.encode = encode};
	hash_init(&output.hash);
	bool gzip = encode->compression == COMPRESSION_GZIP;
	if (gzip)
		put_out(&output, gzip_header, sizeof(gzip_header));
	/* In the order in which they were dealt out: whoever's turn it is and has ended was the
	 * last. */
	struct block *block;
	for (unsigned i = 0; (block = queue_take(&encode->workers[i % encode->worker_count].out));
		i++) {
		put_out(&output, block->bytes, block->length);
		block_release(block);
	}
	if (gzip)
		put_gzip_trailer(&output);
	hash_end(&output.hash, encode->digest);
	stage_end(&encode->writer, output.r);
	return NULL;
}

/* ---- the door
 * ------------------------------------------------------------------------------------------ */

void encode_start(struct encode *encode)
{
	bool gzip = encode->compression == COMPRESSION_GZIP;
	encode->worker_count = gzip ? processors() : 1;
	encode->plain_pool = encode->packed_pool = (struct pool)POOL_INIT;
	encode->hashed = (struct queue)QUEUE_INIT;
	encode->hashing.plain = &encode->hashed;
	hashing_start(&encode->hashing);
	for (unsigned i = 0; i < encode->worker_count; i++) {
		struct encode_worker *worker = &encode->workers[i];
		worker->encode = encode;
		worker->in = worker->out = (struct queue)QUEUE_INIT;
		if (encode->compression != COMPRESSION_NONE)
			stage_start(&worker->stage, gzip ? gzip_run : zstd_run, worker);
	}
	stage_start(&encode->writer, write_run, encode);
}

static void deal_out(struct encode *encode)
{
	struct block *block = take(encode->block);
	if (!block)
		return;
	encode->plain_size += block->length;
	queue_put(&encode->hashed, block_share(block));
	struct encode_worker *worker = &encode->workers[encode->next++ % encode->worker_count];
	if (encode->compression == COMPRESSION_GZIP)
		encode->checksum = crc32_gzip_refl(encode->checksum, block->bytes, block->length);
	queue_put(encode->compression == COMPRESSION_NONE ? &worker->out : &worker->in, block);
}

unsigned char *encode_room(struct encode *encode, size_t *ret_length)
{
	if (!encode->block)
		encode->block = block_new(&encode->plain_pool);
	*ret_length = BLOCK_BYTES - encode->block->length;
	return encode->block->bytes + encode->block->length;
}

void encode_filled(struct encode *encode, size_t length)
{
	encode->block->length += length;
	if (encode->block->length == BLOCK_BYTES)
		deal_out(encode);
}

void encode_put(struct encode *encode, const void *bytes, size_t length)
{
	for (const unsigned char *from = bytes; length > 0;) {
		size_t room;
		unsigned char *at = encode_room(encode, &room);
		size_t step = length < room ? length : room;
		memcpy(at, from, step);
		encode_filled(encode, step);
		from += step;
		length -= step;
	}
}

int encode_finish(struct encode *encode, struct report *report)
{
	deal_out(encode);
	queue_end(&encode->hashed);
	for (unsigned i = 0; i < encode->worker_count; i++) {
		struct encode_worker *worker = &encode->workers[i];
		queue_end(encode->compression == COMPRESSION_NONE ? &worker->out : &worker->in);
	}
	int r = 0;
	for (unsigned i = 0; i < encode->worker_count; i++)
		r = r < 0 ? r : stage_join(&encode->workers[i].stage);
	r = r < 0 ? r : stage_join(&encode->writer);
	r = r < 0 ? r : stage_join(&encode->hashing.stage);
	if (r < 0)
		return r;
	pool_fini(&encode->plain_pool);
	pool_fini(&encode->packed_pool);
	memcpy(report->digest, encode->digest, DIGEST_SIZE);
	memcpy(report->diff_id, encode->hashing.digest, DIGEST_SIZE);
	report->size = encode->size;
	report->unpacked_size = encode->plain_size;
	return 0;
}
