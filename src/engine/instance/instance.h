// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * An instance is what rung keeps of one container, whatever rung of the ladder it runs on, from
 * `create` to `rm`: a name, what was asked for, what became of it.
 *
 *	<data>/containers/<id>/         id: 64 hexadecimal digits; locked (flock) by whoever changes
 *it config.json             what lists and searches need; written at create, rename, update
 *		request.json            everything that was asked for (struct run_request)
 *		state.json              what it is doing; replaced at each change
 *		exit                    "STATUS TIME" by the monitor, before anybody deals with the
 *end layer/                  what the program changes (engine/container/layer.c)
 *		...                     its other keepers' files: log, hosts, secrets, health.json
 *	<data>/names/<name>             symbolic link to the id: taken by symlink(2), so once
 *	<state>/containers/<id>/        the rung's own record while there are processes
 *(rungs/container) <state>/run/<id>/               attach.sock and whatever else is gone with the
 *machine
 *
 * No daemon knows better than these files, and no file is believed when the kernel knows better:
 * "running" is true only as long as the first process, known by pid and start time, lives. Whoever
 * finds it dead with nobody dealing with that (its monitor was killed, the machine was switched
 * off) settles the matter first (settle.c). Each file is replaced by rename(2); nothing is fsynced
 * on the way of a start, since a container is no longer running after a power cut anyway.
 *
 * Everything that is read lives in the caller's arena.
 */

#include "engine/container/run.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct container_process;

enum instance_status {
	INSTANCE_CREATED,     /* never started, or made ready again; has no process */
	INSTANCE_INITIALIZED, /* `init`: its first process waits */
	INSTANCE_RUNNING,
	INSTANCE_PAUSED,
	INSTANCE_RESTARTING, /* its restart policy waits */
	INSTANCE_STOPPING,   /* asked to end, and still there */
	INSTANCE_EXITED,
	INSTANCE_DEAD,     /* it could not be removed wholly */
	INSTANCE_REMOVING, /* a removal is under way, or was cut short */
	INSTANCE_STATUS_COUNT,
};

/** "created", "initialized", "running" … */
const char *instance_status_name(enum instance_status status);

/** The number of a word of instance_status_name(), also "configured" and "stopped"; -EINVAL. */
[[nodiscard]] int instance_status_find(const char *word);

enum instance_restart_policy {
	INSTANCE_RESTART_NO,
	INSTANCE_RESTART_ALWAYS,
	INSTANCE_RESTART_UNLESS_STOPPED,
	INSTANCE_RESTART_ON_FAILURE,
};

struct instance_restart {
	enum instance_restart_policy policy;
	uint32_t most; /* on-failure:N; 0: as often as it takes */
};

/** "no", "always", "unless-stopped", "on-failure", "on-failure:3", "". -EINVAL with a story. */
[[nodiscard]] int instance_restart_read(const char *word, struct instance_restart *ret_restart);

/** "no" … "on-failure"; the number apart, as inspect shows it. */
const char *instance_restart_name(enum instance_restart_policy policy);

struct instance_state {
	enum instance_status status;
	pid_t pid;          /* first process, as the host counts; 0: none */
	uint64_t pid_start; /* see struct process_id */
	pid_t monitor_pid;  /* 0: none */
	uint64_t monitor_start;
	int exit_code;           /* 128 + n after signal n */
	bool oom_killed;         /* the kernel killed one of its processes for want of memory */
	bool stopped_by_user;    /* `stop` or `kill`: unless-stopped keeps it so */
	uint32_t restart_count;  /* by the policy, since a person started it */
	uint32_t restart_streak; /* restarts in a row, each soon after the one before */
	uint32_t starts;         /* in all */
	const char *started_at, *finished_at; /* RFC 3339 with nanoseconds; "" never */
	const char *error;                    /* why the last start failed; "" */
	const char *restart_at;               /* RESTARTING: when */
};

/** What lists show without opening the request. */
struct instance {
	const char *id, *name;
	const char *directory;     /* <data>/containers/<id> */
	const char *run_directory; /* <state>/run/<id>; there while it has a monitor */
	const char *record_root;   /* <state>/containers: for container_load() and its like */

