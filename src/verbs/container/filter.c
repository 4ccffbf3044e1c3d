// SPDX-License-Identifier: Apache-2.0

/* Which containers a person means by --filter. In: words and an instance. Out: yes or no. */

#include "verbs/container/filter.h"

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "engine/image/image.h"
#include "engine/instance/pod.h"
#include "verbs/container/health.h"
#include "verbs/container/ports.h"

#include <errno.h>

/* ---- one key each --------------------------------------------------------------------- */

typedef bool fits_function(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena);

static bool fits_id(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return text_starts(instance->id, filter->value) ||
	       regexec(&filter->expression, instance->id, 0, NULL, 0) == 0;
}

/* Docker's names began with a slash once, and "^/web$" still means web there. */
static bool fits_name(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return regexec(&filter->expression, instance->name, 0, NULL, 0) == 0 ||
	       regexec(&filter->expression, arena_format(arena, "/%s", instance->name), 0, NULL,
		       0) == 0;
}

static bool fits_label(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	const char *equals = strchr(filter->value, '=');
	size_t length = equals ? (size_t)(equals - filter->value) : strlen(filter->value);
	for (size_t i = 0; i < instance->label_count; i++) {
		const struct plan_key_value *label = &instance->labels[i];
		if (strncmp(label->key, filter->value, length) == 0 && !label->key[length])
			return !equals || text_equal(label->value, equals + 1);
	}
	return false;
}

static bool fits_no_label(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return !fits_label(instance, filter, arena);
}

static bool fits_exited(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return instance->state.status == INSTANCE_EXITED &&
	       instance->state.exit_code == filter->number;
}

static bool fits_status(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return (int)instance->state.status == instance_status_find(filter->value);
}

/* "debian", "library/debian:12", "sha256:…": any end of the name, with or without the tag. */
static bool image_is(const struct instance *instance, const char *wanted)
{
	const char *id = instance->image_id, *name = instance->image_name;
	if (text_starts(id, "sha256:") && wanted[0] &&
		(text_starts(id, wanted) || text_starts(id + strlen("sha256:"), wanted)))
		return true;
	size_t length = strlen(wanted);
	for (const char *at = name; at && *at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, wanted, length) == 0 && strchr(":@", at[length]))
			return true;
	}
	return false;
}

/* The container's image begins with all layers of the image that was named. */
static bool image_descends(const struct instance *instance, const char *wanted, struct arena *arena)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image ancestor, image;
	bool found = instance->image_id[0] && store_open(places_data(arena), &store) == 0 &&
		     image_find(&store, wanted, arena, &ancestor) == 0 &&
		     image_find(&store, instance->image_id, arena, &image) == 0;
	error_clear();
	if (!found || ancestor.diff_ids.count == 0 ||
		ancestor.diff_ids.count > image.diff_ids.count)
		return false;
	for (size_t i = 0; i < ancestor.diff_ids.count; i++)
		if (!text_equal(ancestor.diff_ids.items[i], image.diff_ids.items[i]))
			return false;
	return true;
}

static bool fits_ancestor(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return image_is(instance, filter->value) || image_descends(instance, filter->value, arena);
}

/* Moments are written alike and in UTC, so they can be compared as they are. */
static bool fits_before(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return strcmp(instance->created, filter->created) < 0;
}

static bool fits_since(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return strcmp(instance->created, filter->created) > 0;
}

static bool fits_until(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	int64_t created_ns;
	return moment_of_text(instance->created, &created_ns) == 0 && created_ns < filter->number;
}

static bool holds(const struct strings *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (text_equal(words->items[i], word))
			return true;
	return false;
}

static bool fits_volume(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	if (holds(&instance->volumes, filter->value))
		return true;
	struct run_request request = {};
	if (filter->value[0] != '/' || instance_load_request(instance, arena, &request) < 0) {
		error_clear();
		return false;
	}
	for (size_t i = 0; i < request.resolved.mount_count; i++)
		if (text_equal(request.resolved.mounts[i].destination, filter->value))
			return true;
	return false;
}

static bool fits_network(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return holds(&instance->networks, filter->value);
}

static bool fits_pod(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	struct pod pod;
	if (!instance->pod[0])
		return false;
	if (text_starts(instance->pod, filter->value))
		return true;
	bool named =
		pod_load(instance->pod, arena, &pod) == 0 && text_equal(pod.name, filter->value);
	error_clear();
	return named;
}

static bool fits_health(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	const char *status = container_health(instance, arena);
	return text_equal(status[0] ? status : "none", filter->value);
}

static bool fits_restart(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return text_equal(instance_restart_name(instance->restart.policy), filter->value);
}

static bool fits_command(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return instance->command.count &&
	       regexec(&filter->expression, instance->command.items[0], 0, NULL, 0) == 0;
}

static bool fits_isolation(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return text_equal(instance->isolation, filter->value);
}

static bool fits_publish(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	struct port_mapping *wanted, *mappings;
	size_t wanted_count, count;
	const char *word = filter->value;
	const struct strings words = {&word, 1};
	if (ports_read(&words, arena, &wanted, &wanted_count) < 0 ||
		ports_read(&instance->published, arena, &mappings, &count) < 0) {
		error_clear();
		return false;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < wanted_count; n++)
			if (mappings[i].container == wanted[n].container &&
				text_equal(mappings[i].protocol, wanted[n].protocol))
				return true;
	return false;
}

/* Tasks are Swarm's. */
static bool fits_task(
	const struct instance *instance, const struct instance_filter *filter, struct arena *arena)
{
	return text_equal(filter->value, "false");
}

