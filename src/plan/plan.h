// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The plan: one immutable, printable description of what will run. It is the
 * waist of the hourglass: `rung oci create`, `rung run`, a Dockerfile's RUN and a
 * pod are ways to make a plan; the rungs are ways to carry one out.
 *
 * Its shape is that of the OCI runtime specification 1.3 for Linux (config.md,
 * config-linux.md), with names spelled out and every value already checked and
 * converted, so that nothing below it parses strings again. All strings and
 * arrays live in the plan's arena. "Not given" is a null pointer, a zero count,
 * or a false has_… flag.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct strings {
	const char **items; /* items[count] is NULL, so that it serves as argv */
	size_t count;
};

/** A number that may be absent. */
struct optional_u64 {
	bool given;
	uint64_t value;
};

struct optional_i64 {
	bool given;
	int64_t value;
};

/* ---- who: ids and namespaces ------------------------------------------- */

/** config-linux.md "User namespace mappings". */
struct plan_id_map {
	uint32_t container_id, host_id, size;
};

struct plan_id_maps {
	struct plan_id_map *items;
	size_t count;
};

enum plan_namespace {
	PLAN_NS_USER, /* first: joining it decides what the others may do */
	PLAN_NS_PID,
	PLAN_NS_NETWORK,
	PLAN_NS_MOUNT,
	PLAN_NS_IPC,
	PLAN_NS_UTS,
	PLAN_NS_CGROUP,
	PLAN_NS_TIME,
	PLAN_NS_COUNT,
};

struct plan_namespace_entry {
	bool wanted;
	const char *path; /* join this one; NULL: a new one */
};

/** Name in config.json ("network"), CLONE_NEW… flag, name under /proc/PID/ns ("net"). */
struct plan_namespace_facts {
	const char *oci_name, *proc_name;
	unsigned clone_flag;
};
extern const struct plan_namespace_facts plan_namespace_facts[PLAN_NS_COUNT];

struct plan_time_offset {
	bool given;
	int64_t seconds;
	uint32_t nanoseconds;
};

/* ---- what it sees: root and mounts ------------------------------------- */

struct plan_mount {
	const char *destination; /* as written; may be relative (spec 1.2: to "/") */
	const char *source;      /* may be NULL; a relative bind source is relative to the bundle */
	const char *source_below; /* of a bind: what of the source, whose links do not leave it;
				     ours alone, not in config.json; NULL: all of it */
	const char *type;         /* file system type; "bind" for binds, NULL for pure remounts */
	bool bind, recursive;     /* rbind */
	/*
	 * Attributes for mount_setattr(2): MOUNT_ATTR_*; clear is what the words
	 * "rw", "suid", "dev", "exec", "diratime", … ask for. The _recursive pair
	 * comes from the "rro" family.
	 */
	uint64_t attributes_set, attributes_clear;
	uint64_t recursive_set, recursive_clear;
	unsigned long propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE [| MS_REC]; 0:
				      none */
	bool remount;
	bool tmpcopyup;
	bool idmap, idmap_recursive; /* "idmap", "ridmap", or mappings given */
	bool idmap_relative; /* host ids are the container's ("@"); plan_read() translates them */
	struct plan_id_maps uid_maps, gid_maps;     /* for idmap; empty: the container's own */
	bool source_nofollow, destination_nofollow; /* crun's src-nofollow, dest-nofollow */
	const char *data; /* what is left of the options, comma separated; NULL if nothing */
};

struct plan_device {
	char type;        /* 'c', 'b', 'p' ('u' is read as 'c') */
	const char *path; /* inside the container */
	int64_t major, minor;
	bool has_mode;
	mode_t mode; /* permission bits; default 0666 */
	uint32_t uid, gid;
};

struct plan_net_device { /* spec 1.3 netDevices */
	const char *host_name;
	const char *container_name; /* NULL: keep the name */
};

/* ---- how much: resources ----------------------------------------------- */

struct plan_device_rule {
	bool allow;
	char type;            /* 'a', 'c', 'b' */
	int64_t major, minor; /* -1: any */
	bool read, write, mknod;
};

struct plan_throttle { /* blockIO: one device and a rate (bytes/s or operations/s) */
	int64_t major, minor;
	uint64_t rate;
};

