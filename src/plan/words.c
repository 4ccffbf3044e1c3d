// SPDX-License-Identifier: Apache-2.0
#include "plan/words.h"

#include "base/kernel.h"
#include "base/text.h"
#include "plan/oci.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>

#define WORDS(what, table) \
	{ \
		.noun = (what), .items = (table), .count = array_length(table) \
	}

const struct word *words_find(const struct words *words, const char *name)
{
	for (size_t i = 0; i < words->count; i++) {
		if (text_equal(words->items[i].name, name))
			return &words->items[i];
	}
	return NULL;
}

const char *words_name(const struct words *words, uint64_t value)
{
	for (size_t i = 0; i < words->count; i++) {
		if (words->items[i].value == value)
			return words->items[i].name;
	}
	return NULL;
}

/* ---- capabilities(7) ----------------------------------------------------- */

#define CAPABILITY(name) \
	{ \
		"CAP_" #name, UINT64_C(1) << CAP_##name \
	}
/* In order of their numbers: plan_capability_name() counts on it. */
static const struct word capabilities[] = {
	CAPABILITY(CHOWN),
	CAPABILITY(DAC_OVERRIDE),
	CAPABILITY(DAC_READ_SEARCH),
	CAPABILITY(FOWNER),
	CAPABILITY(FSETID),
	CAPABILITY(KILL),
	CAPABILITY(SETGID),
	CAPABILITY(SETUID),
	CAPABILITY(SETPCAP),
	CAPABILITY(LINUX_IMMUTABLE),
	CAPABILITY(NET_BIND_SERVICE),
	CAPABILITY(NET_BROADCAST),
	CAPABILITY(NET_ADMIN),
	CAPABILITY(NET_RAW),
	CAPABILITY(IPC_LOCK),
	CAPABILITY(IPC_OWNER),
	CAPABILITY(SYS_MODULE),
	CAPABILITY(SYS_RAWIO),
	CAPABILITY(SYS_CHROOT),
	CAPABILITY(SYS_PTRACE),
	CAPABILITY(SYS_PACCT),
	CAPABILITY(SYS_ADMIN),
	CAPABILITY(SYS_BOOT),
	CAPABILITY(SYS_NICE),
	CAPABILITY(SYS_RESOURCE),
	CAPABILITY(SYS_TIME),
	CAPABILITY(SYS_TTY_CONFIG),
	CAPABILITY(MKNOD),
	CAPABILITY(LEASE),
	CAPABILITY(AUDIT_WRITE),
	CAPABILITY(AUDIT_CONTROL),
	CAPABILITY(SETFCAP),
	CAPABILITY(MAC_OVERRIDE),
	CAPABILITY(MAC_ADMIN),
	CAPABILITY(SYSLOG),
	CAPABILITY(WAKE_ALARM),
	CAPABILITY(BLOCK_SUSPEND),
	CAPABILITY(AUDIT_READ),
	CAPABILITY(PERFMON),
	CAPABILITY(BPF),
	CAPABILITY(CHECKPOINT_RESTORE),
};
const struct words capability_words = WORDS("capability", capabilities);

int plan_capability(const char *name)
{
	static const size_t prefix = sizeof("CAP_") - 1;
	bool prefixed = strncasecmp(name, "CAP_", prefix) == 0;
	for (size_t i = 0; i < array_length(capabilities); i++) {
		if (strcasecmp(capabilities[i].name + prefix, name + (prefixed ? prefix : 0)) == 0)
			return (int)i;
	}
	return -EINVAL;
}

const char *plan_capability_name(int number)
{
	bool known = number >= 0 && (size_t)number < array_length(capabilities);
	return known ? capabilities[number].name : NULL;
}

/* ---- getrlimit(2) -------------------------------------------------------- */

#define RLIMIT(name) \
	{ \
		"RLIMIT_" #name, RLIMIT_##name \
	}
static const struct word rlimits[] = {
	RLIMIT(CPU),
	RLIMIT(FSIZE),
	RLIMIT(DATA),
	RLIMIT(STACK),
	RLIMIT(CORE),
	RLIMIT(RSS),
	RLIMIT(NPROC),
	RLIMIT(NOFILE),
	RLIMIT(MEMLOCK),
	RLIMIT(AS),
	RLIMIT(LOCKS),
	RLIMIT(SIGPENDING),
	RLIMIT(MSGQUEUE),
	RLIMIT(NICE),
	RLIMIT(RTPRIO),
	RLIMIT(RTTIME),
};
const struct words rlimit_words = WORDS("limit", rlimits);

