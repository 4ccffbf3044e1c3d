// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Private to src/cli/template: tokens, the tree that a template becomes, and the
 * values that pass through its pipelines.
 *
 *	source → lex.c → tokens → parse.c → nodes → evaluate.c → text
 */

#include "cli/template/template.h"

#include <stdbool.h>

/* ---- values ---- */

enum value_kind {
	VALUE_NONE, /* no such field, or null */
	VALUE_BOOLEAN,
	VALUE_INTEGER,
	VALUE_NUMBER,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_MAP,
};

struct value {
	enum value_kind kind;
	union {
		bool boolean;
		__int128 integer; /* holds all of int64_t and uint64_t */
		double number;
		struct {
			const char *bytes;
			size_t length;
		} string;
		const struct json_value *json; /* of a list or a map */
	};
};

/** json may be NULL: absent. */
struct value value_of_json(const struct json_value *json);
struct value value_of_integer(int64_t integer);
struct value value_of_boolean(bool boolean);
struct value value_of_bytes(const char *bytes, size_t length);

/** Go's truth: not false, 0, "", empty or absent. */
bool value_truth(const struct value *value);

/** As Go's %v prints it: lists as [a b], maps as map[k:v] with sorted keys. */
void value_print(const struct value *value, struct text *out);

/** "string", "map", … for errors. */
const char *value_kind_name(const struct value *value);

/**
 * Puts the order of a and b (negative, 0, positive) into *ret_order. -EINVAL where
 * they cannot be compared; what cannot be ordered (booleans, absent) yields 0 or 1.
 */
[[nodiscard]] int value_compare(const struct value *a, const struct value *b, int *ret_order);

/** Members of a map sorted by their keys' bytes, in the arena; NULL-terminated. */
const struct json_value **map_members(struct arena *arena, const struct json_value *map);

/** The member of that name, NULL if there is none. */
const struct json_value *map_find(const struct json_value *map, const char *name, size_t length);

/** The n-th element of a list, which has so many. */
const struct json_value *list_element(const struct json_value *list, size_t n);

/* ---- tokens ---- */

enum token_kind {
	TOKEN_TEXT,  /* outside of {{ }}, trimmed */
	TOKEN_OPEN,  /* {{ */
	TOKEN_CLOSE, /* }} */
	TOKEN_END,   /* of the source */
	TOKEN_DOT,
	TOKEN_FIELD,    /* .Name; at is the name */
	TOKEN_VARIABLE, /* $name; at is the "$" */
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_STRING, /* with its quotes */
	TOKEN_RAW,    /* with its backquotes */
	TOKEN_CHARACTER,
	TOKEN_MARK,  /* one of ( ) | , = */
	TOKEN_COLON, /* := */
	TOKEN_ERROR, /* at: where; message says what */
};

struct token {
	enum token_kind kind;
	const char *at;
	size_t length;
	bool spaced;         /* a blank stands before it */
	const char *message; /* of TOKEN_ERROR */
};

struct lexer {
	const char *next;
	bool inside; /* of {{ }} */
	bool trim;   /* the text that follows loses its blanks in front */
};

struct token lex(struct lexer *lexer);

/** The value of a quoted token or a number. 0 or -EINVAL with a story. */
[[nodiscard]] int constant_text(struct arena *arena, const char *source, const struct token *token,
	struct value *ret_value);
[[nodiscard]] int constant_number(
	const char *source, const struct token *token, struct value *ret_value);

/* ---- the tree ---- */

struct function;
struct run;

enum operand_kind {
	OPERAND_VALUE,    /* a constant */
	OPERAND_DOT,      /* "." or the chain .A.B */
	OPERAND_VARIABLE, /* $x */
	OPERAND_FUNCTION,
	OPERAND_PIPELINE, /* ( … ) */
};

struct field {
	struct field *next;
	const char *at;
	size_t length;
};

struct operand {
	struct operand *next;
	enum operand_kind kind;
	const char *at;
	struct field *fields; /* .A.B behind it */
	union {
		struct value value;
		struct {
			const char *bytes;
			size_t length;
		} name; /* of a variable, without "$" */
		const struct function *function;
		struct pipeline *pipeline;
	};
};

struct command {
	struct command *next;
	struct operand *operands;
};

struct variable {
	const char *name;
	size_t length;
	struct value value;
};

struct pipeline {
	const char *at;
	struct variable names[2]; /* $i, $v := */
	unsigned name_count;
	bool assigns; /* = instead of := */
	struct command *commands;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE, NODE_BREAK, NODE_CONTINUE };

struct node {
	struct node *next;
	enum node_kind kind;
	const char *at;
	size_t length; /* of text */
	struct pipeline *pipeline;
	struct node *body, *otherwise;
};

struct template
{
	const char *source;
	struct node *nodes;
};

/** Starts the story "template:LINE:COLUMN: …" about a place in source. Returns -EINVAL. */
[[gnu::format(printf, 3, 4)]] int template_error(
	const char *source, const char *at, const char *format, ...);

/* ---- running ---- */

#define VARIABLES_MAX 64
#define DEPTH_MAX 64
/* Nodes and functions that one run may visit. Every row of a list is a run of its own. */
#define STEPS_MAX 200000
#define WIDTH_MAX 4096
#define ARGUMENTS_MAX 16
#define TEMPLATE_OUTPUT_MAX (64u << 20)

struct run {
	const struct template *template;
	struct arena arena;
	struct text *out;
	const struct json_value *data;
	bool heading;                                 /* data are titles of columns */
	struct variable variables[VARIABLES_MAX + 1]; /* and "$" */
	unsigned variable_count;
	unsigned steps;
};

/** Arguments of a function call, and where it stands. */
struct call {
	struct run *run;
	const char *at;
	const struct value *arguments;
	size_t count;
};

struct function {
	char name[12];
	unsigned char least, most;                                /* arguments */
	enum { FUNCTION_STRICT, FUNCTION_AND, FUNCTION_OR } lazy; /* and, or: stop early */
	bool shapes; /* gives its first argument another look: does nothing to a heading */
	int (*apply)(const struct call *call, struct value *ret_value);
};

/** NULL where there is none of that name. */
const struct function *function_find(const char *name, size_t length);

/** "RunningFor": "RUNNING FOR". */
struct value heading_of_field(struct run *run, const char *name, size_t length);

/** Bytes that live as long as the run. */
struct value run_string(struct run *run, const struct text *text);

/** An error at the place of the call. Returns -EINVAL. */
[[gnu::format(printf, 2, 3)]] int call_error(const struct call *call, const char *format, ...);

/** printf of Go: %s %v %d %q %x %X %o %b %c %t %f %e %g %% with flags, width and precision. */
int function_printf(const struct call *call, struct value *ret_value);
