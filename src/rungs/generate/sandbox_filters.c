// SPDX-License-Identifier: Apache-2.0
/*
 * Runs when rung is built: writes the filters of sandboxes as C. The numbers of system calls are
 * those of the machine that this runs on; for another one nothing is written, and rung makes
 * the filter at each start.
 *
 *	sandbox-filters CPU-FAMILY-HERE CPU-FAMILY-THERE
 */
#include "rungs/sandbox/filter.h"

#include "base/error.h"
#include "base/scope.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct sandbox_filter_kind kind_of(size_t index)
{
	return (struct sandbox_filter_kind){
		.ptrace = index & 1, .userns = index >> 1 & 1, .memory_files = index >> 2 & 1};
}

static void write_items(size_t index, const struct seccomp_program *program)
{
	const struct sock_filter *items = program->bytes;
	printf("static const struct sock_filter items_%zu[] = {\n", index);
	for (size_t i = 0; i < program->length / sizeof(*items); i++)
		printf("\t{%u, %u, %u, %u},\n", items[i].code, items[i].jt, items[i].jf,
			items[i].k);
	puts("};");
}

int main(int argc, char **argv)
{
	unsigned flags[SANDBOX_FILTER_KINDS] = {};
	bool here = argc == 3 && strcmp(argv[1], argv[2]) == 0;
	puts("#include \"rungs/sandbox/filter.h\"");
	for (size_t i = 0; here && i < SANDBOX_FILTER_KINDS; i++) {
		const struct sandbox_filter_kind kind = kind_of(i);
		autofini(seccomp_program_fini) struct seccomp_program program = {};
		if (sandbox_filter_make(&kind, &program) < 0) {
			(void)fprintf(stderr, "sandbox-filters: %s\n", error_text());
			return 1;
		}
		flags[i] = program.flags;
		write_items(i, &program);
	}
	puts("const struct sandbox_filter sandbox_filters[SANDBOX_FILTER_KINDS] = {");
	for (size_t i = 0; here && i < SANDBOX_FILTER_KINDS; i++)
		printf("\t{items_%zu, sizeof(items_%zu) / sizeof(struct sock_filter), %u},\n", i, i,
			flags[i]);
	puts("};");
	return 0;
}
