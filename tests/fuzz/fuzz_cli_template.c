// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as a template: "SOURCE" or "SOURCE\0JSON". Beside not crashing, a
 * refusal tells a story, and a template that prints prints the same twice.
 */

#include "base/error.h"
#include "cli/template/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fixed[] = "{\"ID\":\"4f2c\",\"Names\":[\"web\",\"b\"],\"Pid\":4711,\"On\":true,"
			    "\"Load\":1.5,\"None\":null,\"Labels\":{\"a\":\"1\",\"b\":\"2\"},"
			    "\"Mounts\":[{\"Source\":\"/a\",\"RW\":true},{\"Source\":\"/c\"}]}";

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void print_twice(const struct template *template, const struct json_value *json)
{
	autofini(text_fini) struct text first = {};
	autofini(text_fini) struct text second = {};
	int r = template_print(template, json, &first);
	demand(r < 0 ? error_text()[0] != '\0' : r == 0);
	error_clear();
	demand(template_print(template, json, &second) == r);
	demand(text_equal(text_get(&first), text_get(&second)));
	error_clear();
	second.length = 0;
	r = template_print_heading(template, json, &second);
	demand(r <= 0);
	error_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(text_fini) struct text bytes = {};
	text_add_bytes(&bytes, data, size);
	const char *source = text_get(&bytes);
	size_t length = strlen(source);
	const char *text = length + 1 < size ? source + length + 1 : fixed;
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	error_clear();
	if (json_parse(text, strlen(text), "fuzz", &arena, &document) < 0)
		return 0;

	const struct template *template = NULL;
	int r = template_parse(&arena, source, &template);
	demand(r < 0 ? error_text()[0] != '\0' : template != NULL);
	if (r >= 0)
		print_twice(template, document.top.value);
	return 0;
}
