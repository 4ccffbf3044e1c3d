// SPDX-License-Identifier: Apache-2.0

/*
 * Runs a fuzz target over the files of its corpus, named or by directory: what the
 * fuzzer once found stays found. A crash, an abort() or a sanitizer's report is the
 * failure; no file at all is one too.
 */

#include "corpus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static struct corpus_file files[CORPUS_MAX];
	autofini(arena_fini) struct arena arena = {};
	if (argc < 2) {
		fprintf(stderr, "usage: %s DIRECTORY...\n", argv[0]);
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		size_t count = corpus_read(argv[i], &arena, files);
		for (size_t k = 0; k < count; k++) {
			printf("%s\n", files[k].name);
			fflush(stdout);
			(void)LLVMFuzzerTestOneInput(
				(const uint8_t *)files[k].text, files[k].length);
		}
	}
	return 0;
}
