// SPDX-License-Identifier: Apache-2.0

#include "ask_message.h"

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"
#include "plan/json.h"
#include "plan/json_write.h"

static int read_reply(const struct json *at, enum ask_reply *ret)
{
	const char *word;
	int r = json_string(at, &word);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_length(ask_reply_names); i++)
		if (text_equal(word, ask_reply_names[i])) {
			*ret = (enum ask_reply)i;
			return 0;
		}
	return json_refuse(at, "unknown answer %s", json_quote(word).text);
}

static int read_members(const struct json *top, struct ask_reply_message *message)
{
	struct json id, reply, value;
	int r = json_expect(top, JSON_OBJECT);
	if (r < 0)
		return r;
	if (!json_find(top, "id", &id) || !json_find(top, "answer", &reply))
		return json_refuse(top, "an answer has an \"id\" and an \"answer\"");
	r = json_unsigned(&id, 1, INT64_MAX, &message->id);
	if (r == 0)
		r = read_reply(&reply, &message->reply);
	if (r == 0 && json_find(top, "value", &value))
		r = json_string(&value, &message->value);
	return r;
}

int ask_message_read(
	const char *text, size_t length, struct arena *arena, struct ask_reply_message *ret)
{
	autofini(json_document_fini) struct json_document document = {};
	struct ask_reply_message message = {};
	int r = json_parse(text, length, "answer", arena, &document);
	if (r == 0)
		r = read_members(&document.top, &message);
	if (r == 0)
		*ret = message;
	return r;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_wider(struct json_writer *writer, const struct ask_item *item)
{
	autofini(arena_fini) struct arena arena = {};
	const char *value = item->question.value;
	json_open(writer, "wider", '[');
	for (;;) {
		const char *wider = ask_wider(item, value, &arena);
		if (!value || wider == value || text_equal(wider, value))
			break;
		json_write_string(writer, NULL, wider);
		value = wider;
	}
	json_close(writer);
}

void ask_message_question(const struct ask_item *item, const char *sandbox, struct text *out)
{
	const struct question *question = &item->question;
	autofini(text_fini) struct text what = {};
	struct json_writer writer = {.out = out, .compact = true};
	ask_describe(item, question->value, &what);
	json_open(&writer, NULL, '{');
	json_write_string(&writer, "type", "question");
	json_write_unsigned(&writer, "id", item->id);
	if (sandbox)
		json_write_string(&writer, "sandbox", sandbox);
	json_write_string(&writer, "program", item->program);
	json_write_signed(&writer, "pid", question->pid);
	json_write_string(&writer, "kind", permission_kind_name(question->kind));
	if (question->value)
		json_write_string(&writer, "value", question->value);
	if (question->port)
		json_write_unsigned(&writer, "port", question->port);
	json_write_string(&writer, "what", text_get(&what));
	json_write_string(&writer, "meaning", ask_meaning(item));
	write_wider(&writer, item);
	json_close(&writer);
}

void ask_message_withdrawn(const struct ask_item *item, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_string(&writer, "type", "withdrawn");
	json_write_unsigned(&writer, "id", item->id);
	json_close(&writer);
}

void ask_message_error(const char *message, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_string(&writer, "type", "error");
	json_write_string(&writer, "message", message);
	json_close(&writer);
}
