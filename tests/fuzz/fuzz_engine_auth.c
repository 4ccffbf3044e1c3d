// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as an auth file. Helpers are not started: a name with a "/" in it is refused
 * before, and in the directory that PATH names there is none.
 */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/auth.h"
#include "engine/registry/base64.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	struct auth auth = {};
	(void)setenv("PATH", "/proc/sys", 1);
	text_add_bytes(&text, data, size);
	error_clear();
	int r = auth_read(
		text_get(&text), text.length, "fuzz", "quay.io", "team/app", &arena, &auth);
	if (r < 0 ? !error_text()[0] : r > 1)
		abort();
	if (r == 1 && !auth.username && !auth.identity_token && !auth.registry_token)
		abort();
	error_clear();
	const char *decoded = base64_decode(text_get(&text), &arena);
	if (decoded && !base64_decode(base64_encode(decoded, &arena), &arena))
		abort();
	return 0;
}
