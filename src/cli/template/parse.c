// SPDX-License-Identifier: Apache-2.0

/*
 * Tokens to a tree, by recursive descent with one token of foresight. What can
 * be wrong without any data is found here: unknown functions, variables that
 * nobody declared, blocks without end.
 */

#include "cli/template/internal.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct parser {
	struct arena *arena;
	const char *source;
	struct lexer lexer;
	struct token now;
	struct variable variables[VARIABLES_MAX]; /* names only */
	unsigned variable_count;
	unsigned depth, loops;
};

/* What ends a list of nodes. */
enum ender { ENDER_SOURCE, ENDER_END, ENDER_ELSE };

static int parse_nodes(struct parser *parser, struct node **ret_nodes, enum ender *ret_ender);
static int parse_pipeline(
	struct parser *parser, unsigned most_names, struct pipeline **ret_pipeline);

int template_error(const char *source, const char *at, const char *format, ...)
{
	unsigned line = 1;
	const char *start = source;
	for (const char *c = source; c < at; c++)
		if (*c == '\n') {
			line++;
			start = c + 1;
		}
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return refuse(-EINVAL, "template:%u:%zu: %s", line, (size_t)(at - start) + 1, text);
}

static int advance(struct parser *parser)
{
	parser->now = lex(&parser->lexer);
	if (parser->now.kind == TOKEN_ERROR)
		return template_error(parser->source, parser->now.at, "%s", parser->now.message);
	return 0;
}

static int unexpected(const struct parser *parser, const char *wanted)
{
	const struct token *now = &parser->now;
	if (now->kind == TOKEN_END)
		return template_error(
			parser->source, now->at, "the template ends, but %s should come", wanted);
	return template_error(parser->source, now->at, "\"%.*s\" stands where %s should be",
		(int)(now->length < 40 ? now->length : 40), now->at, wanted);
}

static bool is_mark(const struct token *token, char mark)
{
	return token->kind == TOKEN_MARK && *token->at == mark;
}

static bool is_word(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && strlen(word) == token->length &&
	       memcmp(token->at, word, token->length) == 0;
}

/* ---- pipelines ---- */

static bool declared(const struct parser *parser, const struct token *token)
{
	if (token->length == 1)
		return true; /* $ is the data */
	for (unsigned i = parser->variable_count; i-- > 0;)
		if (parser->variables[i].length == token->length - 1 &&
			memcmp(parser->variables[i].name, token->at + 1, token->length - 1) == 0)
			return true;
	return false;
}

static int parse_word(struct parser *parser, struct operand *operand)
{
	const struct token *now = &parser->now;
	if (is_word(now, "true") || is_word(now, "false")) {
		operand->value = value_of_boolean(now->at[0] == 't');
		return 0;
	}
	if (is_word(now, "nil"))
		return 0;
	operand->kind = OPERAND_FUNCTION;
	operand->function = function_find(now->at, now->length);
	if (!operand->function) {
		int r = template_error(parser->source, now->at, "unknown function \"%.*s\"",
			(int)now->length, now->at);
		hint("a field has a dot in front: {{.%.*s}}", (int)now->length, now->at);
		return r;
	}
	return 0;
}

