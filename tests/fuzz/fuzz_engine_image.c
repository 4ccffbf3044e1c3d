// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as a manifest, a configuration, a list of images, a --change: the first byte says
 * which ("m", "c", "i", "+"), the rest is it. Beside not crashing, a refusal tells a story, and
 * what was read is the same again when it is written and read a second time.
 */

#include "base/error.h"
#include "engine/image/document.h"
#include "engine/store/index.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void told(int r)
{
	demand(r < 0 && error_text()[0] != '\0');
	error_clear();
}

static void try_manifest(const char *text, size_t length, struct arena *arena)
{
	struct image_manifest manifest, again;
	autofini(text_fini) struct text first = {}, second = {};
	int r = image_manifest_parse(text, length, "fuzz", arena, &manifest);
	if (r < 0) {
		told(r);
		return;
	}
	demand(manifest.is_index || digest_is_valid(manifest.config.digest));
	for (size_t i = 0; i < manifest.layer_count; i++)
		demand(digest_is_valid(manifest.layers[i].digest));
	image_manifest_write(&manifest, &first);
	demand(image_manifest_parse(text_get(&first), first.length, "again", arena, &again) == 0);
	image_manifest_write(&again, &second);
	demand(text_equal(text_get(&first), text_get(&second)));
}

static void try_config(const char *text, size_t length, struct arena *arena)
{
	struct image image = {}, again = {};
	autofini(text_fini) struct text first = {}, second = {};
	int r = image_config_parse(text, length, "fuzz", arena, &image);
	if (r < 0) {
		told(r);
		return;
	}
	for (size_t i = 0; i < image.diff_ids.count; i++)
		demand(digest_is_valid(image.diff_ids.items[i]));
	image_config_write(&image, &first);
	demand(image_config_parse(text_get(&first), first.length, "again", arena, &again) == 0);
	image_config_write(&again, &second);
	demand(text_equal(text_get(&first), text_get(&second)));
	(void)image_time(image.created);
}

static void try_index(const char *text, size_t length, struct arena *arena)
{
	struct store_index index;
	int r = index_parse(text, length, "fuzz", arena, &index);
	if (r < 0)
		told(r);
	for (size_t i = 0; r == 0 && i < index.count; i++)
		demand(digest_is_valid(index.entries[i].digest));
}

static void try_change(const char *text, struct arena *arena)
{
	struct image_config config = {};
	int r = image_apply_change(&config, text, arena);
	if (r < 0)
		told(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text bytes = {};
	text_add_bytes(&bytes, data + 1, size - 1);
	error_clear();
	switch (data[0]) {
	case 'm':
		try_manifest(text_get(&bytes), bytes.length, &arena);
		break;
	case 'c':
		try_config(text_get(&bytes), bytes.length, &arena);
		break;
	case 'i':
		try_index(text_get(&bytes), bytes.length, &arena);
		break;
	default:
		try_change(text_get(&bytes), &arena);
	}
	return 0;
}
