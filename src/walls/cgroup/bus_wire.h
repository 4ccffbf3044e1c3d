// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * D-Bus messages as bytes (D-Bus specification, "Message Protocol"), as far as
 * talking to systemd needs them: little-endian, no file descriptors.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- writing: values are appended with their alignment, counted from the start ---- */

void bus_put_byte(struct text *out, uint8_t value);
void bus_put_u16(struct text *out, uint16_t value);
void bus_put_u32(struct text *out, uint32_t value);
void bus_put_u64(struct text *out, uint64_t value);
void bus_put_bool(struct text *out, bool value);
/** Strings and object paths. */
void bus_put_string(struct text *out, const char *value);
/** At most 255 bytes; longer ones are a bug. */
void bus_put_signature(struct text *out, const char *signature);
/** A struct or dictionary entry begins at a multiple of 8. */
void bus_put_struct(struct text *out);

struct bus_array {
	size_t length_at, start;
};
/** @alignment of its elements: 1 y g, 2 n q, 4 i u b s o a, 8 x t d ( {. */
struct bus_array bus_open_array(struct text *out, unsigned alignment);
void bus_close_array(struct text *out, struct bus_array array);

/* ---- messages --------------------------------------------------------------------- */

enum bus_message_type { BUS_CALL = 1, BUS_RETURN = 2, BUS_ERROR = 3, BUS_SIGNAL = 4 };

struct bus_message {
	enum bus_message_type type;
	uint32_t serial, reply_serial;
	/* Absent ones are "". They point into the parsed bytes. */
	const char *path, *interface, *member, *error_name, *destination, *sender, *signature;
	const uint8_t *body;
	size_t body_length;
};

/** Header and body as one frame. @message->body may be NULL when it is empty. */
void bus_message_write(struct text *out, const struct bus_message *message);

#define BUS_HEADER_SIZE 16
#define BUS_MESSAGE_MAX (1024UL * 1024)

/** The size of the whole frame from its first BUS_HEADER_SIZE bytes; -EBADMSG: not a frame for us.
 */
[[nodiscard]] int bus_frame_size(const uint8_t header[BUS_HEADER_SIZE], size_t *ret_size);

/** Takes a frame apart; -EBADMSG when its fields are not what the specification allows. */
[[nodiscard]] int bus_message_read(
	const uint8_t *frame, size_t size, struct bus_message *ret_message);

/* ---- reading a body ------------------------------------------------------------------ */

struct bus_reader {
	const uint8_t *bytes; /* at a multiple of 8 of the message */
	size_t length, at;
	bool bad; /* something did not fit; stays, and every value is then 0 or "" */
};

uint8_t bus_get_byte(struct bus_reader *reader);
uint32_t bus_get_u32(struct bus_reader *reader);
uint64_t bus_get_u64(struct bus_reader *reader);
const char *bus_get_string(struct bus_reader *reader);
const char *bus_get_signature(struct bus_reader *reader);
/** Passes over one complete value of the type at *signature and moves *signature behind it. */
void bus_skip(struct bus_reader *reader, const char **signature);
