// SPDX-License-Identifier: Apache-2.0
/*
 * The words of a profile (config-linux.md, "Seccomp") and what they are to the
 * kernel. What `rung oci features` lists is what is understood here.
 */
#include "walls/seccomp_parts.h"

#include "base/error.h"
#include "base/kernel.h"
#include "walls/seccomp.h"

#include <assert.h>
#include <linux/seccomp.h>

const char *const seccomp_action_names[] = {
	"SCMP_ACT_ALLOW",
	"SCMP_ACT_ERRNO",
	"SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",
	"SCMP_ACT_TRACE",
	"SCMP_ACT_TRAP",
	NULL,
};

static const uint32_t actions[] = {
	SECCOMP_RET_ALLOW,
	SECCOMP_RET_ERRNO,
	SECCOMP_RET_KILL_THREAD, /* the name is from before there was KILL_PROCESS */
	SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_THREAD,
	SECCOMP_RET_LOG,
	SECCOMP_RET_USER_NOTIF,
	SECCOMP_RET_TRACE,
	SECCOMP_RET_TRAP,
};
static_assert(array_length(actions) + 1 == array_length(seccomp_action_names), "one each");

const char *const seccomp_operator_names[] = {
	"SCMP_CMP_EQ",
	"SCMP_CMP_GE",
	"SCMP_CMP_GT",
	"SCMP_CMP_LE",
	"SCMP_CMP_LT",
	"SCMP_CMP_MASKED_EQ",
	"SCMP_CMP_NE",
	NULL,
};

static const enum seccomp_operator operators[] = {
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_LE,
	SECCOMP_LT,
	SECCOMP_MASKED_EQ,
	SECCOMP_NE,
};
static_assert(array_length(operators) + 1 == array_length(seccomp_operator_names), "one each");

const char *const seccomp_flag_names[] = {
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};

static const unsigned flags[] = {
	SECCOMP_FILTER_FLAG_LOG,
	SECCOMP_FILTER_FLAG_SPEC_ALLOW,
	SECCOMP_FILTER_FLAG_TSYNC,
	SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};
static_assert(array_length(flags) + 1 == array_length(seccomp_flag_names), "one each");

const char *const seccomp_architecture_names[] = {
	"SCMP_ARCH_AARCH64",
	"SCMP_ARCH_ARM",
	"SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",
	"SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_NATIVE",
	"SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_RISCV64",
	"SCMP_ARCH_S390",
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",
	"SCMP_ARCH_SHEB",
	"SCMP_ARCH_X32",
	"SCMP_ARCH_X86",
	"SCMP_ARCH_X86_64",
	NULL,
};

/* The place of name in a list that ends with NULL, or -EINVAL with a story. */
static int place(const char *const *names, const char *name, const char *what)
{
	for (int i = 0; name && names[i]; i++)
		if (text_equal(names[i], name))
			return i;
	return refuse(-EINVAL, "unknown %s \"%s\"", what, name ? name : "");
}

int seccomp_action_parse(
	const char *name, const struct optional_u64 *errno_return, uint32_t *ret_action)
{
	int i = place(seccomp_action_names, name, "action");
	if (i < 0)
		return i;
	uint32_t action = actions[i];
	uint64_t data = 0;
	if (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE) {
		data = errno_return->given ? errno_return->value : EPERM;
		uint64_t most = action == SECCOMP_RET_ERRNO ? KERNEL_MAX_ERRNO : SECCOMP_RET_DATA;
		if (data > most)
			return refuse(-EINVAL, "errno %llu is above %llu", (unsigned long long)data,
				(unsigned long long)most);
	} else if (errno_return->given) {
		return refuse(
			-EINVAL, "%s takes no errno", name); /* the specification: MUST fail */
	}
	*ret_action = action | (uint32_t)data;
	return 0;
}

int seccomp_operator_parse(const char *name, enum seccomp_operator *ret_operator)
{
	int i = place(seccomp_operator_names, name, "operator");
	if (i < 0)
		return i;
	*ret_operator = operators[i];
	return 0;
}

int seccomp_flag_parse(const char *name, unsigned *ret_flag)
{
	int i = place(seccomp_flag_names, name, "flag");
	if (i < 0)
		return i;
	*ret_flag = flags[i];
	return 0;
}

/*
 * With no program to read, the kernel says EFAULT after it has accepted the flags.
 * WAIT_KILLABLE_RECV is only looked at together with NEW_LISTENER.
 */
bool seccomp_flag_supported(unsigned flag)
{
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return kernel_seccomp(SECCOMP_SET_MODE_FILTER, flag, NULL) == -EFAULT;
}

int seccomp_architecture_find(
	const char *name, const struct seccomp_architecture **ret_architecture)
{
	int known = place(seccomp_architecture_names, name, "architecture");
	if (known < 0)
		return known;
	bool native = text_equal(name, "SCMP_ARCH_NATIVE");
	for (size_t i = 0; i < seccomp_architecture_count; i++) {
		if (!native && !text_equal(seccomp_architectures[i].name, name))
			continue;
		*ret_architecture = &seccomp_architectures[i];
		return 1;
	}
	return 0;
}

const struct seccomp_call *seccomp_call_find(const char *name)
{
	for (uint32_t slot = seccomp_slot(name); seccomp_slots[slot];
		slot = (slot + 1) % SECCOMP_SLOTS) {
		const struct seccomp_call *call = &seccomp_calls[seccomp_slots[slot] - 1];
		if (text_equal(seccomp_names + call->name, name))
			return call;
	}
	return NULL;
}
