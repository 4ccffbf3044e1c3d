// SPDX-License-Identifier: Apache-2.0

/*
 * Words of --volume, --mount, --tmpfs and --secret. The first byte says which: v m t s. Commands
 * are often put together by scripts from other people's strings. What is taken keeps the promises
 * made about it: a clean destination, a valid volume name, and the same again out of JSON.
 */

#include "base/error.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "plan/json.h"
#include "plan/json_write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check_path(const char *path)
{
	demand(path[0] == '/' && path[1] && !strstr(path, "//") && !strstr(path, "/../") &&
		!strstr(path, "/./"));
	size_t length = strlen(path);
	demand(path[length - 1] != '/');
	demand(length < 3 || !text_equal(path + length - 3, "/.."));
}

static void check_mount(struct run_mount *mount, bool is_pattern, struct arena *arena)
{
	if (!is_pattern || *mount->destination)
		check_path(mount->destination);
	if (mount->kind == RUN_MOUNT_VOLUME) {
		demand(mount->anonymous == !mount->name);
		demand(!mount->name || run_is_volume_name(mount->name));
		demand(!mount->source);
	}
	if (mount->kind == RUN_MOUNT_BIND || is_pattern)
		demand(!text_empty(mount->source));

	if (!*mount->destination)
		return; /* each match of the pattern gets one */
	struct run_request request = {.resolved = {.mounts = mount, .mount_count = 1}}, again = {};
	autofini(text_fini) struct text first = {}, second = {};
	struct json_writer writer = {.out = &first, .compact = true};
	run_request_write(&request, &writer, NULL);
	autofini(json_document_fini) struct json_document document = {};
	demand(json_parse(text_get(&first), first.length, "request", arena, &document) == 0);
	demand(run_request_read(&document.top, arena, &again) == 0);
	writer = (struct json_writer){.out = &second, .compact = true};
	run_request_write(&again, &writer, NULL);
	demand(text_equal(text_get(&first), text_get(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	autofini(arena_fini) struct arena arena = {};
	char *word = arena_strndup(&arena, (const char *)data + 1, size - 1);
	struct run_mount mount;
	struct run_secret secret;
	bool is_pattern = false;
	error_clear();
	switch (data[0]) {
	case 'v':
		if (run_volume_word(word, &arena, &mount) == 0)
			check_mount(&mount, false, &arena);
		break;
	case 'm':
		if (run_mount_word(word, &arena, &mount, &is_pattern) == 0)
			check_mount(&mount, is_pattern, &arena);
		break;
	case 't':
		if (run_tmpfs_word(word, &arena, &mount) == 0)
			check_mount(&mount, false, &arena);
		break;
	case 's':
		if (run_secret_word(word, &arena, &secret) == 0)
			demand(!text_empty(secret.name) && !text_empty(secret.target) &&
				secret.mode <= 0777);
		break;
	default:
		break;
	}
	return 0;
}
