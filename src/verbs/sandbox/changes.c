// SPDX-License-Identifier: Apache-2.0

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "plan/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

void work_fini(struct work *work)
{
	caught_fini(&work->list);
	close_now(work->lock_fd);
	close_now(work->sandbox_fd);
}

int work_open(struct invocation *invocation, int operation, bool read, struct work *ret_work)
{
	struct work work = WORK_NONE;
	const char *name = invocation->arguments[0];
	work.sandbox_fd = sandbox_open(name, false);
	if (work.sandbox_fd < 0)
		return work.sandbox_fd;
	work.lock_fd = sandbox_lock(work.sandbox_fd, operation);
	int r = work.lock_fd < 0 ? work.lock_fd : 0;
	if (r == 0 && read)
		r = caught_read(work.sandbox_fd, invocation->arena, &work.list);
	if (r < 0) {
		work_fini(&work);
		return wrap(r, "sandbox %s", name);
	}
	*ret_work = work;
	return 0;
}

int work_paths(struct invocation *invocation, struct strings *ret_paths)
{
	char here[4096];
	const struct permission_place place = {
		.home = places_home(), .directory = getcwd(here, sizeof(here)) ? here : NULL};
	struct strings paths = {
		arena_new(invocation->arena, const char *, invocation->argument_count), 0};
	for (size_t i = 1; i < invocation->argument_count; i++) {
		const char *word = invocation->arguments[i];
		bool bare_pattern = strpbrk(word, "*?[") && !strchr(word, '/');
		const char **path = &paths.items[paths.count++];
		*path = word;
		int r = bare_pattern ? 0 : path_clean(word, &place, invocation->arena, path);
		if (r < 0)
			return r;
	}
	*ret_paths = paths;
	return 0;
}

int work_check_paths(const struct apply_choice *choice, const struct strings *paths)
{
	for (size_t i = 0; i < choice->unmatched_count; i++)
		if (choice->unmatched_count < paths->count)
			(void)fprintf(stderr, "rung: no change at %s\n", choice->unmatched[i]);
	if (paths->count == 0 || choice->unmatched_count < paths->count)
		return 0;
	return refuse(-ENOENT, "no change at %s", choice->unmatched[0]);
}

char change_letter(const struct caught *caught)
{
	return "ACPD"[caught->kind];
}

const char *change_counts(const struct caught_list *list, const bool *chosen, struct arena *arena)
{
	static const char words[][24] = {"added", "changed", "with other permissions", "deleted"};
	size_t counts[4] = {};
	autofini(text_fini) struct text out = {};
	for (size_t i = 0; i < list->count; i++)
		if (!chosen || chosen[i])
			counts[list->items[i].kind]++;
	for (size_t i = 0; i < array_length(counts); i++)
		if (counts[i])
			text_format(&out, "%s%zu %s", out.length ? ", " : "", counts[i], words[i]);
	return out.length ? arena_strdup(arena, text_get(&out)) : "no changes";
}

const char *change_printable(const char *path, struct arena *arena)
{
	char *copy = arena_strdup(arena, path);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return copy;
}

void change_tell_obstacles(const struct caught_list *list, const struct strings *paths,
	bool conflicts, bool refusals, struct arena *arena)
{
	const struct apply_request request = {.paths = *paths, .discard = true};
	struct apply_choice asked;
	apply_choose(list, &request, arena, &asked);
	for (size_t i = 0; i < list->count; i++) {
		const struct caught *caught = &list->items[i];
		if (!asked.chosen[i])
			continue;
		const char *path = change_printable(caught_path(list, caught), arena);
		if (caught->refusal && refusals)
			(void)fprintf(stderr, "rung: not applied: %s: %s\n", path,
				caught_refusal_text(caught->refusal));
		else if (caught->conflict && conflicts)
			(void)fprintf(stderr, "rung: conflict: %s: %s\n", path,
				caught_conflict_text(caught->conflict));
	}
}
