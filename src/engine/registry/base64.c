// SPDX-License-Identifier: Apache-2.0
#include "engine/registry/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *base64_encode(const char *text, struct arena *arena)
{
	size_t length = strlen(text);
	char *out = arena_alloc(arena, (length + 2) / 3 * 4 + 1), *end = out;
	for (size_t i = 0; i < length; i += 3) {
		size_t some = length - i < 3 ? length - i : 3;
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < some ? (unsigned char)text[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*end++ = k <= some ? digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	return out;
}

const char *base64_decode(const char *text, struct arena *arena)
{
	size_t length = strlen(text), kept = 0;
	char *out = arena_alloc(arena, length / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t count = 0;
	const char *c = text;
	for (; *c && *c != '='; c++) {
		const char *digit = strchr(digits, *c);
		if (!digit)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (++count % 4 == 0)
			for (unsigned k = 0; k < 3; k++)
				out[kept++] = (char)(bits >> (16 - 8 * k));
	}
	size_t padding = strspn(c, "=");
	if (c[padding] || count % 4 == 1 || padding > 2)
		return NULL;
	if (count % 4 == 2)
		out[kept++] = (char)(bits >> 4);
	if (count % 4 == 3) {
		out[kept++] = (char)(bits >> 10);
		out[kept++] = (char)(bits >> 2);
	}
	while (kept > 0 && out[kept - 1] == '\0')
		kept--;
	out[kept] = '\0';
	return strlen(out) == kept ? out : NULL;
}
