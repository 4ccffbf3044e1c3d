// SPDX-License-Identifier: Apache-2.0

/*
 * Runs a template's tree on data. Dot is passed down as an argument; variables
 * stand on a stack that each block shortens again to where it found it.
 *
 * Steps are counted, because nested ranges multiply: three lines of template
 * over a list of a thousand are a thousand million rounds.
 */

#include "cli/template/internal.h"

#include "base/error.h"
#include "cli/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What a list of nodes ended with. */
enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static int run_nodes(
	struct run *run, const struct node *nodes, const struct value *dot, enum flow *ret_flow);
static int run_pipeline(struct run *run, const struct pipeline *pipeline, const struct value *dot,
	struct value *ret_value);

static int count_step(struct run *run, const char *at)
{
	if (++run->steps > STEPS_MAX || run->out->length > TEMPLATE_OUTPUT_MAX)
		return template_error(run->template->source, at, "this prints too much");
	return 0;
}

int call_error(const struct call *call, const char *format, ...)
{
	char text[200];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return template_error(call->run->template->source, call->at, "%s", text);
}

struct value run_string(struct run *run, const struct text *text)
{
	char *bytes = arena_alloc(&run->arena, text->length + 1);
	memcpy(bytes, text_get(text), text->length);
	return value_of_bytes(bytes, text->length);
}

/* ---- fields ---- */

struct value heading_of_field(struct run *run, const char *name, size_t length)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < length; i++) {
		if (i && isupper((unsigned char)name[i]) && islower((unsigned char)name[i - 1]))
			text_add(&text, " ");
		text_add_bytes(&text, &(char){(char)toupper((unsigned char)name[i])}, 1);
	}
	return run_string(run, &text);
}

static int unknown_field(struct run *run, const struct field *field)
{
	const char *nearest = NULL;
	unsigned least = field->length < 5 ? 2 : 3; /* two wrong letters of four are another word */
	for (const struct json_value *member = run->data->first; member; member = member->next) {
		const char *key = member->key;
		unsigned distance = edit_distance(key, strlen(key), field->at, field->length);
		if (distance < least) {
			least = distance;
			nearest = key;
		}
	}
	int r = template_error(run->template->source, field->at, "there is no field .%.*s",
		(int)field->length, field->at);
	if (nearest)
		hint("did you mean .%s?", nearest);
	return r;
}

static int read_field(struct run *run, const struct field *field, const struct value *from,
	struct value *ret_value)
{
	if (from->kind == VALUE_NONE) {
		*ret_value = *from;
		return 0;
	}
	if (run->heading && from->kind != VALUE_MAP) {
		*ret_value = heading_of_field(run, field->at, field->length);
		return 0;
	}
	if (from->kind != VALUE_MAP)
		return template_error(run->template->source, field->at, "%s has no field .%.*s",
			value_kind_name(from), (int)field->length, field->at);

	const struct json_value *json = map_find(from->json, field->at, field->length);
	if (json)
		*ret_value = value_of_json(json);
	else if (run->heading)
		*ret_value = heading_of_field(run, field->at, field->length);
	else if (from->json == run->data)
		return unknown_field(run, field);
	else
		*ret_value = (struct value){};
	return 0;
}

/* ---- operands, commands, pipelines ---- */

static struct variable *find_variable(struct run *run, const char *name, size_t length)
{
	for (unsigned i = run->variable_count; i-- > 0;) {
		struct variable *variable = &run->variables[i];
		if (variable->length == length && memcmp(variable->name, name, length) == 0)
			return variable;
	}
	return NULL;
}

/* The parser saw a declaration, but the run may have gone another way. */
static int read_variable(struct run *run, const struct operand *operand, struct value *ret_value)
{
	const struct variable *variable =
		find_variable(run, operand->name.bytes, operand->name.length);
	if (!variable)
		return template_error(run->template->source, operand->at,
			"the variable $%.*s has no value here", (int)operand->name.length,
			operand->name.bytes);
	*ret_value = variable->value;
	return 0;
}

static int run_call(struct run *run, const struct command *command, const struct value *dot,
	const struct value *piped, struct value *ret_value);

static int run_operand(struct run *run, const struct operand *operand, const struct value *dot,
	struct value *ret_value)
{
	struct value value = {};
	int r = count_step(run, operand->at);
	if (r < 0)
		return r;
	switch (operand->kind) {
	case OPERAND_VALUE:
		value = operand->value;
		break;
	case OPERAND_DOT:
		value = *dot;
		break;
	case OPERAND_VARIABLE:
		r = read_variable(run, operand, &value);
		break;
	case OPERAND_FUNCTION:
		r = run_call(run,
			&(struct command){.operands = &(struct operand){.kind = OPERAND_FUNCTION,
						  .at = operand->at,
						  .function = operand->function}},
			dot, NULL, &value);
		break;
	case OPERAND_PIPELINE:
		r = run_pipeline(run, operand->pipeline, dot, &value);
		break;
	}
	for (const struct field *field = operand->fields; field && r >= 0; field = field->next)
		r = read_field(run, field, &value, &value);
	if (r >= 0)
		*ret_value = value;
	return r;
}

