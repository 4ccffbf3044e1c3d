// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The files of a fuzz corpus, for the unit tests that start from them. */

#include "base/arena.h"
#include "base/fs.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define CORPUS_MAX 256

struct corpus_file {
	const char *name, *text;
	size_t length;
};

/* All regular files of a directory; their number. Ends the program when there are none. */
static size_t corpus_read(const char *directory, struct arena *arena, struct corpus_file *files)
{
	struct dirent **entries;
	size_t count = 0;
	int found = scandir(directory, &entries, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		char *path = arena_format(arena, "%s/%s", directory, entries[i]->d_name);
		char *text;
		size_t length;
		if (entries[i]->d_name[0] != '.' && count < CORPUS_MAX &&
			fs_read(AT_FDCWD, path, 1 << 20, &text, &length) >= 0) {
			char *copy = arena_strndup(arena, text, length);
			free(text);
			char *name = arena_strdup(arena, entries[i]->d_name);
			files[count++] = (struct corpus_file){name, copy, length};
		}
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	if (count == 0) {
		fprintf(stderr, "no corpus in %s\n", directory);
		exit(1);
	}
	return count;
}
