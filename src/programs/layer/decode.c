// SPDX-License-Identifier: Apache-2.0

/*
 * From compressed bytes to plain ones. gzip by ISA-L (twice zlib's speed), which may have many
 * members (pigz, eStargz); zstd, which may have many frames and frames to be skipped
 * (zstd:chunked); anything else is taken for plain and its blocks are passed on as they are.
 * Whoever has compressed an archive twice has to find a tar reader's error.
 */

#include "base/arena.h"
#include "stages.h"

#include <errno.h>
#include <isa-l.h>
#include <zstd.h>

struct output {
	struct decode *decode;
	struct block *block; /* being filled */
};

static void hand_on(struct output *output)
{
	struct decode *decode = output->decode;
	struct block *block = take(output->block);
	if (!block)
		return;
	if (block->length == 0) {
		block_release(block);
		return;
	}
	decode->size += block->length;
	if (decode->plain[1])
		queue_put(decode->plain[1], block_share(block));
	queue_put(decode->plain[0], block);
}

/* Room for at least a byte. */
static unsigned char *room(struct output *output, size_t *ret_length)
{
	if (output->block && output->block->length == BLOCK_BYTES)
		hand_on(output);
	if (!output->block)
		output->block = block_new(&output->decode->pool);
	*ret_length = BLOCK_BYTES - output->block->length;
	return output->block->bytes + output->block->length;
}

/* ---- gzip ---------------------------------------------------------------------------------- */

struct gzip {
	struct inflate_state state;
	bool within;  /* a member was begun */
	bool padding; /* zeros after the last one, as on tapes */
};

static int gzip_members(struct gzip *gzip, struct output *output)
{
	struct inflate_state *state = &gzip->state;
	for (bool full = false; state->avail_in > 0 || full;) {
		if (!gzip->within) {
			unsigned char first = state->next_in[0];
			gzip->padding = gzip->padding || first == 0;
			if (first != (gzip->padding ? 0 : 0x1f))
				return refuse(
					-EBADMSG, "damaged archive: garbage after a gzip member");
			if (gzip->padding) {
				state->next_in++;
				state->avail_in--;
				continue;
			}
			isal_inflate_reset(state);
			state->crc_flag = ISAL_GZIP;
			gzip->within = true;
		}
		size_t length;
		state->next_out = room(output, &length);
		state->avail_out = (uint32_t)length;
		int r = isal_inflate(state);
		output->block->length += length - state->avail_out;
		if (r < 0)
			return refuse(-EBADMSG, "damaged archive: %s",
				r == ISAL_INCORRECT_CHECKSUM
					? "the checksum of a gzip member is wrong"
					: "no valid gzip data");
		full = state->avail_out == 0;
		if (state->block_state == ISAL_BLOCK_FINISH)
			gzip->within = full = false;
	}
	return 0;
}

static int gunzip(struct decode *decode, struct block *block, struct output *output)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));
	if (!gzip)
		memory_exhausted();
	isal_inflate_init(&gzip->state);
	int r = 0;
	for (; block; block_release(block), block = queue_take(decode->raw)) {
		gzip->state.next_in = block->bytes;
		gzip->state.avail_in = (uint32_t)block->length;
		if (r == 0)
			r = gzip_members(gzip, output);
	}
	if (r == 0 && gzip->within)
		r = refuse(-EBADMSG, "damaged archive: its gzip data ends early");
	free(gzip);
	return r;
}

/* ---- zstd ---------------------------------------------------------------------------------- */

static int zstd_frames(
	ZSTD_DStream *stream, const struct block *block, struct output *output, size_t *hint)
{
	ZSTD_inBuffer in = {block->bytes, block->length, 0};
	for (bool full = false; in.pos < in.size || full;) {
		size_t length;
		unsigned char *at = room(output, &length);
		ZSTD_outBuffer out = {at, length, 0};
		*hint = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(*hint))
			return refuse(
				-EBADMSG, "damaged archive: zstd: %s", ZSTD_getErrorName(*hint));
		output->block->length += out.pos;
		full = out.pos == out.size && *hint != 0;
	}
	return 0;
}

static int unzstd(struct decode *decode, struct block *block, struct output *output)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	if (!stream)
		memory_exhausted();
	size_t hint = 0; /* 0: between frames */
	int r = 0;
	for (; block; block_release(block), block = queue_take(decode->raw))
		if (r == 0)
			r = zstd_frames(stream, block, output, &hint);
	if (r == 0 && hint != 0)
		r = refuse(-EBADMSG, "damaged archive: its zstd data ends early");
	(void)ZSTD_freeDStream(stream);
	return r;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static int pass(struct decode *decode, struct block *block, struct output *output)
{
	for (; block; block = queue_take(decode->raw)) {
		output->block = block;
		hand_on(output);
	}
	return 0;
}

static bool begins(const struct block *block, const char *magic, size_t length)
{
	return block && block->length >= length && memcmp(block->bytes, magic, length) == 0;
}

static bool is_skippable(const struct block *block)
{
	return block && block->length >= 4 && (block->bytes[0] & 0xf0) == 0x50 &&
	       memcmp(block->bytes + 1, "\x2a\x4d\x18", 3) == 0;
}

static int refuse_format(struct decode *decode, struct block *block, const char *format)
{
	for (; block; block = queue_take(decode->raw))
		block_release(block);
	return refuse(-EPROTONOSUPPORT,
		"the archive is compressed with %s, and only gzip and zstd are "
		"understood",
		format);
}

static int decode_all(struct decode *decode)
{
	struct output output = {.decode = decode};
	struct block *first = queue_take(decode->raw);
	int r;
	/* A plain archive is one, whatever its first name begins with. */
	bool plain = first && first->length >= TAR_BLOCK && tar_looks_like_header(first->bytes);
	if (!plain && begins(first, "\x1f\x8b", 2))
		r = gunzip(decode, first, &output);
	else if (!plain && (begins(first, "\x28\xb5\x2f\xfd", 4) || is_skippable(first)))
		r = unzstd(decode, first, &output);
	else if (!plain && begins(first, "\xfd\x37zXZ", 5))
		r = refuse_format(decode, first, "xz");
	else if (!plain && begins(first, "BZh", 3))
		r = refuse_format(decode, first, "bzip2");
	else
		r = pass(decode, first, &output);
	hand_on(&output);
	return r;
}

static void *decode_run(void *context)
{
	struct decode *decode = context;
	stage_end(&decode->stage, decode_all(decode));
	queue_end(decode->plain[0]);
	if (decode->plain[1])
		queue_end(decode->plain[1]);
	return NULL;
}

void decode_start(struct decode *decode)
{
	stage_start(&decode->stage, decode_run, decode);
}
