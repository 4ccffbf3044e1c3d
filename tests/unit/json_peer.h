// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Our JSON reader against json-c's: what ours accepts, json-c must accept as well, and
 * see the same values. (The other way round does not hold, on purpose: see
 * src/plan/json.c.) Used by the unit test and by the fuzzer.
 */

#include "base/text.h"
#include "plan/json.h"

#include <json-c/json.h>
#include <limits.h>

static bool json_peer_equal(const struct json_value *ours, struct json_object *theirs);

/* Names given twice: json-c keeps the last value, so only the last is compared. */
static bool json_peer_members_equal(const struct json_value *ours, struct json_object *theirs)
{
	for (const struct json_value *v = ours->first; v; v = v->next) {
		bool last = true;
		for (const struct json_value *later = v->next; later; later = later->next)
			last = last && !text_equal(later->key, v->key);
		struct json_object *member;
		if (!json_object_object_get_ex(theirs, v->key, &member))
			return false;
		if (last && !json_peer_equal(v, member))
			return false;
	}
	return true;
}

static bool json_peer_number_equal(const struct json_value *ours, struct json_object *theirs)
{
	struct json at = {.value = ours, .document = "peer"};
	uint64_t natural;
	int64_t integer;
	if (json_unsigned(&at, 0, UINT64_MAX, &natural) == 0)
		return json_object_is_type(theirs, json_type_int) &&
		       json_object_get_uint64(theirs) == natural;
	if (json_signed(&at, INT64_MIN, INT64_MAX, &integer) == 0)
		return json_object_is_type(theirs, json_type_int) &&
		       json_object_get_int64(theirs) == integer;
	return json_object_is_type(theirs, json_type_int) ||
	       json_object_is_type(theirs, json_type_double);
}

static bool json_peer_equal(const struct json_value *ours, struct json_object *theirs)
{
	size_t index = 0;
	switch (ours->type) {
	case JSON_NULL:
		return theirs == NULL;
	case JSON_TRUE:
	case JSON_FALSE:
		return json_object_is_type(theirs, json_type_boolean) &&
		       json_object_get_boolean(theirs) == (ours->type == JSON_TRUE);
	case JSON_NUMBER:
		return json_peer_number_equal(ours, theirs);
	case JSON_STRING:
		return json_object_is_type(theirs, json_type_string) &&
		       (size_t)json_object_get_string_len(theirs) == ours->length &&
		       memcmp(json_object_get_string(theirs), ours->text, ours->length) == 0;
	case JSON_ARRAY:
		if (!json_object_is_type(theirs, json_type_array) ||
			json_object_array_length(theirs) != ours->length)
			return false;
		for (const struct json_value *v = ours->first; v; v = v->next) {
			if (!json_peer_equal(v, json_object_array_get_idx(theirs, index++)))
				return false;
		}
		return true;
	case JSON_OBJECT:
		return json_object_is_type(theirs, json_type_object) &&
		       json_peer_members_equal(ours, theirs);
	}
	return false;
}

/** False if ours accepts the text and json-c does not, or sees something else in it. */
static bool json_peer_agrees(const char *text, size_t length)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	if (length > INT_MAX || json_parse(text, length, "peer", &arena, &document) < 0)
		return true;

	/* A number at the very end is complete for json-c only when something follows. */
	autofini(text_fini) struct text padded = {};
	text_add_bytes(&padded, text, length);
	text_add(&padded, " ");
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *theirs =
		json_tokener_parse_ex(tokener, padded.bytes, (int)padded.length);
	bool agrees = json_tokener_get_error(tokener) == json_tokener_success &&
		      json_peer_equal(document.top.value, theirs);
	json_object_put(theirs);
	json_tokener_free(tokener);
	return agrees;
}