struct plan_weight_device {
	int64_t major, minor;
	struct optional_u64 weight, leaf_weight;
};

struct plan_key_value {
	const char *key, *value;
};

struct plan_limit { /* hugepageLimits: "2MB" → bytes; network priorities: interface → number */
	const char *name;
	uint64_t value;
};

struct plan_rdma {
	const char *device;
	struct optional_u64 handles, objects;
};

struct plan_resources {
	struct plan_device_rule *device_rules;
	size_t device_rule_count;

	/* Memory in bytes; -1 is "unlimited" (config-linux.md "Memory"). */
	struct optional_i64 memory_limit, memory_reservation, memory_swap;
	struct optional_i64 memory_kernel, memory_kernel_tcp;
	struct optional_u64 memory_swappiness;
	bool has_disable_oom_killer, disable_oom_killer;
	bool has_use_hierarchy, use_hierarchy;
	bool check_before_update;

	struct optional_u64 cpu_shares;
	struct optional_i64 cpu_quota, cpu_realtime_runtime; /* microseconds */
	struct optional_u64 cpu_burst, cpu_period, cpu_realtime_period;
	struct optional_i64 cpu_idle;
	const char *cpuset_cpus, *cpuset_mems;

	struct optional_i64 pids_limit; /* -1 (and 0 in a config, as runc reads it): unlimited */

	struct optional_u64 block_weight, block_leaf_weight;
	struct plan_weight_device *block_weight_devices;
	size_t block_weight_device_count;
	struct plan_throttle *block_read_bps, *block_write_bps, *block_read_iops, *block_write_iops;
	size_t block_read_bps_count, block_write_bps_count, block_read_iops_count,
		block_write_iops_count;

	struct plan_limit *hugepage_limits;
	size_t hugepage_limit_count;

	struct optional_u64 network_class_id;
	struct plan_limit *network_priorities;
	size_t network_priority_count;

	struct plan_rdma *rdma;
	size_t rdma_count;

	struct plan_key_value *unified; /* cgroup v2 file → value, written as it is */
	size_t unified_count;
};

/* ---- which system calls ------------------------------------------------- */

struct plan_seccomp_argument {
	uint32_t index;
	uint64_t value, value_two;
	const char *operator; /* "SCMP_CMP_EQ" … */
};

struct plan_seccomp_rule {
	struct strings names;
	const char *action; /* "SCMP_ACT_…" */
	struct optional_u64 errno_return;
	struct plan_seccomp_argument *arguments;
	size_t argument_count;
};

/** A plan that wants rung's own default policy says so by this annotation, in few bytes. */
#define FILTER_ANNOTATION "org.rung.seccomp"
#define FILTER_ANNOTATION_DEFAULT "default"

struct plan_seccomp {
	const char *default_action;
	struct optional_u64 default_errno_return;
	struct strings architectures; /* "SCMP_ARCH_…" */
	struct strings flags;         /* "SECCOMP_FILTER_FLAG_…" */
	const char *listener_path, *listener_metadata;
	struct plan_seccomp_rule *rules;
	size_t rule_count;
};

/* ---- the process -------------------------------------------------------- */

struct plan_rlimit {
	int resource;        /* RLIMIT_… */
	uint64_t soft, hard; /* UINT64_MAX: RLIM_INFINITY */
};