/* and, or: the first argument that decides is the answer; those behind it are not looked at. */
static int run_lazy(struct run *run, const struct command *command, const struct value *dot,
	const struct value *piped, struct value *ret_value)
{
	bool decides = command->operands->function->lazy == FUNCTION_OR;
	struct value value = {};
	for (const struct operand *o = command->operands->next; o; o = o->next) {
		int r = run_operand(run, o, dot, &value);
		if (r < 0)
			return r;
		if (value_truth(&value) == decides) {
			*ret_value = value;
			return 0;
		}
	}
	*ret_value = piped ? *piped : value;
	return 0;
}

static int run_call(struct run *run, const struct command *command, const struct value *dot,
	const struct value *piped, struct value *ret_value)
{
	const struct function *function = command->operands->function;
	if (function->lazy)
		return run_lazy(run, command, dot, piped, ret_value);

	struct value arguments[ARGUMENTS_MAX];
	size_t count = 0;
	for (const struct operand *o = command->operands->next; o; o = o->next) {
		int r = run_operand(run, o, dot, &arguments[count++]);
		if (r < 0)
			return r;
	}
	if (piped)
		arguments[count++] = *piped;
	if (count < function->least)
		return template_error(run->template->source, command->operands->at,
			"%s needs %u arguments", function->name, function->least);
	if (run->heading && function->shapes) {
		*ret_value = arguments[0];
		return 0;
	}
	const struct call call = {run, command->operands->at, arguments, count};
	return function->apply(&call, ret_value);
}

/* "com.example.my-role" → "my role", as Docker heads a column of labels. */
static struct value heading_of_label(struct run *run, const struct value *name)
{
	autofini(text_fini) struct text text = {};
	text_add_bytes(&text, name->string.bytes, name->string.length);
	char *dot = strrchr(text_get(&text), '.'), *label = dot ? dot + 1 : text.bytes;
	for (char *at = label; at && *at; at++)
		if (*at == '-' || *at == '_')
			*at = ' ';
	return value_of_bytes(
		arena_strdup(&run->arena, label ? label : ""), label ? strlen(label) : 0);
}

/* {{.Label "name"}} */
static int run_lookup(struct run *run, const struct command *command, const struct value *dot,
	struct value *ret_value)
{
	const struct operand *head = command->operands;
	const struct value *name = &head->next->value;
	if (run->heading) {
		*ret_value = heading_of_label(run, name);
		return 0;
	}
	struct value map;
	int r = run_operand(run, head, dot, &map);
	if (r < 0)
		return r;
	if (map.kind != VALUE_MAP && map.kind != VALUE_NONE)
		return template_error(run->template->source, head->at, "%s takes no argument",
			value_kind_name(&map));
	const struct json_value *member =
		map.kind == VALUE_MAP ? map_find(map.json, name->string.bytes, name->string.length)
				      : NULL;
	*ret_value = member ? value_of_json(member) : value_of_bytes("", 0);
	return 0;
}

/* Declares or assigns the n-th variable of a pipeline. */
static void set_variable(
	struct run *run, const struct pipeline *pipeline, unsigned n, const struct value *value)
{
	struct variable variable = pipeline->names[n];
	struct variable *old =
		pipeline->assigns ? find_variable(run, variable.name, variable.length) : NULL;
	variable.value = *value;
	if (old)
		old->value = *value;
	else if (run->variable_count < array_length(run->variables))
		run->variables[run->variable_count++] = variable;
}

static int run_pipeline(struct run *run, const struct pipeline *pipeline, const struct value *dot,
	struct value *ret_value)
{
	struct value value = {};
	for (const struct command *command = pipeline->commands; command; command = command->next) {
		bool piped = command != pipeline->commands;
		int r = command->operands->kind == OPERAND_FUNCTION
				? run_call(run, command, dot, piped ? &value : NULL, &value)
			: command->operands->next
				? run_lookup(run, command, dot, &value)
				: run_operand(run, command->operands, dot, &value);
		if (r < 0)
			return r;
	}
	/* range sets its variables itself, once a round. */
	for (unsigned i = 0; i < pipeline->name_count; i++)
		set_variable(run, pipeline, i, &value);
	*ret_value = value;
	return 0;
}

/* ---- blocks ---- */

/* One round of a range: key and element become dot and the declared variables. */
static int run_round(struct run *run, const struct node *node, const struct value *key,
	const struct value *element, bool *ret_stop)
{
	const struct pipeline *pipeline = node->pipeline;
	unsigned before = run->variable_count;
	for (unsigned i = 0; i < pipeline->name_count; i++)
		set_variable(run, pipeline, i, pipeline->name_count == 2 && i == 0 ? key : element);
	enum flow flow = FLOW_ON;
	int r = count_step(run, node->at);
	if (r >= 0)
		r = run_nodes(run, node->body, element, &flow);
	run->variable_count = before;
	*ret_stop = flow == FLOW_BREAK;
	return r;
}

