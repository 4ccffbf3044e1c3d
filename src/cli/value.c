// SPDX-License-Identifier: Apache-2.0

/*
 * The words behind options become values of the verb's own fields. Comes in: a
 * row and the text of its value; goes out: the field, set, or one sentence that
 * says what was expected. The field keeps its default where the text is refused.
 */

#include "cli/parse.h"
#include "cli/spec.h"
#include "cli/units.h"

#include "base/error.h"

#include <errno.h>

static int not_a(const char *named, const char *value, const char *what, const char *example)
{
	int r = refuse(-EINVAL, "%s: \"%s\" is not %s", named, value, what);
	hint("%s", example);
	return r;
}

static int store_flag(bool *target, const char *named, const char *value)
{
	/* The words of Go's strconv.ParseBool, which scripts for Docker rely on. */
	static const char yes[] = "true,True,TRUE,t,T,1", no[] = "false,False,FALSE,f,F,0";
	if (!value || names_hold(yes, value, strlen(value)))
		*target = true;
	else if (names_hold(no, value, strlen(value)))
		*target = false;
	else
		return not_a(named, value, "true or false", "a flag is on by its name alone");
	return 0;
}

static void store_word(struct arena *arena, struct option_list *list, const char *value)
{
	const char **words = arena_new(arena, const char *, list->count + 1);
	if (list->count)
		memcpy(words, list->words, list->count * sizeof(*words));
	words[list->count] = value;
	*list = (struct option_list){words, list->count + 1};
}

static int store_pair(
	struct arena *arena, struct option_pairs *list, const char *named, const char *value)
{
	const char *equals = strchr(value, '=');
	if (value[0] == '\0' || equals == value)
		return not_a(named, value, "NAME=VALUE", "the name must not be empty");

	struct option_pair *pairs = arena_new(arena, struct option_pair, list->count + 1);
	if (list->count)
		memcpy(pairs, list->pairs, list->count * sizeof(*pairs));
	pairs[list->count] = (struct option_pair){value, NULL};
	if (equals)
		pairs[list->count] = (struct option_pair){
			arena_strndup(arena, value, (size_t)(equals - value)), equals + 1};
	*list = (struct option_pairs){pairs, list->count + 1};
	return 0;
}

static int store_size(uint64_t *target, const char *named, const char *value)
{
	if (parse_size(value, target) < 0)
		return not_a(
			named, value, "a size", "a number of bytes, or with k, m, g or t: 512m");
	return 0;
}

static int store_limit(int64_t *target, const char *named, const char *value)
{
	uint64_t size;
	if (text_equal(value, "-1"))
		*target = -1;
	else if (parse_size(value, &size) < 0 || size > INT64_MAX)
		return not_a(named, value, "a size", "512m, 2g; -1 takes the limit away");
	else
		*target = (int64_t)size;
	return 0;
}

static int store_integer(
	const struct option_field *field, void *target, const char *named, const char *value)
{
	unsigned bits = field->width_bytes * 8u;
	int r;
	if (field->is_signed) {
		int64_t number, highest = (int64_t)(UINT64_MAX >> (65 - bits));
		r = parse_int64(value, -highest - 1, highest, &number);
		/* Little-endian: the low bytes come first. */
		if (r >= 0)
			memcpy(target, &number, field->width_bytes);
	} else {
		uint64_t number;
		r = parse_uint64(value, UINT64_MAX >> (64 - bits), &number);
		if (r >= 0)
			memcpy(target, &number, field->width_bytes);
	}
	if (r == -ERANGE)
		return refuse(-EINVAL, "%s: %s is too large or too small", named, value);
	if (r < 0)
		return refuse(-EINVAL, "%s: \"%s\" is not a whole number", named, value);
	return 0;
}

static int store_choice(
	const struct option *option, void *target, const char *named, const char *value)
{
	struct option_spec spec = option_spec(option);
	char word[32];
	for (unsigned n = 0; choice_word(&spec, n, word, sizeof(word)); n++)
		if (text_equal(word, value)) {
			memcpy(target, &n, sizeof(n));
			return 0;
		}

	autofini(text_fini) struct text words = {};
	for (unsigned n = 0; choice_word(&spec, n, word, sizeof(word)); n++)
		text_format(&words, "%s%s", n ? ", " : "", word);
	int r = refuse(-EINVAL, "%s: \"%s\" is none of its words", named, value);
	hint("one of %s", text_get(&words));
	return r;
}

int option_store(struct arena *arena, const struct option *option, void *target, const char *named,
	const char *value)
{
	const struct option_field *field = &option->field;
	switch ((enum option_kind)field->kind) {
	case OPTION_FLAG:
		return store_flag(target, named, value);
	case OPTION_TEXT:
		*(const char **)target = value ? value : "";
		return 0;
	case OPTION_LIST:
		store_word(arena, target, value ? value : "");
		return 0;
	case OPTION_PAIRS:
		return store_pair(arena, target, named, value ? value : "");
	case OPTION_SIZE:
		return store_size(target, named, value ? value : "");
	case OPTION_LIMIT:
		return store_limit(target, named, value ? value : "");
	case OPTION_INTEGER:
		return store_integer(field, target, named, value ? value : "");
	case OPTION_DECIMAL:
		if (parse_decimal(value ? value : "", target) < 0)
			return not_a(named, value, "a number", "a number such as 2 or 0.5");
		return 0;
	case OPTION_DURATION:
		if (parse_duration(value ? value : "", target) < 0)
			return not_a(named, value, "a duration", "10 (seconds), 300ms or 1m30s");
		return 0;
	case OPTION_CHOICE:
		return store_choice(option, target, named, value ? value : "");
	}
	return refuse(-EINVAL, "%s: the option's row has no kind", named);
}
