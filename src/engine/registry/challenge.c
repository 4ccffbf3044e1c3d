// SPDX-License-Identifier: Apache-2.0

/*
 * A challenge is a word and a list of name=value pairs; a comma separates pairs and challenges
 * alike, so what a word is shows only behind it: "=" makes it a name.
 */

#include "engine/registry/challenge.h"

#include "base/text.h"

#include <errno.h>
#include <strings.h>

/* RFC 9110's token, and "/" for the words of base64. */
#define TOKEN_BYTES "!#$%&'*+-./^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct reader {
	const char *next;
	struct arena *arena;
};

static void skip(struct reader *reader, const char *bytes)
{
	reader->next += strspn(reader->next, bytes);
}

/* NULL where no word begins here. */
static const char *read_word(struct reader *reader)
{
	size_t length = strspn(reader->next, TOKEN_BYTES);
	if (length == 0)
		return NULL;
	const char *word = arena_strndup(reader->arena, reader->next, length);
	reader->next += length;
	return word;
}

/* The text between quotes; "\" takes the next byte as it is. NULL without a closing quote. */
static const char *read_quoted(struct reader *reader)
{
	char *text = arena_alloc(reader->arena, strlen(reader->next) + 1), *end = text;
	for (const char *c = reader->next + 1; *c; c++) {
		if (*c == '"') {
			reader->next = c + 1;
			return text;
		}
		if (*c == '\\' && !*++c)
			return NULL;
		if ((unsigned char)*c < ' ' && *c != '\t')
			return NULL;
		*end++ = *c;
	}
	return NULL;
}

static void keep(struct challenge *challenge, const char *name, const char *value)
{
	if (strcasecmp(name, "realm") == 0)
		challenge->realm = value;
	else if (strcasecmp(name, "service") == 0)
		challenge->service = value;
	else if (strcasecmp(name, "scope") == 0)
		challenge->scope = value;
	else if (strcasecmp(name, "error") == 0)
		challenge->error = value;
}

static void settle(const struct challenge *found, struct challenge *best)
{
	if (found->scheme == CHALLENGE_BEARER && text_empty(found->realm))
		return;
	if (found->scheme > best->scheme)
		*best = *found;
}

static enum challenge_scheme scheme_of(const char *word)
{
	if (strcasecmp(word, "Bearer") == 0)
		return CHALLENGE_BEARER;
	return strcasecmp(word, "Basic") == 0 ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* The value behind "=", where some forget the quotes. */
static const char *read_value(struct reader *reader)
{
	skip(reader, " \t");
	if (*reader->next == '"')
		return read_quoted(reader);
	size_t length = strcspn(reader->next, " \t,\"");
	const char *value = arena_strndup(reader->arena, reader->next, length);
	reader->next += length;
	return length > 0 ? value : NULL;
}

int challenge_parse(const char *value, struct arena *arena, struct challenge *challenge)
{
	struct reader reader = {.next = value, .arena = arena};
	struct challenge found = {}, best = *challenge;
	bool begun = false;
	for (;;) {
		skip(&reader, " \t,");
		if (!*reader.next)
			break;
		const char *word = read_word(&reader);
		if (!word)
			return -EINVAL;
		const char *behind = reader.next;
		skip(&reader, " \t");
		if (begun && *reader.next == '=') {
			reader.next++;
			const char *parameter = read_value(&reader);
			if (!parameter)
				return -EINVAL;
			keep(&found, word, parameter);
			continue;
		}
		if (*behind && !strchr(" \t,", *behind))
			return -EINVAL;
		if (begun)
			settle(&found, &best);
		found = (struct challenge){.scheme = scheme_of(word)};
		begun = true;
	}
	if (begun)
		settle(&found, &best);
	*challenge = best;
	return 0;
}
