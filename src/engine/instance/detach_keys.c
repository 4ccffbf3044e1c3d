// SPDX-License-Identifier: Apache-2.0

/*
 * Keys that may be the beginning of the sequence are held back until the next one tells. When it
 * was something else, what was held goes on, except for the end of it that may be a beginning
 * again: with "a,a,b" typing a, a, a, b detaches.
 */

#include "engine/instance/detach_keys.h"

#include "base/error.h"
#include "base/scope.h"

#include <string.h>

/* "ctrl-a" or one character. Returns the byte, or -EINVAL. */
static int read_key(const char *word, size_t length)
{
	if (length == 1)
		return (unsigned char)word[0];
	if (length != 6 || strncmp(word, "ctrl-", 5) != 0)
		return -EINVAL;
	char letter = word[5];
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 1;
	const char *others = "@[\\]^_";
	const char *found = letter ? strchr(others, letter) : NULL;
	if (!found)
		return -EINVAL;
	return letter == '@' ? 0 : 26 + (int)(found - others);
}

int detach_keys_read(const char *words, struct detach_keys *ret_keys)
{
	struct detach_keys keys = {};
	const char *rest = words;
	while (*rest) {
		size_t length = strcspn(rest, ",");
		int key = read_key(rest, length);
		if (key < 0)
			return refuse(-EINVAL, "--detach-keys %s: unknown key \"%.*s\"", words,
				(int)length, rest);
		if (keys.count == DETACH_KEYS_MAX)
			return refuse(-EINVAL, "--detach-keys %s: more than %d keys", words,
				DETACH_KEYS_MAX);
		keys.keys[keys.count++] = (unsigned char)key;
		rest += length;
		if (*rest == ',' && !*++rest)
			return refuse(-EINVAL, "--detach-keys %s ends with a comma", words);
	}
	*ret_keys = keys;
	return 0;
}

bool detach_keys_filter(struct detach_keys *keys, const unsigned char *typed, size_t length,
	unsigned char *out, size_t *ret_length)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		if (keys->count == 0) {
			out[used++] = typed[i];
			continue;
		}
		/* What is held is always a beginning of the keys: the keys themselves are it. */
		while (keys->matched && keys->keys[keys->matched] != typed[i]) {
			size_t shorter = keys->matched - 1;
			while (shorter && memcmp(keys->keys, keys->keys + keys->matched - shorter,
						  shorter) != 0)
				shorter--;
			memcpy(out + used, keys->keys, keys->matched - shorter);
			used += keys->matched - shorter;
			keys->matched = shorter;
		}
		if (keys->keys[keys->matched] == typed[i])
			keys->matched++;
		else
			out[used++] = typed[i];
		if (keys->matched == keys->count) {
			keys->matched = 0;
			*ret_length = used;
			return true;
		}
	}
	*ret_length = used;
	return false;
}
