// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The log tells a person (--debug) or a shim (--log FILE) what happened and how
 * long it took. Below the verbs nothing is logged above debug except warn():
 * something asked for was weakened or could not be honoured, and the run goes on
 * (DESIGN: never silently dropped).
 */

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_settings {
	int fd;                 /* where lines go; -1: standard error */
	enum log_format format; /* of the lines in fd */
	enum log_level level;   /* lines above it are not written */
	const char *program;    /* in front of text lines */
};

/** Copies the settings; before the first call: standard error, text, warnings. */
void log_configure(const struct log_settings *settings);

bool log_enabled(enum log_level level);

/**
 * One line. Text: "rung: warning: …". JSON: {"level":"warning","msg":"…","time":"RFC 3339"},
 * the form that containerd's and conmon's readers parse (logrus).
 */
[[gnu::format(printf, 2, 3)]] void log_line(enum log_level level, const char *format, ...);

#define warn(...) log_line(LOG_WARNING, __VA_ARGS__)

/** Says that a step of the work is done; with --debug also how long since the previous one. */
#define step(...) \
	do { \
		if (log_enabled(LOG_DEBUG)) \
			log_step(__VA_ARGS__); \
	} while (0)
[[gnu::format(printf, 1, 2)]] void log_step(const char *format, ...);
