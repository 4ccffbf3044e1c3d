// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Everything a person can ask of a container, as it was typed: `run`, `create` and pods fill it by
 * the option tables of verbs/container/options.c, which have the names of these structs. It is
 * written into the container's config.json, so that `start` makes the same plan again.
 *
 * Beside the words stands what they came to (struct run_resolved): with the image's own wishes, the
 * caller's environment and the volumes as they were when the container was created. That, not the
 * words, is what `inspect` shows and what the plan is made of.
 */

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct image;
struct text;
struct json;
struct json_writer;

/* ---- wishes ------------------------------------------------------------------------ */

struct life_wishes {
	const char *name, *isolation, *runtime, *restart, *pod, *pod_id_file;
	bool remove, remove_image, replace;
	const char *pidfile, *cidfile, *conmon_pidfile, *sdnotify;
	struct strings labels, label_files, annotations, requirements;
	const char *stop_signal;
	struct optional_i64 stop_timeout_s; /* -1: wait for ever */
	uint64_t timeout_s;                 /* 0: none */
	const char *log_driver;
	struct strings log_options;
};

struct process_wishes {
	bool interactive, terminal, init;
	struct strings attach;  /* "stdin", "stdout", "stderr" */
	const char *entrypoint; /* "": none, also not the image's */
	const char *working_directory, *user, *init_path, *umask, *personality, *timezone, *systemd;
	struct strings environment; /* NAME=VALUE, NAME to take ours, PREFIX* */
	struct strings environment_files, environment_merge, unset;
	bool environment_host, unset_all, http_proxy;
	struct strings group_add, ulimits, host_users, chroot_directories, preserved_fd_list;
	uint64_t preserved_fds;
	bool passwd;
	const char *passwd_entry, *group_entry;
	struct optional_i64 oom_score_adj;
};

struct file_wishes {
	const char *rootfs;
	struct strings volumes;      /* SOURCE:DESTINATION[:OPTIONS], DESTINATION */
	struct strings mounts;       /* type=…,src=…,dst=… */
	struct strings tmpfs;        /* DESTINATION[:OPTIONS] */
	struct strings volumes_from; /* CONTAINER[:OPTIONS] */
	struct strings secrets, storage_options;
	const char *volume_driver, *image_volume;
	bool read_only, read_only_tmpfs;
	uint64_t shm_bytes; /* 0: the default, 64 MiB */
	struct strings devices, device_rules, gpus;
};

struct namespace_wishes {
	const char *user, *pid, *ipc, *uts, *cgroup;
	struct strings uid_maps, gid_maps; /* CONTAINER:HOST[:SIZE] */
	const char *subuid_name, *subgid_name;
	const char *hostname, *domainname;
};

struct network_wishes {
	struct strings networks, aliases, publish, expose, links, link_local_ips;
	struct strings add_hosts, dns, dns_options, dns_searches;
	bool no_hosts, no_hostname, publish_all;
	const char *hosts_file, *ip, *ip6, *mac_address;
};

enum run_cgroup_manager { RUN_CGROUP_AUTO, RUN_CGROUPFS, RUN_CGROUP_SYSTEMD, RUN_CGROUP_DISABLED };

struct resource_wishes {
	uint64_t memory_bytes, memory_reservation_bytes, kernel_memory_bytes; /* 0: no limit */
	int64_t memory_swap_bytes; /* 0: not given, -1: unlimited */
	struct optional_i64 memory_swappiness;
	bool oom_kill_disable;
	int64_t cpus_billionths; /* 1.5 CPUs: 1500000000; 0: no limit */
	uint64_t cpu_shares;     /* 0: not given */
	uint64_t cpu_period_us, cpu_realtime_period_us;
	int64_t cpu_quota_us, cpu_realtime_runtime_us;
	const char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* 0: not given, -1: unlimited */
	uint64_t block_weight;
	struct strings block_weight_devices, read_bps, write_bps, read_iops, write_iops;
	struct strings hugepage_limits; /* SIZE=BYTES */
	const char *cgroup_parent, *cgroups, *rdt_class;
	struct strings cgroup_settings; /* cgroup v2 file=value */
	enum run_cgroup_manager cgroup_manager;
};

struct security_wishes {
	bool privileged;
	struct strings cap_add, cap_drop, options, sysctls;
	const char *seccomp_policy;
};

/** Times in nanoseconds; absent: the image's or Docker's default. */
struct health_wishes {
	const char *command; /* a shell's line, a JSON array, or "none" */
	struct optional_i64 interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries;
	const char *on_failure; /* none kill restart stop */
	bool disabled;
	const char *startup_command;
	struct optional_i64 startup_interval_ns, startup_timeout_ns, startup_retries,
		startup_successes;
	const char *log_destination;
	struct optional_i64 log_max_count, log_max_size;
};

