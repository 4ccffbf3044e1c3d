// SPDX-License-Identifier: Apache-2.0

/*
 * See bus_wire.h. Written here and not taken from libdbus: its static archive
 * brings getpwuid() and getaddrinfo() (with glibc's name services, which a static
 * program must not load) and 630 KB for the five calls that are needed.
 *
 * What comes in is foreign: the bus is trusted, but what a bug sends must not be
 * read out of bounds. So every length is checked against what is left before it
 * is used, and a reader that met nonsense stays bad. (tests/fuzz/fuzz_walls_bus.c)
 */

#include "walls/cgroup/bus_wire.h"

#include <assert.h>

#define DEPTH_MAX 32
#define STRING_MAX BUS_MESSAGE_MAX

/* ---- writing ---------------------------------------------------------------- */

static void align(struct text *out, unsigned alignment)
{
	static const char zeros[8];
	size_t over = out->length % alignment;
	if (over)
		text_add_bytes(out, zeros, alignment - over);
}

static void put_number(struct text *out, uint64_t value, unsigned size)
{
	uint8_t bytes[8];
	align(out, size);
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	text_add_bytes(out, bytes, size);
}

void bus_put_byte(struct text *out, uint8_t value)
{
	put_number(out, value, 1);
}

void bus_put_u16(struct text *out, uint16_t value)
{
	put_number(out, value, 2);
}

void bus_put_u32(struct text *out, uint32_t value)
{
	put_number(out, value, 4);
}

void bus_put_u64(struct text *out, uint64_t value)
{
	put_number(out, value, 8);
}

void bus_put_bool(struct text *out, bool value)
{
	put_number(out, value, 4);
}

void bus_put_string(struct text *out, const char *value)
{
	size_t length = strlen(value);
	bus_put_u32(out, (uint32_t)length);
	text_add_bytes(out, value, length + 1);
}

void bus_put_signature(struct text *out, const char *signature)
{
	size_t length = strlen(signature);
	assert(length <= UINT8_MAX);
	bus_put_byte(out, (uint8_t)length);
	text_add_bytes(out, signature, length + 1);
}

void bus_put_struct(struct text *out)
{
	align(out, 8);
}

struct bus_array bus_open_array(struct text *out, unsigned alignment)
{
	bus_put_u32(out, 0);
	struct bus_array array = {.length_at = out->length - 4};
	align(out, alignment);
	array.start = out->length;
	return array;
}

void bus_close_array(struct text *out, struct bus_array array)
{
	uint32_t length = (uint32_t)(out->length - array.start);
	for (unsigned i = 0; i < 4; i++)
		out->bytes[array.length_at + i] = (char)(length >> (8 * i));
}

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR_NAME,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
};

static void put_field(struct text *out, enum field field, const char *type, const char *value)
{
	if (text_empty(value))
		return;
	bus_put_struct(out);
	bus_put_byte(out, (uint8_t)field);
	bus_put_signature(out, type);
	if (type[0] == 'g')
		bus_put_signature(out, value);
	else
		bus_put_string(out, value);
}

void bus_message_write(struct text *out, const struct bus_message *message)
{
	struct text frame = {};
	bus_put_byte(&frame, 'l');
	bus_put_byte(&frame, (uint8_t)message->type);
	bus_put_byte(&frame, 0);
	bus_put_byte(&frame, 1);
	bus_put_u32(&frame, (uint32_t)message->body_length);
	bus_put_u32(&frame, message->serial);
	struct bus_array fields = bus_open_array(&frame, 8);
	put_field(&frame, FIELD_PATH, "o", message->path);
	put_field(&frame, FIELD_INTERFACE, "s", message->interface);
	put_field(&frame, FIELD_MEMBER, "s", message->member);
	put_field(&frame, FIELD_ERROR_NAME, "s", message->error_name);
	put_field(&frame, FIELD_DESTINATION, "s", message->destination);
	put_field(&frame, FIELD_SENDER, "s", message->sender);
	put_field(&frame, FIELD_SIGNATURE, "g", message->signature);
	if (message->reply_serial) {
		bus_put_struct(&frame);
		bus_put_byte(&frame, FIELD_REPLY_SERIAL);
		bus_put_signature(&frame, "u");
		bus_put_u32(&frame, message->reply_serial);
	}
	bus_close_array(&frame, fields);
	align(&frame, 8);
	text_add_bytes(
		&frame, message->body ? (const void *)message->body : "", message->body_length);
	text_add_bytes(out, frame.bytes, frame.length);
	text_fini(&frame);
}

