// SPDX-License-Identifier: Apache-2.0

/* Which events a person asked for: --filter, as Docker and Podman read it. */

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/event/internal.h"

#include <errno.h>

/* Of these the value is an id, the beginning of one, or a name. */
static const char nouns[][12] = {
	"container", "image", "network", "pod", "secret", "volume", "daemon", "plugin"};

static bool is_noun(const char *key)
{
	for (size_t i = 0; i < array_length(nouns); i++)
		if (text_equal(key, nouns[i]))
			return true;
	return false;
}

static bool label_fits(const struct event *event, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	size_t length = equals ? (size_t)(equals - wanted) : strlen(wanted);
	for (size_t i = 0; i < event->attribute_count; i++) {
		const struct plan_key_value *label = &event->attributes[i];
		if (strncmp(label->key, wanted, length) == 0 && label->key[length] == '\0')
			return !equals || text_equal(label->value, equals + 1);
	}
	return false;
}

/* "debian" is docker.io/library/debian:12 as well: what people say is the end, without the tag. */
static bool image_fits(const char *name, const char *wanted)
{
	size_t length = strlen(wanted);
	for (const char *at = name; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, wanted, length) == 0 && strchr(":@", at[length]))
			return true; /* strchr() also finds the end of the name */
	}
	return false;
}

static bool noun_fits(const struct event *event, const char *key, const char *wanted)
{
	if (text_equal(key, "image") && text_equal(event->type, "container")) {
		const char *image = event_attribute(event, "image");
		return image && image_fits(image, wanted);
	}
	if (text_equal(key, "volume") && text_equal(event->type, "container")) {
		const char *volume = event_attribute(event, "volume");
		return volume && text_equal(volume, wanted);
	}
	if (text_equal(key, "container") && text_equal(event->type, "network")) {
		const char *container = event_attribute(event, "container");
		return container && text_starts(container, wanted);
	}
	if (!text_equal(event->type, key))
		return false;
	if (text_equal(key, "image") && image_fits(event->name, wanted))
		return true;
	return text_equal(event->name, wanted) || (wanted[0] && text_starts(event->id, wanted));
}

/* "health_status" also asks for "health_status: healthy"; Podman calls some by other words. */
static bool action_fits(const char *action, const char *wanted)
{
	static const char podman_words[][2][12] = {
		{"died", "die"}, {"remove", "destroy"}, {"cleanup", "die"}, {"untag", "untag"}};
	for (size_t i = 0; i < array_length(podman_words); i++)
		if (text_equal(wanted, podman_words[i][0]) &&
			text_equal(action, podman_words[i][1]))
			return true;
	size_t length = strlen(wanted);
	return strncmp(action, wanted, length) == 0 &&
	       (action[length] == '\0' || action[length] == ':');
}

static bool filter_fits(const struct event *event, const struct plan_key_value *filter)
{
	if (text_equal(filter->key, "event"))
		return action_fits(event->action, filter->value);
	if (text_equal(filter->key, "type"))
		return text_equal(event->type, filter->value);
	if (text_equal(filter->key, "scope"))
		return text_equal(filter->value, "local");
	if (text_equal(filter->key, "label"))
		return label_fits(event, filter->value);
	return noun_fits(event, filter->key, filter->value);
}

bool event_fits(const struct event *event, const struct event_query *query)
{
	for (size_t i = 0; i < query->filter_count; i++) {
		const struct plan_key_value *filter = &query->filters[i];
		bool fits = filter_fits(event, filter);
		for (size_t n = 0; !fits && n < query->filter_count; n++)
			fits = text_equal(query->filters[n].key, filter->key) &&
			       !text_equal(filter->key, "label") &&
			       filter_fits(event, &query->filters[n]);
		if (!fits)
			return false;
	}
	return true;
}

int event_check(const struct event_query *query)
{
	for (size_t i = 0; i < query->filter_count; i++) {
		const char *key = query->filters[i].key;
		if (!is_noun(key) && !text_equal(key, "event") && !text_equal(key, "type") &&
			!text_equal(key, "scope") && !text_equal(key, "label"))
			return refuse(
				-EINVAL, "--filter %s: there is no such filter for events", key);
	}
	return 0;
}
