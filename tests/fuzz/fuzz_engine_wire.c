// SPDX-License-Identifier: Apache-2.0

/* Foreign bytes as a message, to both kinds of receiver, and as typed keys. */

#include "base/scope.h"
#include "engine/instance/detach_keys.h"
#include "engine/instance/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree unsigned char *bytes = malloc(size + 1);
	autofree unsigned char *out = malloc(size + DETACH_KEYS_MAX);
	struct wire_message message;
	if (!bytes || !out)
		return 0;
	memcpy(bytes, data, size);
	for (int from_client = 0; from_client < 2; from_client++)
		if (wire_read(bytes, size, from_client, &message) == 0 &&
			(message.bytes != bytes + 1 || message.length != size - 1))
			abort();
	struct detach_keys keys;
	size_t length;
	if (detach_keys_read("a,b,a,a,b,c", &keys) < 0)
		abort();
	keys.matched = 4;
	(void)detach_keys_filter(&keys, bytes, size, out, &length);
	if (length > size + DETACH_KEYS_MAX)
		abort();
	return 0;
}
