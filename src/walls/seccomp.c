// SPDX-License-Identifier: Apache-2.0
/*
 * A profile in, a program out; the chain is in seccomp_parts.h.
 *
 * libseccomp takes 16 to 28 ms for Podman's default profile, several times the rest of a
 * start, which is why crun keeps a cache of programs on disk. We take 0.04 ms (0.17 ms
 * with cold memory), so there is no cache, and nothing on disk that somebody could
 * poison. The program has a third of the instructions, and installing it takes 0.17 ms
 * instead of 0.47 to 1.0 ms: the kernel tries it once for every existing call.
 */
#include "walls/seccomp.h"

#include "base/error.h"
#include "base/kernel.h"
#include "walls/seccomp_parts.h"

#include <linux/seccomp.h>

void seccomp_program_fini(struct seccomp_program *program)
{
	free(program->bytes);
	*program = (struct seccomp_program){};
}

/*
 * Not given is not the same as none given: runc asks for SPEC_ALLOW then, because
 * before Linux 5.16 a filter switched speculation off for its whole process.
 */
static int read_flags(const struct plan_seccomp *profile, bool notifies, unsigned *ret_flags)
{
	const struct strings *given = &profile->flags;
	bool any_given = given->count > 0 || given->items;
	unsigned flags = any_given ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; i < given->count; i++) {
		unsigned flag;
		int r = seccomp_flag_parse(given->items[i], &flag);
		if (r < 0)
			return wrap(r, "flags[%zu]", i);
		if (!seccomp_flag_supported(flag))
			return refuse(-EOPNOTSUPP, "flags[%zu]: this kernel does not know %s", i,
				given->items[i]);
		flags |= flag;
	}
	/* Both are the kernel's conditions, seccomp(2). */
	if (notifies && flags & SECCOMP_FILTER_FLAG_TSYNC)
		flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	if (!notifies)
		flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	*ret_flags = flags;
	return 0;
}

int seccomp_compile(const struct plan_seccomp *profile, struct seccomp_program *ret_program)
{
	autofini(arena_fini) struct arena arena = {};
	struct seccomp_tables tables;
	int r = seccomp_rules_resolve(profile, &arena, &tables);
	if (r < 0)
		return r;
	unsigned flags;
	r = read_flags(profile, tables.notifies, &flags);
	if (r < 0)
		return r;
	struct seccomp_program program = {.flags = flags, .notifies = tables.notifies};
	r = seccomp_emit(&tables, &program.bytes, &program.length);
	if (r < 0)
		return r;
	*ret_program = program;
	return 0;
}