/* ---- reading ---------------------------------------------------------------- */

/* Moves over padding and @size bytes; NULL when they are not there. */
static const uint8_t *take_bytes(struct bus_reader *reader, unsigned alignment, size_t size)
{
	size_t at = (reader->at + alignment - 1) / alignment * alignment;
	if (reader->bad || at > reader->length || size > reader->length - at) {
		reader->bad = true;
		return NULL;
	}
	reader->at = at + size;
	return reader->bytes + at;
}

static uint64_t get_number(struct bus_reader *reader, unsigned size)
{
	const uint8_t *bytes = take_bytes(reader, size, size);
	uint64_t value = 0;
	for (unsigned i = 0; bytes && i < size; i++)
		value |= (uint64_t)bytes[i] << (8U * i);
	return value;
}

uint8_t bus_get_byte(struct bus_reader *reader)
{
	return (uint8_t)get_number(reader, 1);
}

uint32_t bus_get_u32(struct bus_reader *reader)
{
	return (uint32_t)get_number(reader, 4);
}

uint64_t bus_get_u64(struct bus_reader *reader)
{
	return get_number(reader, 8);
}

static const char *get_characters(struct bus_reader *reader, size_t length)
{
	const uint8_t *bytes = length < STRING_MAX ? take_bytes(reader, 1, length + 1) : NULL;
	if (!bytes || bytes[length] != '\0' || memchr(bytes, '\0', length)) {
		reader->bad = true;
		return "";
	}
	return (const char *)bytes;
}

const char *bus_get_string(struct bus_reader *reader)
{
	return get_characters(reader, bus_get_u32(reader));
}

const char *bus_get_signature(struct bus_reader *reader)
{
	return get_characters(reader, bus_get_byte(reader));
}

static unsigned alignment_of(char type)
{
	if (strchr("nq", type))
		return 2;
	if (strchr("biusoah", type))
		return 4;
	return strchr("xtd({", type) ? 8 : 1;
}

static void skip_value(struct bus_reader *reader, const char **signature, int depth);

/* The type only: what is in an array without elements. */
static void skip_type(struct bus_reader *reader, const char **signature, int depth)
{
	char type = **signature;
	if (type == '\0' || depth > DEPTH_MAX) {
		reader->bad = true;
		return;
	}
	(*signature)++;
	if (type == 'a') {
		skip_type(reader, signature, depth + 1);
	} else if (type == '(' || type == '{') {
		char end = type == '(' ? ')' : '}';
		while (!reader->bad && **signature != end)
			skip_type(reader, signature, depth + 1);
		(*signature) += !reader->bad;
	} else if (!strchr("ybnqiuxtdsogvh", type)) {
		reader->bad = true;
	}
}

static void skip_array(struct bus_reader *reader, const char **signature, int depth)
{
	uint32_t length = bus_get_u32(reader);
	(void)take_bytes(reader, alignment_of(**signature), length);
	skip_type(reader, signature, depth + 1);
}