/* One operand without its fields. *ret_operand stays NULL where none begins. */
static int parse_operand_start(struct parser *parser, struct operand **ret_operand)
{
	const struct token *now = &parser->now;
	struct operand *operand = arena_new(parser->arena, struct operand, 1);
	operand->at = now->at;
	int r = 0;
	switch (now->kind) {
	case TOKEN_DOT:
		operand->kind = OPERAND_DOT;
		break;
	case TOKEN_FIELD:
		/* The field itself is read as the chain behind an invisible dot. */
		operand->kind = OPERAND_DOT;
		operand->at--;
		*ret_operand = operand;
		return 0;
	case TOKEN_VARIABLE:
		if (!declared(parser, now))
			return template_error(parser->source, now->at,
				"the variable %.*s is not declared", (int)now->length, now->at);
		operand->kind = OPERAND_VARIABLE;
		operand->name.bytes = now->at + 1;
		operand->name.length = now->length - 1;
		break;
	case TOKEN_WORD:
		r = parse_word(parser, operand);
		break;
	case TOKEN_NUMBER:
		r = constant_number(parser->source, now, &operand->value);
		break;
	case TOKEN_STRING:
	case TOKEN_RAW:
	case TOKEN_CHARACTER:
		r = constant_text(parser->arena, parser->source, now, &operand->value);
		break;
	default:
		if (!is_mark(now, '('))
			return 0;
		operand->kind = OPERAND_PIPELINE;
		r = advance(parser);
		if (r >= 0)
			r = parse_pipeline(parser, 0, &operand->pipeline);
		if (r >= 0 && !is_mark(&parser->now, ')'))
			return unexpected(parser, "\")\"");
	}
	if (r < 0)
		return r;
	*ret_operand = operand;
	return advance(parser);
}

static int parse_operand(struct parser *parser, struct operand **ret_operand)
{
	struct operand *operand = NULL;
	int r = parse_operand_start(parser, &operand);
	if (r < 0 || !operand)
		return r;
	/* ".A" as the first word may have a blank before it; behind that none may. */
	bool first = operand->at + 1 == parser->now.at;
	struct field **last = &operand->fields;
	while (parser->now.kind == TOKEN_FIELD && (first || !parser->now.spaced)) {
		if (operand->kind == OPERAND_FUNCTION)
			return unexpected(parser, "a blank");
		*last = arena_new(parser->arena, struct field, 1);
		**last = (struct field){.at = parser->now.at, .length = parser->now.length};
		last = &(*last)->next;
		first = false;
		r = advance(parser);
		if (r < 0)
			return r;
	}
	*ret_operand = operand;
	return 0;
}

/* {{.Label "com.example.role"}}: Docker's method, which here is a member of a map. */
static bool is_lookup(const struct operand *head, size_t count)
{
	return count == 1 && head->next && head->fields && head->next->kind == OPERAND_VALUE &&
	       head->next->value.kind == VALUE_STRING && !head->next->fields;
}

static int check_command(const struct parser *parser, const struct command *command, bool piped)
{
	const struct operand *head = command->operands;
	size_t count = piped;
	for (const struct operand *operand = head->next; operand; operand = operand->next)
		count++;
	if (head->kind != OPERAND_FUNCTION && count && !is_lookup(head, count))
		return template_error(parser->source, head->at,
			"only a function takes arguments; %s",
			head->next ? "two values stand side by side"
				   : "a value stands behind \"|\"");
	if (head->kind == OPERAND_VALUE && head->value.kind == VALUE_NONE)
		return template_error(parser->source, head->at, "nil is not a command");
	if (head->kind != OPERAND_FUNCTION)
		return 0;
	const struct function *function = head->function;
	if (count < function->least || count > function->most)
		return template_error(parser->source, head->at, "%s: %zu arguments are too %s",
			function->name, count, count < function->least ? "few" : "many");
	return 0;
}

static int parse_command(struct parser *parser, bool piped, struct command **ret_command)
{
	struct command *command = arena_new(parser->arena, struct command, 1);
	struct operand **last = &command->operands;
	for (;;) {
		if (command->operands && !parser->now.spaced && parser->now.kind != TOKEN_CLOSE &&
			parser->now.kind != TOKEN_MARK)
			return unexpected(parser, "a blank");
		int r = parse_operand(parser, last);
		if (r < 0)
			return r;
		if (!*last)
			break;
		last = &(*last)->next;
	}
	if (!command->operands)
		return unexpected(parser, "a value");
	int r = check_command(parser, command, piped);
	if (r < 0)
		return r;
	*ret_command = command;
	return 0;
}

static int declare(struct parser *parser, const struct variable *name)
{
	if (parser->variable_count == VARIABLES_MAX)
		return template_error(parser->source, name->name, "too many variables");
	parser->variables[parser->variable_count++] = *name;
	return 0;
}

