// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a monitor is told about the container's streams and health, as words of its command line:
 * "input=5", "log-driver=k8s-file". The starter writes the words, the monitor reads them; both by
 * this one file, so that they cannot differ.
 */

#include "engine/instance/logs.h"

struct stream_settings {
	/* Our ends of the program's three pipes, or the master of its terminal; -1: none. */
	int input_fd, output_fd, error_fd, terminal_fd;
	int listen_fd; /* listening SOCK_SEQPACKET socket (attach_listen()); -1: none */
	int client_fd; /* one end of a SOCK_SEQPACKET pair whose other end a client has; -1: none */
	/*
	 * The program's input stays open when an attached client's input has ended: `run -di`,
	 * where others may still come. false: `run -i`, whose pipe has a beginning and an end.
	 */
	bool keep_input;
	struct logs_settings log;
	const char *run_directory;   /* <state>/run/<id>: attach.sock; notes about lost lines */
	const char *rung;            /* the program, for `rung __health ID`; absolute */
	const char *id;              /* of the container */
	const char *data, *state;    /* --root and --state of that rung; NULL: its own */
	uint64_t health_interval_ms; /* 0: no health checks */
};

/** All descriptors -1, no log. */
extern const struct stream_settings stream_settings_none;

/** Adds the words to @ret_words (in the arena), of which there may be some already. */
void stream_settings_write(
	const struct stream_settings *settings, struct arena *arena, struct strings *words);

/**
 * Reads one word; its strings point into it. 1: it was one of ours; 0: it was not; -EINVAL with a
 * story: its value makes no sense.
 */
[[nodiscard]] int stream_settings_read(const char *word, struct stream_settings *settings);