	const char *created;               /* RFC 3339 with nanoseconds */
	const char *image_id, *image_name; /* "sha256:…"; full name. "" for @host and --rootfs */
	const char *rootfs;                /* --rootfs; "" */
	struct strings command;            /* entrypoint and arguments, as they run */
	struct plan_key_value *labels;
	size_t label_count;
	struct strings volumes;   /* names of volumes; host paths of binds */
	struct strings published; /* -p as typed */
	struct strings networks;  /* "none", "host" … as they are used */
	const char *pod;          /* id; "" */
	bool infra;               /* holds the namespaces of its pod */
	const char *isolation;    /* "container" */
	const char *runtime;      /* --runtime: another OCI runtime; "" */
	bool terminal, interactive, remove, remove_image;
	struct instance_restart restart;
	const char *stop_signal; /* "SIGTERM" */
	int64_t stop_timeout_s;  /* -1: waits for ever */
	const char *log_driver;  /* NULL: the default; see logs_settings_read() */
	struct strings log_options;
	const char *pidfile, *cidfile; /* "" */
	struct strings depends;        /* ids whose namespaces it shares */
	uint64_t timeout_s;            /* --timeout; 0: none */
	int64_t health_interval_ms;    /* 0: no health checks */

	struct instance_state state;
};

/* ---- finding --------------------------------------------------------------------- */

/**
 * The one that a person means: its whole id, its name, or the beginning of an id. Its state is
 * true: an end that nobody dealt with is settled first. -ENOENT with a story ("no such container");
 * -EINVAL where a beginning fits several.
 */
[[nodiscard]] int instance_find(
	const char *name_or_id, struct arena *arena, struct instance *ret_instance);

/** By its whole name alone, for those who are about to give it. -ENOENT without a story. */
[[nodiscard]] int instance_find_named(
	const char *name, struct arena *arena, struct instance *ret_instance);

/** By its whole id. -ENOENT without a story. */
[[nodiscard]] int instance_load(const char *id, struct arena *arena, struct instance *ret_instance);

/** Reads the state again, settled. -ENOENT without a story when it was removed. */
[[nodiscard]] int instance_reload(struct instance *instance, struct arena *arena);

/**
 * All of them, oldest first; those that a removal has in its hands are left out. Ends that nobody
 * dealt with are settled. Also sweeps some of what killed commands left.
 */
[[nodiscard]] int instance_list(
	struct arena *arena, struct instance **ret_instances, size_t *ret_count);

/** True where its processes are there: running, paused, stopping, initialized. */
bool instance_is_alive(const struct instance *instance);

/**
 * True if it is dying at this moment, and has ended when this returns: a program's streams are
 * closed a while before the kernel calls it dead.
 */
bool instance_ends_soon(struct instance *instance, struct arena *arena);

/** What was asked for, to be read once. Places and peers (run.h) are filled in as for a start. */
[[nodiscard]] int instance_load_request(
	const struct instance *instance, struct arena *arena, struct run_request *ret_request);

/** For run_request.find_peer: finds by name or id; the context is not used. */
[[nodiscard]] int instance_find_peer(
	void *context, const char *name, struct arena *arena, struct run_peer *ret_peer);

/* ---- changing -------------------------------------------------------------------- */

/**
 * Takes its lock: one change of state at a time. Waits. Read the instance again afterwards
 * (instance_reload()). The lock ends with the descriptor. -ENOENT without a story: removed.
 */
[[nodiscard]] int instance_lock(const struct instance *instance);

/** Writes state.json; for the holder of the lock. */
[[nodiscard]] int instance_write_state(const struct instance *instance);

/** Writes config.json, and request.json unless @request is NULL; for the holder of the lock. */
[[nodiscard]] int instance_write_config(
	const struct instance *instance, const struct run_request *request);

/** The name for a new instance when the person gave none: "brave_turing". Free at this moment. */
const char *instance_random_name(struct arena *arena);

/** 64 random hexadecimal digits. */
const char *instance_random_id(struct arena *arena);

/**
 * [a-zA-Z0-9][a-zA-Z0-9_.-]* as Docker and Podman have it. -EINVAL with a story.
 */
