// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as a D-Bus message: taken apart, its body passed over by its own
 * signature. What was understood is written again and has to be understood the same.
 */

#include "base/scope.h"
#include "walls/cgroup/bus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void read_body(const struct bus_message *message)
{
	struct bus_reader body = {message->body, message->body_length, 0, false};
	const char *signature = message->signature;
	while (*signature && !body.bad)
		bus_skip(&body, &signature);
	demand(body.at <= body.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bus_message message, again;
	if (bus_message_read(data, size, &message) < 0)
		return 0;
	read_body(&message);
	autofini(text_fini) struct text frame = {};
	bus_message_write(&frame, &message);
	demand(bus_message_read((const uint8_t *)frame.bytes, frame.length, &again) == 0);
	demand(again.serial == message.serial && again.reply_serial == message.reply_serial);
	demand(text_equal(again.path, message.path) && text_equal(again.member, message.member));
	demand(text_equal(again.signature, message.signature));
	demand(again.body_length == message.body_length);
	return 0;
}
