// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Option tables. A verb has a struct for what its options say and a table of
 * the same name whose rows fill it:
 *
 *	struct greet_options {
 *		bool loud;
 *		const char *name;
 *		uint64_t memory_bytes;
 *	};
 *
 *	static const struct option greet_options[] = {
 *		{"-l, --loud", "shout", flag_in(greet_options, loud)},
 *		{"--name=NAME", "whom to greet", text_in(greet_options, name)},
 *		{"-m, --memory=SIZE", "limit on memory", size_in(greet_options, memory_bytes)},
 *		{},
 *	};
 *
 * The row says the option as the person reads it in --help; the parser, the
 * completion and the manual read the same words. The third word of a row names
 * the field; a field of the wrong type does not compile.
 *
 * Rows hold their text inside, not pointers to it: the program is a static PIE,
 * and every pointer in a table would be relocated at every start, whether the
 * table is used or not. Text that does not fit does not compile either.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_PAIRS,
	OPTION_SIZE,
	OPTION_LIMIT,
	OPTION_INTEGER,
	OPTION_DECIMAL,
	OPTION_DURATION,
	OPTION_CHOICE,
};

/** What a repeated option gathers, in the order given; words point into argv. */
struct option_list {
	const char **words;
	size_t count;
};

/** NAME[=VALUE]; value is NULL where no "=" was written. */
struct option_pair {
	const char *name, *value;
};
struct option_pairs {
	struct option_pair *pairs;
	size_t count;
};

/** Where a value goes; made by the …_in() macros. */
struct option_field {
	uint8_t kind;        /* enum option_kind */
	uint8_t width_bytes; /* of the field */
	bool is_signed;
	uint16_t offset; /* in the struct that the table fills */
};

struct option {
	/*
	 * "-m, --memory=SIZE": an optional letter, the long name, further long names
	 * ("--network, --net=NAME": understood, but not shown), then "=" and the
	 * placeholder, or "[=WORD]" where the value may be left out, or nothing for a
	 * flag. The placeholder decides how the value is completed (see complete.h);
	 * of a choice it lists the words: "--format=text|json".
	 */
	char spec[64];
	/* One phrase, no capital, no full stop. */
	char help[120];
	struct option_field field;
	bool hidden; /* works, but is in no help: other programs' spellings */
	/* Shown as "(default: …)" where verb.defaults does not say it already. */
	char fallback[24];
	/* Long names that cannot be given with this one: "--rm --restart". */
	char conflicts[32];
};

/* ---- where a value goes: kind, and the type that the field must have ---- */

/** bool; --name, --name=true, --name=false */
#define flag_in(tag, member) option_field_(OPTION_FLAG, tag, member, bool)
/** const char *, as written; NULL when not given; "" for a left-out optional value */
#define text_in(tag, member) option_field_(OPTION_TEXT, tag, member, const char *)
/** struct option_list */
#define list_in(tag, member) option_field_(OPTION_LIST, tag, member, struct option_list)
/** struct option_pairs */
#define pairs_in(tag, member) option_field_(OPTION_PAIRS, tag, member, struct option_pairs)
/** uint64_t bytes: "512m", "2GiB" (parse_size) */
#define size_in(tag, member) option_field_(OPTION_SIZE, tag, member, uint64_t)
/** int64_t bytes: a size, or "-1" for no limit */
#define limit_in(tag, member) option_field_(OPTION_LIMIT, tag, member, int64_t)
/** int64_t in billionths: "1.5" is 1500000000 */
#define decimal_in(tag, member) option_field_(OPTION_DECIMAL, tag, member, int64_t)
/** int64_t nanoseconds: "1m30s", "300ms"; a bare number is seconds */
#define duration_in(tag, member) option_field_(OPTION_DURATION, tag, member, int64_t)
/** Any integer type; the range is that of the type. */
#define integer_in(tag, member) \
	option_number_(OPTION_INTEGER, tag, member, (option_type_(tag, member))0.5 == 0)
/** An enum (as wide as int) whose members are in the order of the words, from 0. */
#define choice_in(tag, member) \
	option_number_( \
		OPTION_CHOICE, tag, member, sizeof(option_member_(tag, member)) == sizeof(int))

/* ---- how tables come together ---- */

/** Rows under one title in --help, and where in the verb's options their struct lies. */
struct option_group {
	char title[28];
	uint16_t offset;
	const struct option *options;
};

/* Left alone, for it spreads braces inside macros over a dozen lines. */
/* clang-format off */

/**
 * In a struct verb: the options are struct tag, filled by the table of the same
 * name; shared_options() may follow.
 */
#define verb_options(tag, ...) \
	.options_size = sizeof(struct tag), \
	.groups = (const struct option_group[]){{"Options", 0, tag}, ##__VA_ARGS__, {}}

/** A table that several verbs use: struct tag has a member of type struct shared. */
#define shared_options(title, shared, tag, member) \
	{title, offsetof(struct tag, member) + \
		option_require_(option_is_(tag, member, struct shared)), shared}

/* ---- how the macros check ---- */

#define option_member_(tag, member) (((struct tag *)0)->member)
#define option_type_(tag, member) __typeof__(option_member_(tag, member))
#define option_is_(tag, member, type) \
	__builtin_types_compatible_p(option_type_(tag, member), type)

/* 0 where the condition holds, an error of compilation where not. */
#define option_require_(condition) \
	(0 * sizeof(struct { \
		_Static_assert(condition, "the field has not the type of this kind of option"); \
		char unused; \
	}))
#define option_field_(kind, tag, member, type) \
	{kind, sizeof(option_member_(tag, member)), false, \
		offsetof(struct tag, member) + option_require_(option_is_(tag, member, type))}
#define option_number_(kind, tag, member, condition) \
	{kind, sizeof(option_member_(tag, member)), (option_type_(tag, member))-1 < 1, \
		offsetof(struct tag, member) + option_require_(condition)}

/* clang-format on */