[[nodiscard]] int instance_check_name(const char *name);

/**
 * Makes one from a request whose resolved half is filled (run_resolve()). Its name (request->life.
 * name, or a random one) is taken; with request->life.replace one that has it is removed.
 * -EEXIST with a story. Events: "create".
 */
[[nodiscard]] int instance_create(
	struct run_request *request, struct arena *arena, struct instance *ret_instance);

/**
 * Gives one that does not run another request; its id, name and what it changed stay.
 */
[[nodiscard]] int instance_renew(
	struct instance *instance, struct arena *arena, struct run_request *request);

/** What becomes of the program's standard streams at a start. */
struct instance_start {
	int client_fd; /* the monitor's end of attach_pair(); taken over. -1: nobody is attached */
	bool only_initialize;   /* its first process waits for instance_start() */
	bool passthrough;       /* the program gets our own standard streams */
	bool interactive;       /* a client's input is its input */
	uint16_t rows, columns; /* of the terminal at birth; 0: not known */
	bool by_policy;         /* a restart policy does it: counts, and is no person's wish */
	/* What was asked for, where the caller still has it with its image; NULL: it is read. */
	const struct run_request *request;
	bool die_with_caller; /* the container is killed when this process ends, however it does */
};
#define INSTANCE_START_DETACHED \
	{ \
		.client_fd = -1 \
	}

/**
 * Starts it and what it depends on. When this returns its program runs (or waits), and a monitor is
 * with it. Already running: 0. The story's exit status (error_exit_status()) says 126 or 127 where
 * the program was not to be run.
 */
[[nodiscard]] int instance_start(
	struct instance *instance, struct arena *arena, const struct instance_start *how);

/** Sends a signal to the first process. -ESRCH with a story: it does not run. */
[[nodiscard]] int instance_kill(struct instance *instance, int signal_number);

/**
 * Ends it: its stop signal, and SIGKILL after timeout_s (-1: never; INT64_MIN: its own). Nothing to
 * do is success. Events: "stop", "die".
 */
[[nodiscard]] int instance_stop(struct instance *instance, struct arena *arena, int64_t timeout_s);

/** How often it is asked whether it is healthy; 0: never. */
int64_t instance_health_interval_ms(const struct run_health *health);

/** The same for many at once, so that they end side by side. @signal: NULL: each one's own. */
void instance_stop_all(struct instance *instances, size_t count, struct arena *arena,
	const char *signal, int64_t timeout_s,
	void (*done)(struct instance *instance, int r, void *context), void *context);

[[nodiscard]] int instance_pause(struct instance *instance, struct arena *arena, bool paused);

/**
 * Waits until it has one of the statuses (bits 1 << status), or is removed (where
 * 1 << INSTANCE_REMOVING is among them). Returns its exit code.
 */
[[nodiscard]] int instance_wait(struct instance *instance, struct arena *arena, unsigned statuses);

[[nodiscard]] int instance_rename(struct instance *instance, struct arena *arena, const char *name);

struct instance_removal {
	bool force; /* ends it first, at once or (stop_first) in peace */
	bool stop_first;
	int64_t timeout_s; /* of stop_first; INT64_MIN: its own */
	bool volumes;      /* anonymous volumes too */
	bool depend;       /* those that share its namespaces too */
	bool with_pod;     /* the pod goes as well, so what holds its namespaces may */
};

/**
 * Removes it: processes, layer, log, name. -EBUSY with a story: it runs, others depend on it, or it
 * holds the namespaces of a pod.
 * Events: "remove".
 */
[[nodiscard]] int instance_remove(
	struct instance *instance, struct arena *arena, const struct instance_removal *how);

/** The same for many: what has to die dies at once. */
void instance_remove_all(struct instance *instances, size_t count, struct arena *arena,
	const struct instance_removal *how,
	void (*done)(struct instance *instance, int r, void *context), void *context);

/** Writes an event of type "container" about it, with its image, labels and @extra. */
void instance_event(const struct instance *instance, const char *action,
	const struct plan_key_value *extra, size_t extra_count);
