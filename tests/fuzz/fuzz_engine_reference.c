// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as references. What is accepted is safe in a path and an address, and means the
 * same when its full or its familiar form is read again.
 */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	struct reference reference, again;
	text_add_bytes(&text, data, size);
	error_clear();
	int r = reference_parse(text_get(&text), &arena, &reference);
	demand(r == 0 || (r == -EINVAL && error_text()[0]));
	if (r < 0)
		return 0;
	const char *name = reference_name(&reference, &arena);
	demand(!strstr(name, "/.") && !strstr(name, "//") && name[0] != '/');
	for (const char *c = name; *c; c++)
		demand((unsigned char)*c > ' ' && (unsigned char)*c < 0x7f &&
			!strchr("\"'\\?#%", *c));
	demand(reference_parse(name, &arena, &again) == 0);
	demand(text_equal(name, reference_name(&again, &arena)));
	demand(reference_parse(reference_familiar(&reference, &arena), &arena, &again) == 0);
	demand(text_equal(name, reference_name(&again, &arena)));
	return 0;
}