/* ---- namespaces(7) ------------------------------------------------------- */

const struct plan_namespace_facts plan_namespace_facts[PLAN_NS_COUNT] = {
	[PLAN_NS_USER] = {"user", "user", CLONE_NEWUSER},
	[PLAN_NS_PID] = {"pid", "pid", CLONE_NEWPID},
	[PLAN_NS_NETWORK] = {"network", "net", CLONE_NEWNET},
	[PLAN_NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
	[PLAN_NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
	[PLAN_NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
	[PLAN_NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
	[PLAN_NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

static const struct word namespaces[] = {
	{"user", PLAN_NS_USER},
	{"pid", PLAN_NS_PID},
	{"network", PLAN_NS_NETWORK},
	{"mount", PLAN_NS_MOUNT},
	{"ipc", PLAN_NS_IPC},
	{"uts", PLAN_NS_UTS},
	{"cgroup", PLAN_NS_CGROUP},
	{"time", PLAN_NS_TIME},
};
const struct words namespace_words = WORDS("namespace", namespaces);

/* ---- mounts and devices -------------------------------------------------- */

/* The specification has the plain four; Docker and Podman write the recursive ones. */
static const struct word propagations[] = {
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"private", MS_PRIVATE},
	{"unbindable", MS_UNBINDABLE},
	{"rshared", MS_SHARED | MS_REC},
	{"rslave", MS_SLAVE | MS_REC},
	{"rprivate", MS_PRIVATE | MS_REC},
	{"runbindable", MS_UNBINDABLE | MS_REC},
};
const struct words propagation_words = WORDS("propagation", propagations);

static const struct word device_types[] = {{"c", 'c'}, {"b", 'b'}, {"p", 'p'}, {"u", 'c'}};
const struct words device_type_words = WORDS("device type", device_types);

/* ---- how the process is scheduled ---------------------------------------- */

static const struct word scheduler_policies[] = {
	{"SCHED_OTHER", SCHED_OTHER},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_ISO", SCHED_ISO},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
};
const struct words scheduler_policy_words = WORDS("scheduling policy", scheduler_policies);

#define SCHEDULER_FLAG(name) \
	{ \
		"SCHED_FLAG_" #name, SCHED_FLAG_##name \
	}
static const struct word scheduler_flags[] = {
	SCHEDULER_FLAG(RESET_ON_FORK),
	SCHEDULER_FLAG(RECLAIM),
	SCHEDULER_FLAG(DL_OVERRUN),
	SCHEDULER_FLAG(KEEP_POLICY),
	SCHEDULER_FLAG(KEEP_PARAMS),
	SCHEDULER_FLAG(UTIL_CLAMP_MIN),
	SCHEDULER_FLAG(UTIL_CLAMP_MAX),
};
const struct words scheduler_flag_words = WORDS("scheduling flag", scheduler_flags);

static const struct word io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};
const struct words io_class_words = WORDS("I/O class", io_classes);

static const struct word memory_modes[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_LOCAL", MPOL_LOCAL},
};
const struct words memory_mode_words = WORDS("memory policy", memory_modes);

static const struct word memory_flags[] = {
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};
const struct words memory_flag_words = WORDS("memory policy flag", memory_flags);

static const struct word personalities[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
const struct words personality_words = WORDS("execution domain", personalities);

/* ---- system calls (config-linux.md "Seccomp") ---------------------------- */

static const struct word seccomp_actions[] = {
	{"SCMP_ACT_KILL", 0},
	{"SCMP_ACT_KILL_PROCESS", 0},
	{"SCMP_ACT_KILL_THREAD", 0},
	{"SCMP_ACT_TRAP", 0},
	{"SCMP_ACT_ERRNO", 1},
	{"SCMP_ACT_TRACE", 1},
	{"SCMP_ACT_ALLOW", 0},
	{"SCMP_ACT_LOG", 0},
	{"SCMP_ACT_NOTIFY", 0},
};
const struct words seccomp_action_words = WORDS("action", seccomp_actions);

static const struct word seccomp_architectures[] = {
	{"SCMP_ARCH_X86", 0},
	{"SCMP_ARCH_X86_64", 0},
	{"SCMP_ARCH_X32", 0},
	{"SCMP_ARCH_ARM", 0},
	{"SCMP_ARCH_AARCH64", 0},
	{"SCMP_ARCH_LOONGARCH64", 0},
	{"SCMP_ARCH_M68K", 0},
	{"SCMP_ARCH_MIPS", 0},
	{"SCMP_ARCH_MIPS64", 0},
	{"SCMP_ARCH_MIPS64N32", 0},
	{"SCMP_ARCH_MIPSEL", 0},
	{"SCMP_ARCH_MIPSEL64", 0},
	{"SCMP_ARCH_MIPSEL64N32", 0},
	{"SCMP_ARCH_PPC", 0},
	{"SCMP_ARCH_PPC64", 0},
	{"SCMP_ARCH_PPC64LE", 0},
	{"SCMP_ARCH_S390", 0},
	{"SCMP_ARCH_S390X", 0},
	{"SCMP_ARCH_SH", 0},
	{"SCMP_ARCH_SHEB", 0},
	{"SCMP_ARCH_PARISC", 0},
	{"SCMP_ARCH_PARISC64", 0},
	{"SCMP_ARCH_RISCV64", 0},
};
const struct words seccomp_architecture_words = WORDS("architecture", seccomp_architectures);

static const struct word seccomp_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
	{"SECCOMP_FILTER_FLAG_LOG", 0},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 0},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0},
};
const struct words seccomp_flag_words = WORDS("filter flag", seccomp_flags);

static const struct word seccomp_operators[] = {
	{"SCMP_CMP_NE", 0},
	{"SCMP_CMP_LT", 0},
	{"SCMP_CMP_LE", 0},
	{"SCMP_CMP_EQ", 0},
	{"SCMP_CMP_GE", 0},
	{"SCMP_CMP_GT", 0},
	{"SCMP_CMP_MASKED_EQ", 0},
};
const struct words seccomp_operator_words = WORDS("operator", seccomp_operators);

/* ---- landlock(7) --------------------------------------------------------- */

#define FILES_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FILES_WRITE \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
		LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | \
		LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
#define FILES_ALL \
	(FILES_READ | FILES_WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_IOCTL_DEV)
static const struct word landlock_files[] = {
	{"execute", LANDLOCK_ACCESS_FS_EXECUTE},
	{"write-file", LANDLOCK_ACCESS_FS_WRITE_FILE},
	{"read-file", LANDLOCK_ACCESS_FS_READ_FILE},
	{"read-dir", LANDLOCK_ACCESS_FS_READ_DIR},
	{"remove-dir", LANDLOCK_ACCESS_FS_REMOVE_DIR},
	{"remove-file", LANDLOCK_ACCESS_FS_REMOVE_FILE},
	{"make-char", LANDLOCK_ACCESS_FS_MAKE_CHAR},
	{"make-dir", LANDLOCK_ACCESS_FS_MAKE_DIR},
	{"make-file", LANDLOCK_ACCESS_FS_MAKE_REG},
	{"make-socket", LANDLOCK_ACCESS_FS_MAKE_SOCK},
	{"make-fifo", LANDLOCK_ACCESS_FS_MAKE_FIFO},
	{"make-block", LANDLOCK_ACCESS_FS_MAKE_BLOCK},
	{"make-symlink", LANDLOCK_ACCESS_FS_MAKE_SYM},
	{"refer", LANDLOCK_ACCESS_FS_REFER},
	{"truncate", LANDLOCK_ACCESS_FS_TRUNCATE},
	{"ioctl-device", LANDLOCK_ACCESS_FS_IOCTL_DEV},
	{"read", FILES_READ},
	{"write", FILES_WRITE},
	{"all", FILES_ALL},
};
const struct words landlock_file_words = WORDS("access", landlock_files);

static const struct word landlock_ports[] = {
	{"bind", LANDLOCK_ACCESS_NET_BIND_TCP},
	{"connect", LANDLOCK_ACCESS_NET_CONNECT_TCP},
};
const struct words landlock_port_words = WORDS("access", landlock_ports);

static const struct word landlock_scopes[] = {
	{"abstract-unix-socket", LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET},
	{"signal", LANDLOCK_SCOPE_SIGNAL},
};
const struct words landlock_scope_words = WORDS("scope", landlock_scopes);
