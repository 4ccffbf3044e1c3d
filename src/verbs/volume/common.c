// SPDX-License-Identifier: Apache-2.0

#include "verbs/volume/common.h"

#include "cli/complete.h"
#include "cli/moment.h"

int volume_users(const struct volume *volume, struct arena *arena, struct strings *ret_ids)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	struct strings ids = {arena_new(arena, const char *, count + 1), 0};
	for (size_t i = 0; i < count; i++)
		for (size_t v = 0; v < instances[i].volumes.count; v++)
			if (text_equal(instances[i].volumes.items[v], volume->name)) {
				ids.items[ids.count++] = instances[i].id;
				break;
			}
	*ret_ids = ids;
	return 0;
}

/* ---- pairs ------------------------------------------------------------------------------ */

int volume_pairs(const char *option, const struct option_list *words, struct arena *arena,
	struct plan_key_value **ret_pairs, size_t *ret_count)
{
	struct plan_key_value *pairs = arena_new(arena, struct plan_key_value, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		size_t length = strcspn(words->words[i], "=");
		const char *rest = words->words[i] + length;
		if (length == 0)
			return refuse(
				-EINVAL, "%s %s: its name is missing", option, words->words[i]);
		pairs[i] = (struct plan_key_value){
			arena_strndup(arena, words->words[i], length), *rest ? rest + 1 : ""};
	}
	*ret_pairs = pairs;
	*ret_count = words->count;
	return 0;
}

void volume_write_pairs(struct json_writer *writer, const char *key,
	const struct plan_key_value *pairs, size_t count)
{
	json_open(writer, key, '{');
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, pairs[i].key, pairs[i].value);
	json_close(writer);
}

const char *volume_join_pairs(const struct plan_key_value *pairs, size_t count, struct arena *arena)
{
	autofini(text_fini) struct text out = {};
	for (size_t i = 0; i < count; i++)
		text_format(&out, "%s%s=%s", i ? "," : "", pairs[i].key, pairs[i].value);
	return arena_strdup(arena, text_get(&out));
}

bool volume_has_label(const struct plan_key_value *labels, size_t count, const char *word)
{
	size_t length = strcspn(word, "=");
	for (size_t i = 0; i < count; i++)
		if (strlen(labels[i].key) == length && strncmp(labels[i].key, word, length) == 0 &&
			(!word[length] || text_equal(labels[i].value, word + length + 1)))
			return true;
	return false;
}

/* ---- filters ---------------------------------------------------------------------------- */

int volume_filters_read(
	const struct option_list *words, struct arena *arena, struct volume_filters *ret_filters)
{
	static const char *const known[] = {"name", "label", "label!", "driver", "dangling",
		"scope", "opt", "until", "since", "after", "anonymous", "all"};
	struct volume_filters filters;
	int r = volume_pairs("--filter", words, arena, &filters.items, &filters.count);
	for (size_t i = 0; r == 0 && i < filters.count; i++) {
		bool found = false;
		for (size_t k = 0; k < array_length(known); k++)
			found = found || text_equal(filters.items[i].key, known[k]);
		if (!found || !strchr(words->words[i], '=')) {
			r = refuse(-EINVAL, "--filter %s is not known", words->words[i]);
			hint("known: name=, label=, label!=, driver=, dangling=true|false, opt=, "
			     "scope=local, until=, since=VOLUME");
		}
	}
	if (r == 0)
		*ret_filters = filters;
	return r;
}

static int is_before(const struct volume *volume, const char *moment)
{
	int64_t made, limit;
	if (moment_parse(moment, moment_now(), &limit) < 0)
		return refuse(-EINVAL, "--filter until=%s is not a time", moment);
	return moment_of_text(volume->created, &made) == 0 && made < limit;
}

static int is_after(const struct volume *volume, const char *name, struct arena *arena)
{
	struct volume other;
	int r = volume_find(places_data(arena), name, arena, &other);
	return r < 0 ? r : strcmp(volume->created, other.created) > 0;
}

static int is_dangling(const struct volume *volume, const char *word, struct arena *arena)
{
	struct strings users;
	bool wanted = text_equal(word, "true") || text_equal(word, "1");
	if (!wanted && !text_equal(word, "false") && !text_equal(word, "0"))
		return refuse(-EINVAL, "--filter dangling=%s: true or false", word);
	int r = volume_users(volume, arena, &users);
	return r < 0 ? r : (users.count == 0) == wanted;
}

static int fits_one(
	const struct volume *volume, const struct plan_key_value *filter, struct arena *arena)
{
	const char *key = filter->key, *value = filter->value;
	if (text_equal(key, "name"))
		return strstr(volume->name, value) != NULL;
	if (text_equal(key, "label"))
		return volume_has_label(volume->labels, volume->label_count, value);
	if (text_equal(key, "label!"))
		return !volume_has_label(volume->labels, volume->label_count, value);
	if (text_equal(key, "driver"))
		return text_equal(volume->driver, value);
	if (text_equal(key, "scope"))
		return text_equal(value, "local");
	if (text_equal(key, "opt"))
		return volume_has_label(volume->options, volume->option_count, value);
	if (text_equal(key, "anonymous"))
		return volume->anonymous == text_equal(value, "true");
	if (text_equal(key, "until"))
		return is_before(volume, value);
	if (text_equal(key, "dangling"))
		return is_dangling(volume, value, arena);
	if (text_equal(key, "all"))
		return 1;
	return is_after(volume, value, arena);
}

int volume_fits(
	const struct volume *volume, const struct volume_filters *filters, struct arena *arena)
{
	for (size_t i = 0; i < filters->count; i++) {
		const struct plan_key_value *filter = &filters->items[i];
		bool each = text_starts(filter->key, "label");
		int fits = fits_one(volume, filter, arena);
		for (size_t k = 0; fits == 0 && !each && k < filters->count; k++)
			if (text_equal(filters->items[k].key, filter->key))
				fits = fits_one(volume, &filters->items[k], arena);
		if (fits <= 0)
			return fits;
	}
	return 1;
}

/* ---- the Tab key ------------------------------------------------------------------------- */

static void complete_volumes(const struct invocation *invocation, struct completions *completions)
{
	struct volume *volumes;
	size_t count;
	if (volume_list(places_data(invocation->arena), invocation->arena, &volumes, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, volumes[i].name, NULL);
	error_clear();
}

static void complete_secrets(const struct invocation *invocation, struct completions *completions)
{
	struct secret *secrets;
	size_t count;
	if (secret_list(places_data(invocation->arena), invocation->arena, &secrets, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, secrets[i].name, NULL);
	error_clear();
}

const struct completer volume_completers[] = {{"VOLUME", complete_volumes}, {}};
const struct completer secret_completers[] = {{"SECRET", complete_secrets}, {}};
