// SPDX-License-Identifier: Apache-2.0

/* Foreign bytes as WWW-Authenticate: a refusal leaves what was known; Bearer has a realm. */

#include "base/text.h"
#include "engine/registry/challenge.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	struct challenge challenge = {};
	text_add_bytes(&text, data, size);
	int r = challenge_parse(text_get(&text), &arena, &challenge);
	if (r != 0 && (r != -EINVAL || challenge.scheme != CHALLENGE_NONE))
		abort();
	if (challenge.scheme == CHALLENGE_BEARER && text_empty(challenge.realm))
		abort();
	return 0;
}