static int run_list(struct run *run, const struct node *node, const struct json_value *list)
{
	int64_t n = 0;
	bool stop = false;
	int r = 0;
	for (const struct json_value *at = list->first; at && r >= 0 && !stop; at = at->next) {
		struct value key = value_of_integer(n++), element = value_of_json(at);
		r = run_round(run, node, &key, &element, &stop);
	}
	return r;
}

static int run_map(struct run *run, const struct node *node, const struct json_value *map)
{
	const struct json_value **members = map_members(&run->arena, map);
	bool stop = false;
	int r = 0;
	for (; *members && r >= 0 && !stop; members++) {
		struct value key = value_of_bytes((*members)->key, strlen((*members)->key));
		struct value element = value_of_json(*members);
		r = run_round(run, node, &key, &element, &stop);
	}
	return r;
}

static int run_count(struct run *run, const struct node *node, __int128 count)
{
	bool stop = false;
	int r = 0;
	for (int64_t i = 0; i < count && r >= 0 && !stop; i++) {
		struct value key = value_of_integer(i);
		r = run_round(run, node, &key, &key, &stop);
	}
	return r;
}

static int run_rounds(struct run *run, const struct node *node, const struct value *over)
{
	switch (over->kind) {
	case VALUE_LIST:
		return run_list(run, node, over->json);
	case VALUE_MAP:
		return run_map(run, node, over->json);
	case VALUE_INTEGER:
		return run_count(run, node, over->integer);
	default:
		return run->heading ? 0
				    : template_error(run->template->source, node->pipeline->at,
					      "range over %s", value_kind_name(over));
	}
}

static int run_range(
	struct run *run, const struct node *node, const struct value *dot, enum flow *ret_flow)
{
	/* The pipeline's variables belong to the rounds: see run_round(). */
	struct pipeline bare = *node->pipeline;
	bare.name_count = 0;
	struct value over;
	int r = run_pipeline(run, &bare, dot, &over);
	if (r < 0)
		return r;
	bool none = !value_truth(&over) || (over.kind == VALUE_INTEGER && over.integer < 0);
	if (none && over.kind != VALUE_STRING && over.kind != VALUE_BOOLEAN)
		return run_nodes(run, node->otherwise, dot, ret_flow);
	return run_rounds(run, node, &over);
}

static int run_choice(
	struct run *run, const struct node *node, const struct value *dot, enum flow *ret_flow)
{
	struct value value;
	int r = run_pipeline(run, node->pipeline, dot, &value);
	if (r < 0)
		return r;
	if (!value_truth(&value))
		return run_nodes(run, node->otherwise, dot, ret_flow);
	return run_nodes(run, node->body, node->kind == NODE_WITH ? &value : dot, ret_flow);
}

static int run_print(struct run *run, const struct node *node, const struct value *dot)
{
	struct value value;
	int r = run_pipeline(run, node->pipeline, dot, &value);
	/* A declaration prints nothing. */
	if (r >= 0 && node->pipeline->name_count == 0)
		value_print(&value, run->out);
	return r;
}

static int run_node(
	struct run *run, const struct node *node, const struct value *dot, enum flow *ret_flow)
{
	unsigned before = run->variable_count;
	int r = 0;
	switch (node->kind) {
	case NODE_TEXT:
		text_add_bytes(run->out, node->at, node->length);
		return 0;
	case NODE_PRINT:
		/* What it declares lives on to the end of the block. */
		return run_print(run, node, dot);
	case NODE_IF:
	case NODE_WITH:
		r = run_choice(run, node, dot, ret_flow);
		break;
	case NODE_RANGE:
		r = run_range(run, node, dot, ret_flow);
		break;
	case NODE_BREAK:
		*ret_flow = FLOW_BREAK;
		break;
	case NODE_CONTINUE:
		*ret_flow = FLOW_CONTINUE;
		break;
	}
	run->variable_count = before;
	return r;
}

static int run_nodes(
	struct run *run, const struct node *nodes, const struct value *dot, enum flow *ret_flow)
{
	unsigned before = run->variable_count;
	int r = 0;
	for (const struct node *node = nodes; node && r >= 0 && *ret_flow == FLOW_ON;
		node = node->next) {
		r = count_step(run, node->at);
		if (r >= 0)
			r = run_node(run, node, dot, ret_flow);
	}
	run->variable_count = before;
	return r;
}

static int print_data(const struct template *template, const struct json_value *data, bool heading,
	struct text *out)
{
	struct run run = {.template = template, .out = out, .data = data, .heading = heading};
	struct value dot = value_of_json(data);
	/* "$" is the variable without a name. */
	run.variables[run.variable_count++] = (struct variable){.name = "", .value = dot};
	enum flow flow = FLOW_ON;
	int r = run_nodes(&run, template->nodes, &dot, &flow);
	arena_fini(&run.arena);
	return r;
}

int template_print(const struct template *template, const struct json_value *data, struct text *out)
{
	return print_data(template, data, false, out);
}

int template_print_heading(
	const struct template *template, const struct json_value *headings, struct text *out)
{
	return print_data(template, headings, true, out);
}