static void skip_value(struct bus_reader *reader, const char **signature, int depth)
{
	char type = **signature;
	if (reader->bad || type == '\0' || depth > DEPTH_MAX) {
		reader->bad = true;
		return;
	}
	(*signature)++;
	switch (type) {
	case 's':
	case 'o':
		(void)bus_get_string(reader);
		break;
	case 'g':
		(void)bus_get_signature(reader);
		break;
	case 'a':
		skip_array(reader, signature, depth);
		break;
	case 'v': {
		const char *inner = bus_get_signature(reader);
		skip_value(reader, &inner, depth + 1);
		reader->bad |= *inner != '\0';
		break;
	}
	case '(':
	case '{': {
		char end = type == '(' ? ')' : '}';
		(void)take_bytes(reader, 8, 0);
		while (!reader->bad && **signature != end)
			skip_value(reader, signature, depth + 1);
		(*signature) += !reader->bad;
		break;
	}
	default:
		if (!strchr("ybnqiuxtdh", type)) {
			reader->bad = true;
			break;
		}
		unsigned size = alignment_of(type);
		(void)take_bytes(reader, size, size);
	}
}

void bus_skip(struct bus_reader *reader, const char **signature)
{
	skip_value(reader, signature, 0);
}

int bus_frame_size(const uint8_t header[BUS_HEADER_SIZE], size_t *ret_size)
{
	struct bus_reader reader = {header, BUS_HEADER_SIZE, 4, false};
	if (header[0] != 'l' || header[3] != 1)
		return -EBADMSG;
	size_t body = bus_get_u32(&reader);
	(void)bus_get_u32(&reader);
	size_t fields = bus_get_u32(&reader);
	if (body > BUS_MESSAGE_MAX || fields > BUS_MESSAGE_MAX)
		return -EBADMSG;
	size_t size = BUS_HEADER_SIZE + (fields + 7) / 8 * 8 + body;
	if (size > BUS_MESSAGE_MAX)
		return -EBADMSG;
	*ret_size = size;
	return 0;
}

static void read_field(struct bus_reader *reader, struct bus_message *message)
{
	(void)take_bytes(reader, 8, 0);
	uint8_t field = bus_get_byte(reader);
	const char *type = bus_get_signature(reader);
	const char **texts[] = {
		[FIELD_PATH] = &message->path,
		[FIELD_INTERFACE] = &message->interface,
		[FIELD_MEMBER] = &message->member,
		[FIELD_ERROR_NAME] = &message->error_name,
		[FIELD_DESTINATION] = &message->destination,
		[FIELD_SENDER] = &message->sender,
		[FIELD_SIGNATURE] = &message->signature,
	};
	static const char types[] = {[FIELD_PATH] = 'o',
		[FIELD_INTERFACE] = 's',
		[FIELD_MEMBER] = 's',
		[FIELD_ERROR_NAME] = 's',
		[FIELD_REPLY_SERIAL] = 'u',
		[FIELD_DESTINATION] = 's',
		[FIELD_SENDER] = 's',
		[FIELD_SIGNATURE] = 'g'};
	if (field == 0 || field >= array_length(types)) { /* "must be ignored" */
		bus_skip(reader, &type);
		reader->bad |= *type != '\0';
		return;
	}
	if (type[0] != types[field] || type[0] == '\0' || type[1] != '\0')
		reader->bad = true;
	else if (type[0] == 'u')
		message->reply_serial = bus_get_u32(reader);
	else
		*texts[field] = type[0] == 'g' ? bus_get_signature(reader) : bus_get_string(reader);
}

int bus_message_read(const uint8_t *frame, size_t size, struct bus_message *ret_message)
{
	size_t expected;
	if (size < BUS_HEADER_SIZE || bus_frame_size(frame, &expected) < 0 || expected != size)
		return -EBADMSG;
	struct bus_message message = {.path = "",
		.interface = "",
		.member = "",
		.error_name = "",
		.destination = "",
		.sender = "",
		.signature = ""};
	struct bus_reader reader = {frame, size, 4, false};
	message.type = (enum bus_message_type)frame[1];
	message.body_length = bus_get_u32(&reader);
	message.serial = bus_get_u32(&reader);
	size_t end = bus_get_u32(&reader);
	end += reader.at;
	while (!reader.bad && reader.at < end)
		read_field(&reader, &message);
	if (reader.bad || reader.at != end || message.serial == 0)
		return -EBADMSG;
	message.body = frame + size - message.body_length;
	*ret_message = message;
	return 0;
}