/*
 * "$x :=", "$i, $v :=" or "$x =" in front of a pipeline. A variable that is only
 * read begins the same way, so we look ahead on a copy of the lexer.
 */
static int parse_names(struct parser *parser, unsigned most, struct pipeline *pipeline)
{
	struct parser before = *parser;
	struct variable names[2];
	unsigned count = 0;
	while (parser->now.kind == TOKEN_VARIABLE && count < most) {
		names[count++] = (struct variable){
			.name = parser->now.at + 1, .length = parser->now.length - 1};
		struct token name = parser->now;
		int r = advance(parser);
		if (r < 0)
			return r;
		bool assigns = is_mark(&parser->now, '=');
		if (parser->now.kind == TOKEN_COLON || assigns) {
			if (assigns && !declared(&before, &name))
				return template_error(parser->source, name.at,
					"the variable %.*s is not declared", (int)name.length,
					name.at);
			memcpy(pipeline->names, names, sizeof(names[0]) * count);
			pipeline->name_count = count;
			pipeline->assigns = assigns;
			return advance(parser);
		}
		if (!is_mark(&parser->now, ','))
			break;
		r = advance(parser);
		if (r < 0)
			return r;
	}
	*parser = before;
	return 0;
}

/* most_names: how many variables it may declare. */
static int parse_pipeline(
	struct parser *parser, unsigned most_names, struct pipeline **ret_pipeline)
{
	if (++parser->depth > DEPTH_MAX)
		return template_error(parser->source, parser->now.at, "nested too deeply");
	struct pipeline *pipeline = arena_new(parser->arena, struct pipeline, 1);
	pipeline->at = parser->now.at;
	int r = parse_names(parser, most_names, pipeline);
	if (r < 0)
		return r;

	struct command **last = &pipeline->commands;
	for (;;) {
		r = parse_command(parser, last != &pipeline->commands, last);
		if (r < 0)
			return r;
		last = &(*last)->next;
		if (!is_mark(&parser->now, '|'))
			break;
		r = advance(parser);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < pipeline->name_count && !pipeline->assigns; i++) {
		r = declare(parser, &pipeline->names[i]);
		if (r < 0)
			return r;
	}
	parser->depth--;
	*ret_pipeline = pipeline;
	return 0;
}

/* ---- nodes ---- */

static int parse_close(struct parser *parser)
{
	return parser->now.kind == TOKEN_CLOSE ? advance(parser) : unexpected(parser, "}}");
}

static int parse_block(struct parser *parser, enum node_kind kind, struct node *node);

/* Behind {{else: the rest of an if or with chain, or the other body up to {{end}}. */
static int parse_else(struct parser *parser, struct node *node)
{
	bool chained = (node->kind == NODE_IF && is_word(&parser->now, "if")) ||
		       (node->kind == NODE_WITH && is_word(&parser->now, "with"));
	if (chained) {
		struct node *inner = arena_new(parser->arena, struct node, 1);
		inner->at = parser->now.at;
		node->otherwise = inner;
		int r = advance(parser);
		return r < 0 ? r : parse_block(parser, node->kind, inner);
	}
	int r = parse_close(parser);
	enum ender ender = ENDER_END;
	if (r >= 0)
		r = parse_nodes(parser, &node->otherwise, &ender);
	if (r < 0)
		return r;
	if (ender != ENDER_END)
		return unexpected(parser, "{{end}}");
	return parse_close(parser);
}