/** Bit n is capability n of capabilities(7). */
struct plan_capabilities {
	bool given;
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct plan_scheduler { /* sched_setattr(2); times in nanoseconds */
	bool given;
	uint32_t policy;
	int32_t nice;
	uint32_t priority;
	uint64_t flags;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

struct plan_process {
	bool terminal;
	uint16_t console_width, console_height; /* 0: not given */
	uint32_t uid, gid;
	bool has_umask;
	mode_t umask;
	uint32_t *additional_gids;
	size_t additional_gid_count;
	const char *working_directory; /* absolute */
	struct strings arguments, environment;
	const char *command_line; /* Windows only; kept for printing */
	struct plan_rlimit *rlimits;
	size_t rlimit_count;
	struct plan_capabilities capabilities;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct optional_i64 oom_score_adj;
	struct plan_scheduler scheduler;
	bool has_io_priority;
	int io_priority_class, io_priority;            /* IOPRIO_CLASS_…, 0..7 */
	const char *affinity_initial, *affinity_final; /* execCPUAffinity, cpu lists */
};

enum plan_hook_kind {
	PLAN_HOOK_PRESTART,
	PLAN_HOOK_CREATE_RUNTIME,
	PLAN_HOOK_CREATE_CONTAINER,
	PLAN_HOOK_START_CONTAINER,
	PLAN_HOOK_POSTSTART,
	PLAN_HOOK_POSTSTOP,
	PLAN_HOOK_COUNT,
};
extern const char *const plan_hook_names[PLAN_HOOK_COUNT];

struct plan_hook {
	const char *path;
	struct strings arguments, environment;
	unsigned timeout_s; /* 0: none */
};

struct plan_hooks {
	struct plan_hook *items[PLAN_HOOK_COUNT];
	size_t count[PLAN_HOOK_COUNT];
};

/* ---- odds and ends ------------------------------------------------------ */

struct plan_intel_rdt {
	bool given;
	const char *class_id, *l3_cache_schema, *memory_bandwidth_schema;
	struct strings schemata;
	bool enable_monitoring; /* also the older enableCMT, enableMBM */
};

struct plan_memory_policy { /* set_mempolicy(2), spec 1.3 */
	bool given;
	int mode;       /* MPOL_… */
	unsigned flags; /* MPOL_F_… */
	const char *nodes;
};

/** Landlock, our annotation "org.rung.landlock": see docs of plan_landlock_parse(). */
struct plan_landlock_path {
	const char *path; /* inside the container */
	uint64_t access;  /* LANDLOCK_ACCESS_FS_* */
};

struct plan_landlock_port {
	uint16_t port;
	uint64_t access; /* LANDLOCK_ACCESS_NET_* */
};

struct plan_landlock {
	bool given;
	bool best_effort; /* false: an old kernel is an error */
	uint64_t handled_fs, handled_net, scoped;
	struct plan_landlock_path *paths;
	size_t path_count;
	struct plan_landlock_port *ports;
	size_t port_count;
};

struct plan {
	struct arena arena; /* owns all that the plan points to */

	const char *oci_version;
	const char *hostname, *domainname;
	const char *root_path; /* absolute after plan_read */
	bool root_readonly;
	unsigned long
		root_propagation; /* MS_…[|MS_REC]; 0: not given (then rslave for the old root) */

	struct plan_mount *mounts;
	size_t mount_count;

	bool has_process; /* create accepts none, start does not */
	struct plan_process process;
	struct plan_hooks hooks;
	struct plan_key_value *annotations;
	size_t annotation_count;

	struct plan_namespace_entry namespaces[PLAN_NS_COUNT];
	struct plan_id_maps uid_maps, gid_maps;
	struct plan_time_offset monotonic_offset, boottime_offset;
	struct plan_device *devices;
	size_t device_count;
	struct plan_net_device *net_devices;
	size_t net_device_count;
	const char *cgroups_path;
	struct plan_resources resources;
	bool has_seccomp;
	struct plan_seccomp seccomp;
	struct strings masked_paths, readonly_paths;
	struct plan_key_value *sysctls;
	size_t sysctl_count;
	const char *mount_label;
	bool has_personality;
	unsigned long personality;
	struct plan_intel_rdt intel_rdt;
	struct plan_memory_policy memory_policy;
	struct plan_landlock landlock;
};

/** Frees everything the plan points to. */
void plan_fini(struct plan *plan);

/** True if the profile may hand this system call to its listener. */
bool plan_seccomp_notifies(const struct plan_seccomp *profile, const char *call);

/** The annotation's value, NULL if there is none. */
const char *plan_annotation(const struct plan *plan, const char *key);

/**
 * The path below /proc/sys of a kernel parameter written with dots or with slashes; NULL
 * if some part of it is empty, "." or "..".
 */
const char *plan_sysctl_path(const char *name, struct arena *arena);

/** True if the plan wants this namespace and a new one (not joined by path). */
bool plan_new_namespace(const struct plan *plan, enum plan_namespace kind);
