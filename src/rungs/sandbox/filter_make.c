// SPDX-License-Identifier: Apache-2.0

/*
 * In: what was granted. Out: one BPF program. It is made when rung is built (generate/), because
 * there are so few of them and a fresh process pays for each page that making one takes.
 *
 * The allow-list is the container's policy for a process without capabilities (data/seccomp.json).
 * Some things are refused in front of it, which argue about bits that the profile's language has
 * no words for:
 *
 *	ioctl       TIOCSTI types into our terminal, TIOCLINUX pastes into it: what the person's
 *	            shell would then run, outside. The kernel looks at 32 bits of the request, so
 *	            does this (CVE-2017-5226, CVE-2019-10063). TIOCSETD has the kernel load line
 *	            disciplines, drivers of modems and the like (CVE-2017-2636, CVE-2023-6546).
 *	memfd_create, execveat
 *	            a program in memory has no path that Landlock could rule over, so files in
 *	            memory must not be executable (MFD_NOEXEC_SEAL, Linux 6.3); "no such call"
 *	            sends libraries to shm_open(3).
 *	setpriority, ioprio_set
 *	            of a process group or a user: the group we were started in has members outside,
 *	            and the kernel looks for them in no namespace. Landlock guards signals so, not
 *	            these.
 */

#include "rungs/sandbox/filter.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/text.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

#define MFD_NOEXEC 0x0008u /* MFD_NOEXEC_SEAL, memfd_create(2) */
#define EMPTY_PATH 0x1000u /* AT_EMPTY_PATH */
#define ONE_PROCESS 0u     /* PRIO_PROCESS, setpriority(2) */
#define IO_ONE_PROCESS 1u  /* IOPRIO_WHO_PROCESS, ioprio_set(2) */
#define PROLOGUE_MAX 64

/* The numbers of the calls that are looked at, per architecture that the policy lets through. */
static const struct {
	uint32_t audit_id, ioctl, memfd_create, execveat, setpriority, ioprio_set;
} architectures[] = {
#if defined(__x86_64__)
	{AUDIT_ARCH_X86_64, 16, 319, 322, 141, 251},
	{AUDIT_ARCH_I386, 54, 356, 358, 97, 289},
#elif defined(__aarch64__)
	{AUDIT_ARCH_AARCH64, 29, 279, 281, 140, 30},
	{AUDIT_ARCH_ARM, 54, 385, 387, 97, 314},
#else
	{0, SYS_ioctl, SYS_memfd_create, SYS_execveat, SYS_setpriority, SYS_ioprio_set},
#endif
};

struct prologue {
	struct sock_filter items[PROLOGUE_MAX];
	size_t count;
};

static void add(struct prologue *prologue, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	prologue->items[prologue->count++] = (struct sock_filter){code, yes, no, k};
}

/* The lower half of an argument; on a big-endian machine it is the second word. */
static uint32_t low_half(unsigned argument)
{
	uint32_t offset = (uint32_t)offsetof(struct seccomp_data, args) + argument * 8;
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? offset + 4 : offset;
}

static void load(struct prologue *prologue, uint32_t offset)
{
	add(prologue, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void refuse_with(struct prologue *prologue, int error)
{
	add(prologue, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* Call numbers are in the accumulator at each of these; what does not match goes on behind it. */

static void guard_ioctl(struct prologue *prologue, uint32_t number)
{
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, number);
	load(prologue, low_half(1));
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, TIOCSTI);
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, TIOCSETD);
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TIOCLINUX);
	refuse_with(prologue, EPERM);
	load(prologue, (uint32_t)offsetof(struct seccomp_data, nr));
}

/* @wanted: refused when the flag is set, else when it is not. */
static void guard_flag(struct prologue *prologue, uint32_t number, unsigned argument, uint32_t flag,
	bool set, int error)
{
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, number);
	load(prologue, low_half(argument));
	add(prologue, BPF_JMP | BPF_JSET | BPF_K, set ? 0 : 1, set ? 1 : 0, flag);
	refuse_with(prologue, error);
	load(prologue, (uint32_t)offsetof(struct seccomp_data, nr));
}

/* Refused unless the first argument is @wanted. */
static void guard_first(struct prologue *prologue, uint32_t number, uint32_t wanted)
{
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, number);
	load(prologue, low_half(0));
	add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, wanted);
	refuse_with(prologue, EPERM);
	load(prologue, (uint32_t)offsetof(struct seccomp_data, nr));
}

static void write_prologue(const struct sandbox_filter_kind *kind, struct prologue *prologue)
{
	for (size_t i = 0; i < array_length(architectures); i++) {
		struct prologue part = {};
		load(&part, (uint32_t)offsetof(struct seccomp_data, nr));
		guard_ioctl(&part, architectures[i].ioctl);
		guard_first(&part, architectures[i].setpriority, ONE_PROCESS);
		guard_first(&part, architectures[i].ioprio_set, IO_ONE_PROCESS);
		if (!kind->memory_files) {
			guard_flag(
				&part, architectures[i].memfd_create, 1, MFD_NOEXEC, false, ENOSYS);
			guard_flag(&part, architectures[i].execveat, 4, EMPTY_PATH, true, EACCES);
		}
		if (architectures[i].audit_id) {
			load(prologue, (uint32_t)offsetof(struct seccomp_data, arch));
			add(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)part.count,
				architectures[i].audit_id);
		}
		memcpy(prologue->items + prologue->count, part.items,
			part.count * sizeof(part.items[0]));
		prologue->count += part.count;
	}
}

/* ---- the allow-list ------------------------------------------------------------------- */

/* Debuggers see everything of a process: without the grant not even one's own children's. */
static bool is_denied(const struct sandbox_filter_kind *kind, const char *name)
{
	static const char *const tracing[] = {
		"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"};
	for (size_t i = 0; !kind->ptrace && i < array_length(tracing); i++)
		if (text_equal(name, tracing[i]))
			return true;
	return false;
}

static void remove_denied(const struct sandbox_filter_kind *kind, struct plan_seccomp *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		struct strings *names = &profile->rules[i].names;
		size_t kept = 0;
		for (size_t n = 0; n < names->count; n++)
			if (!is_denied(kind, names->items[n]))
				names->items[kept++] = names->items[n];
		names->count = kept;
	}
}

static int put_in_front(const struct prologue *prologue, struct seccomp_program *program)
{
	size_t length = prologue->count * sizeof(struct sock_filter);
	char *whole = malloc(length + program->length);
	if (!whole)
		return fail(-ENOMEM, "make the filter of system calls");
	memcpy(whole, prologue->items, length);
	memcpy(whole + length, program->bytes, program->length);
	free(program->bytes);
	program->bytes = whole;
	program->length += length;
	return 0;
}

int sandbox_filter_make(const struct sandbox_filter_kind *kind, struct seccomp_program *ret_program)
{
	/* Namespaces of its own come with the calls to fill them; the kernel asks for the rest. */
	struct plan_capabilities capabilities = {.given = true};
	if (kind->userns)
		capabilities.bounding = 1ull << CAP_SYS_ADMIN | 1ull << CAP_SYS_CHROOT;
	autofini(arena_fini) struct arena arena = {};
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	struct plan_seccomp profile;
	seccomp_policy_for(&capabilities, &arena, &profile);
	remove_denied(kind, &profile);
	int r = seccomp_compile(&profile, &program);
	if (r < 0)
		return r;
	struct prologue prologue = {};
	write_prologue(kind, &prologue);
	r = put_in_front(&prologue, &program);
	if (r < 0)
		return r;
	*ret_program = program;
	program = (struct seccomp_program){};
	return 0;
}
