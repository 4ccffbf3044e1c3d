// SPDX-License-Identifier: Apache-2.0

/*
 * Quadlet files: the first byte says of what kind (c container, v volume, p pod, i image), the rest
 * is the file. Beside not crashing: what is refused is told, and of what is taken a service comes.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/memory_file.h"
#include "verbs/generate/quadlet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void complain(void *context)
{
	demand(error_text()[0] != '\0');
	error_clear();
	++*(int *)context;
}

static void try_file(const char *path)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text unit = {};
	struct unit_file file;
	int complaints = 0;
	if (unit_read(path, &arena, &file) < 0) {
		demand(error_text()[0] != '\0');
		return;
	}
	int r = quadlet_write(&file, &arena, complain, &complaints, &unit);
	demand(r < 0 || r == complaints);
	demand(r < 0 ? error_text()[0] != '\0' : quadlet_service(&file, &arena) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char kinds[][12] = {"container", "volume", "pod", "image"};
	static char directory[] = "/tmp/rung-fuzz-unit-XXXXXX";
	static bool made;
	for (size_t i = 0; size && i < array_length(kinds); i++) {
		if (data[0] != (uint8_t)kinds[i][0])
			continue;
		if (!made)
			demand(mkdtemp(directory) != NULL);
		made = true;
		char path[128];
		(void)snprintf(path, sizeof(path), "%s/a.%s", directory, kinds[i]);
		error_clear();
		demand(fs_create(AT_FDCWD, path, data + 1, size - 1, 0600) == 0);
		try_file(path);
		(void)unlink(path);
		(void)rmdir(directory);
		made = false;
		(void)snprintf(directory, sizeof(directory), "/tmp/rung-fuzz-unit-XXXXXX");
	}
	return 0;
}
