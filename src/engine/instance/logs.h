// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Where a container's output is kept, and how it is read again. The monitor writes
 * (programs/monitor/log.c), `rung logs` reads. Three forms are kept in files:
 *
 *	k8s-file   2026-11-23T18:01:54.123456789Z stdout F a line
 *	           P instead of F: the line goes on in the next record (Kubernetes' CRI format)
 *	json-file  {"log":"a line\n","stream":"stdout","time":"2026-…Z"} (Docker's)
 *	journald   entries of the journal with CONTAINER_ID_FULL, read back by journalctl
 *	none       nothing is kept
 *	passthrough  the program has our own standard streams; nothing passes through the monitor
 *
 * A file that has grown beyond max_size_bytes becomes <path>.1, that one <path>.2, and so on up to
 * max_files in all; with max_files 1 it starts again from nothing.
 */

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum logs_driver {
	LOGS_K8S_FILE,
	LOGS_JSON_FILE,
	LOGS_JOURNALD,
	LOGS_NONE,
	LOGS_PASSTHROUGH,
	LOGS_DRIVER_COUNT,
};

/** "k8s-file" … as --log-driver and inspect say it. */
const char *logs_driver_name(enum logs_driver driver);

struct logs_settings {
	enum logs_driver driver;
	const char *path;        /* of the file; NULL where the driver has none */
	uint64_t max_size_bytes; /* 0: never rotated */
	uint32_t max_files;      /* at least 1 */
	/* for journald, and what `logs --details` and `--names` show */
	const char *id, *name, *image, *tag;
};

/** What the container is, for logs_settings_read(). Strings may be NULL but the first two. */
struct logs_subject {
	const char *id, *directory; /* <data>/containers/<id> */
	const char *name, *image;
};

/**
 * From --log-driver (NULL: the default, k8s-file) and --log-opt (path=, max-size=, max-file=,
 * tag=; Docker's labels=, env=, mode=… are taken and without effect). -EINVAL with a story.
 * Strings live in @arena or are the subject's. Used at create to refuse what is wrong, and at each
 * start.
 */
[[nodiscard]] int logs_settings_read(const char *driver, const struct strings *options,
	const struct logs_subject *subject, struct arena *arena,
	struct logs_settings *ret_settings);

/**
 * Makes the file, so that a path that cannot be written is told before the start and not lost with
 * the first line. Tells a story.
 */
[[nodiscard]] int logs_prepare(const struct logs_settings *settings);