struct pull_wishes {
	const char *policy; /* always missing never newer; NULL: missing */
	const char *platform, *architecture, *os, *variant;
	const char *authfile, *certificates, *credentials, *decryption_key;
	struct optional_i64 retries;
	struct optional_i64 retry_delay_ns;
	bool tls_verify, quiet, no_content_trust;
};

/* ---- what they came to -------------------------------------------------------------- */

enum run_mount_kind {
	RUN_MOUNT_BIND,
	RUN_MOUNT_VOLUME,
	RUN_MOUNT_TMPFS,
	RUN_MOUNT_IMAGE,
	RUN_MOUNT_DEVPTS,
};

struct run_mount {
	enum run_mount_kind kind;
	const char *name;        /* of the volume or image */
	const char *source;      /* host path; NULL where there is none */
	const char *destination; /* clean and absolute */
	struct strings options;  /* what plan_mount_options() reads: "ro", "rprivate", "size=1m" */
	const char *subpath;     /* below the volume or image */
	bool anonymous;          /* a volume that goes with its container */
	bool copy;               /* fill it, when empty, with what the image has there */
	bool chown;              /* U: give the source to the container's user */
	bool overlay;            /* O: changes are thrown away */
};

struct run_secret {
	const char *id, *name;
	const char *target; /* a path, or the variable's name */
	bool environment;
	uint32_t uid, gid, mode;
};

#define RUN_HEALTH_START_INTERVAL_NS INT64_C(5000000000) /* Docker's, where nobody says */

struct run_health {
	struct strings test; /* "CMD" or "CMD-SHELL" first, as in an image; none: no check */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	int64_t retries;
	const char *on_failure;
};

struct run_resolved {
	bool given;
	struct strings entrypoint, command; /* what runs: one after the other */
	struct strings environment;         /* NAME=VALUE, each name once */
	const char *user, *working_directory, *hostname;
	const char *stop_signal; /* "SIGTERM", "RTMIN+3" */
	struct plan_key_value *labels;
	size_t label_count;
	struct strings exposed_ports; /* "80/tcp" */
	struct run_mount *mounts;
	size_t mount_count;
	struct run_secret *secrets;
	size_t secret_count;
	struct run_health health;
	bool systemd; /* the program is an init that wants systemd's surroundings */
	struct plan_id_maps uid_maps, gid_maps; /* of its user namespace; none: the usual one */
};

/* ---- the request ----------------------------------------------------------------------- */

/** Another container that this one borrows from; filled by whoever keeps containers. */
struct run_peer {
	const char *id, *hostname;
	pid_t pid; /* 0: it does not run */
	const struct run_request *request;
};

struct run_request {
	/* Where; not written. */
	const char *id;        /* checked by the caller (container_check_id) */
	const char *data_root; /* rung's own, never shown in @host */
	const struct run_layer *layer;
	const struct image *image; /* NULL: --rootfs or @host */
	struct strings lowers;     /* its trees, topmost first */
	const char *const
		*pod_namespaces; /* [PLAN_NS_COUNT], NULL where not shared; NULL: no pod */
	/** Finds a container by name or id; NULL: there are no others. Story on failure. */
	int (*find_peer)(
		void *context, const char *name, struct arena *arena, struct run_peer *ret_peer);
	void *peer_context;
	bool dry; /* nothing may be created: --explain */

	/* Words; written. */
	const char *image_name;   /* as typed; "@host" is no image */
	struct strings arguments; /* behind the image */
	struct life_wishes life;
	struct process_wishes process;
	struct file_wishes files;
	struct namespace_wishes namespaces;
	struct network_wishes network;
	struct resource_wishes resources;
	struct security_wishes security;
	struct health_wishes health;
	struct pull_wishes pull;

	struct run_resolved resolved;
};

/** What options default to where that is not zero. */
#define RUN_REQUEST_DEFAULTS \
	{ \
		.process = {.http_proxy = true, .passwd = true}, \
		.files = {.read_only_tmpfs = true}, .pull = { \
			.tls_verify = true \
		} \
	}

/** Writes an object member @key: all words and what they came to. */
void run_request_write(
	const struct run_request *request, struct json_writer *writer, const char *key);

/** Reads it again; everything lives in @arena. The rest of *ret_request is left alone. */
[[nodiscard]] int run_request_read(
	const struct json *at, struct arena *arena, struct run_request *ret_request);