/* ---- the table --------------------------------------------------------------------------- */

enum reading { AS_TEXT, AS_EXPRESSION, AS_NUMBER, AS_STATUS, AS_CONTAINER, AS_MOMENT };

static const struct {
	char key[16];
	enum reading reading;
	fits_function *fits;
} keys[] = {
	{"id", AS_EXPRESSION, fits_id},
	{"name", AS_EXPRESSION, fits_name},
	{"label", AS_TEXT, fits_label},
	{"label!", AS_TEXT, fits_no_label},
	{"exited", AS_NUMBER, fits_exited},
	{"status", AS_STATUS, fits_status},
	{"ancestor", AS_TEXT, fits_ancestor},
	{"before", AS_CONTAINER, fits_before},
	{"since", AS_CONTAINER, fits_since},
	{"until", AS_MOMENT, fits_until},
	{"volume", AS_TEXT, fits_volume},
	{"network", AS_TEXT, fits_network},
	{"pod", AS_TEXT, fits_pod},
	{"health", AS_TEXT, fits_health},
	{"restart-policy", AS_TEXT, fits_restart},
	{"command", AS_EXPRESSION, fits_command},
	{"isolation", AS_TEXT, fits_isolation},
	{"publish", AS_TEXT, fits_publish},
	{"expose", AS_TEXT, fits_publish},
	{"is-task", AS_TEXT, fits_task},
};

static size_t find_key(const char *key)
{
	size_t i = 0;
	while (i < array_length(keys) && !text_equal(keys[i].key, key))
		i++;
	return i;
}

static int read_expression(struct instance_filter *filter)
{
	int r = regcomp(&filter->expression, filter->value, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		char reason[128];
		regerror(r, &filter->expression, reason, sizeof(reason));
		return refuse(-EINVAL, "--filter %s=%s: %s", filter->key, filter->value, reason);
	}
	filter->has_expression = true;
	return 0;
}

static int read_other(struct instance_filter *filter, struct arena *arena)
{
	struct instance other;
	int r = instance_find(filter->value, arena, &other);
	if (r < 0)
		return wrap(r, "--filter %s", filter->key);
	filter->created = other.created;
	filter->id = other.id;
	return 0;
}

static int read_value(struct instance_filter *filter, enum reading reading, struct arena *arena)
{
	switch (reading) {
	case AS_TEXT:
		return 0;
	case AS_EXPRESSION:
		return read_expression(filter);
	case AS_NUMBER:
		if (parse_int64(filter->value, INT32_MIN, INT32_MAX, &filter->number) < 0)
			return refuse(-EINVAL, "--filter %s=%s: not a number", filter->key,
				filter->value);
		return 0;
	case AS_STATUS:
		/* "unknown" is a status of Podman's that nothing of ours ever has. */
		if (instance_status_find(filter->value) < 0 &&
			!text_equal(filter->value, "unknown"))
			return refuse(-EINVAL,
				"--filter status=%s: no such status; say created, running, "
				"paused, restarting, exited, removing or dead",
				filter->value);
		return 0;
	case AS_CONTAINER:
		return read_other(filter, arena);
	case AS_MOMENT:
		if (moment_parse(filter->value, moment_now(), &filter->number) < 0)
			return refuse(
				-EINVAL, "--filter %s=%s: not a time", filter->key, filter->value);
		return 0;
	}
	return 0;
}

/* "label!=KEY" is Docker's and Podman's way to say which must not be there. */
static int split_word(const char *word, struct arena *arena, struct instance_filter *filter)
{
	const char *equals = strchr(word, '=');
	if (!equals)
		return refuse(-EINVAL, "--filter %s: say KEY=VALUE", word);
	filter->key = arena_strndup(arena, word, (size_t)(equals - word));
	filter->value = equals + 1;
	return 0;
}

int instance_filters_read(
	const struct option_list *words, struct arena *arena, struct instance_filters *ret_filters)
{
	struct instance_filters filters = {
		arena_new(arena, struct instance_filter, words->count + 1), 0};
	int r = 0;
	for (size_t i = 0; i < words->count && r == 0; i++) {
		struct instance_filter *filter = &filters.items[filters.count++];
		r = split_word(words->words[i], arena, filter);
		if (r < 0)
			break;
		size_t key = find_key(filter->key);
		r = key < array_length(keys)
			    ? read_value(filter, keys[key].reading, arena)
			    : refuse(-EINVAL, "--filter %s: there is no such filter", filter->key);
	}
	if (r < 0) {
		instance_filters_fini(&filters);
		return r;
	}
	*ret_filters = filters;
	return 0;
}

void instance_filters_fini(struct instance_filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		if (filters->items[i].has_expression)
			regfree(&filters->items[i].expression);
}

bool instance_filters_hold(const struct instance_filters *filters, const char *key)
{
	for (size_t i = 0; i < filters->count; i++)
		if (text_equal(filters->items[i].key, key))
			return true;
	return false;
}

bool instance_fits(const struct instance *instance, const struct instance_filters *filters,
	struct arena *arena)
{
	for (size_t i = 0; i < filters->count; i++) {
		const struct instance_filter *filter = &filters->items[i];
		size_t key = find_key(filter->key);
		bool fits = keys[key].fits(instance, filter, arena);
		for (size_t n = 0; !fits && n < filters->count; n++)
			fits = text_equal(filters->items[n].key, filter->key) &&
			       keys[key].fits != fits_label && keys[key].fits != fits_no_label &&
			       keys[key].fits(instance, &filters->items[n], arena);
		if (!fits)
			return false;
	}
	return true;
}