/* {{if, {{with or {{range up to and with its {{end}}. */
static int parse_block(struct parser *parser, enum node_kind kind, struct node *node)
{
	if (++parser->depth > DEPTH_MAX)
		return template_error(parser->source, node->at, "nested too deeply");
	unsigned variables = parser->variable_count;
	node->kind = kind;
	parser->loops += kind == NODE_RANGE;
	enum ender ender = ENDER_END;
	int r = parse_pipeline(parser, kind == NODE_RANGE ? 2 : 1, &node->pipeline);
	unsigned own = kind == NODE_RANGE ? variables : parser->variable_count;
	if (r >= 0)
		r = parse_close(parser);
	if (r >= 0)
		r = parse_nodes(parser, &node->body, &ender);
	if (r < 0)
		return r;
	/* {{else}} knows the variables of an if or with, but not those of a round. */
	parser->variable_count = own;
	parser->loops -= kind == NODE_RANGE;

	if (ender == ENDER_SOURCE)
		r = template_error(parser->source, node->at, "this block has no {{end}}");
	else if (ender == ENDER_ELSE)
		r = parse_else(parser, node);
	else
		r = parse_close(parser);
	parser->variable_count = variables;
	parser->depth--;
	return r;
}

static int parse_action(struct parser *parser, struct node *node)
{
	static const struct {
		char word[8];
		enum node_kind kind;
	} blocks[] = {{"if", NODE_IF}, {"with", NODE_WITH}, {"range", NODE_RANGE}};

	struct token now = parser->now;
	node->at = now.at;
	for (size_t i = 0; i < array_length(blocks); i++)
		if (is_word(&now, blocks[i].word)) {
			int r = advance(parser);
			return r < 0 ? r : parse_block(parser, blocks[i].kind, node);
		}
	if (is_word(&now, "break") || is_word(&now, "continue")) {
		if (parser->loops == 0)
			return template_error(parser->source, now.at, "%.*s outside of range",
				(int)now.length, now.at);
		node->kind = now.at[0] == 'b' ? NODE_BREAK : NODE_CONTINUE;
		int r = advance(parser);
		return r < 0 ? r : parse_close(parser);
	}
	if (is_word(&now, "define") || is_word(&now, "template") || is_word(&now, "block"))
		return template_error(parser->source, now.at, "%.*s is not supported in a format",
			(int)now.length, now.at);
	node->kind = NODE_PRINT;
	int r = parse_pipeline(parser, 1, &node->pipeline);
	return r < 0 ? r : parse_close(parser);
}

/* Behind {{: whether a word ends the present list; takes that word. */
static int parse_ender(struct parser *parser, bool *ret_ended, enum ender *ret_ender)
{
	bool end = is_word(&parser->now, "end"), other = is_word(&parser->now, "else");
	if (!end && !other)
		return 0;
	*ret_ended = true;
	*ret_ender = end ? ENDER_END : ENDER_ELSE;
	return advance(parser);
}

static int parse_nodes(struct parser *parser, struct node **ret_nodes, enum ender *ret_ender)
{
	struct node **last = ret_nodes;
	while (parser->now.kind != TOKEN_END) {
		struct token now = parser->now;
		int r = advance(parser);
		if (r < 0)
			return r;
		struct node *node = arena_new(parser->arena, struct node, 1);
		if (now.kind == TOKEN_TEXT) {
			*node = (struct node){
				.kind = NODE_TEXT, .at = now.at, .length = now.length};
			*last = node;
			last = &node->next;
			continue;
		}
		bool ended = false;
		r = parse_ender(parser, &ended, ret_ender);
		if (r < 0 || ended)
			return r;
		r = parse_action(parser, node);
		if (r < 0)
			return r;
		*last = node;
		last = &node->next;
	}
	*ret_ender = ENDER_SOURCE;
	return 0;
}

int template_parse(struct arena *arena, const char *source, const struct template **ret_template)
{
	struct parser parser = {.arena = arena, .source = source, .lexer = {.next = source}};
	struct template *template = arena_new(arena, struct template, 1);
	template->source = source;
	enum ender ender = ENDER_SOURCE;
	int r = advance(&parser);
	if (r >= 0)
		r = parse_nodes(&parser, &template->nodes, &ender);
	if (r < 0)
		return r;
	if (ender != ENDER_SOURCE)
		return template_error(source, parser.now.at, "{{%s}} without a block to end",
			ender == ENDER_END ? "end" : "else");
	*ret_template = template;
	return 0;
}
