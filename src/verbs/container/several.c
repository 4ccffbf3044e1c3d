// SPDX-License-Identifier: Apache-2.0

#include "verbs/container/several.h"

#include "base/error.h"
#include "base/fs.h"
#include "verbs/container/filter.h"

#include <fcntl.h>
#include <stdio.h>

void several_said(struct several *several, const struct instance *instance, int r)
{
	if (r < 0) {
		several->failed++;
		several->last = r;
		tell_failure(several->invocation);
	} else if (!several->quiet) {
		size_t i = (size_t)(instance - several->items);
		puts(i < several->count ? several->words[i] : instance->id);
	}
}

int several_status(const struct several *several, int failure)
{
	return several->failed || several->missing ? failure : 0;
}

/* ---- which ones --------------------------------------------------------------------- */

static void add(struct several *several, const struct instance *instance, const char *word)
{
	for (size_t i = 0; i < several->count; i++)
		if (text_equal(several->items[i].id, instance->id))
			return;
	several->words[several->count] = word;
	several->items[several->count++] = *instance;
}

static void add_word(struct several *several, const char *word, bool ignore)
{
	struct instance instance;
	int r = instance_find(word, several->invocation->arena, &instance);
	if (r >= 0) {
		add(several, &instance, word);
	} else if (r == -ENOENT && ignore) {
		error_clear();
	} else {
		several->missing++;
		several->last = r;
		tell_failure(several->invocation);
	}
}

static void add_cidfile(struct several *several, const char *path, bool ignore)
{
	autofree char *id = NULL;
	int r = fs_read(AT_FDCWD, path, 4096, &id, NULL);
	if (r == -ENOENT && ignore)
		return;
	if (r < 0) {
		(void)fail(r, "read the container id file %s", path);
		several->missing++;
		tell_failure(several->invocation);
		return;
	}
	id[strcspn(id, " \n\t")] = '\0';
	add_word(several, arena_strdup(several->invocation->arena, id), ignore);
}

static int add_filtered(struct several *several, const struct several_wishes *wishes,
	const struct instance *all, size_t count)
{
	struct arena *arena = several->invocation->arena;
	autofini(instance_filters_fini) struct instance_filters filters = {};
	int r = instance_filters_read(&wishes->filters, arena, &filters);
	for (size_t i = 0; r >= 0 && i < count; i++)
		if (instance_fits(&all[i], &filters, arena))
			add(several, &all[i], all[i].id);
	return r;
}

int several_find(const struct invocation *invocation, const struct several_wishes *wishes,
	struct several *ret_several)
{
	struct arena *arena = invocation->arena;
	bool named = invocation->argument_count || wishes->cidfiles.count;
	bool chosen = wishes->all || wishes->latest || wishes->filters.count;
	if (!named && !chosen)
		return usage_error(invocation, "name at least one container");
	if (named && chosen)
		return usage_error(
			invocation, "names do not go together with --all, --latest or --filter");
	struct instance *all = NULL;
	size_t count = 0;
	int r = chosen ? instance_list(arena, &all, &count) : 0;
	if (r < 0)
		return r;
	size_t room = count + invocation->argument_count + wishes->cidfiles.count + 1;
	struct several several = {
		.invocation = invocation,
		.items = arena_new(arena, struct instance, room),
		.words = arena_new(arena, const char *, room),
	};
	for (size_t i = 0; i < invocation->argument_count; i++)
		add_word(&several, invocation->arguments[i], wishes->ignore);
	for (size_t i = 0; i < wishes->cidfiles.count; i++)
		add_cidfile(&several, wishes->cidfiles.words[i], wishes->ignore);
	if (wishes->latest && count)
		add(&several, &all[count - 1], all[count - 1].id);
	else if (chosen)
		r = add_filtered(&several, wishes, all, count);
	if (r >= 0)
		*ret_several = several;
	return r < 0 ? r : 0;
}
