// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A verb is one file that defines one `const struct verb`: its words, its
 * options and the function that runs it. A verb that holds other verbs ("oci",
 * "image") is a noun: its own options stand before the inner verb's name, and
 * are understood behind it too where the inner verb has no option of that name.
 *
 * What the parser hands to a verb is an invocation; the invocations of the
 * nouns around it hang on `outer`.
 */

#include "base/arena.h"
#include "base/text.h"
#include "cli/option.h"

struct invocation;
struct completions;

/** A row in the list of verbs of a noun. A row without a verb starts a section of the overview. */
struct verb_entry {
	char heading[48];
	const struct verb *verb;
	char as[16]; /* another name for it here: "images" for "image ls"; in no help */
};

/** Lists what a placeholder such as CONTAINER can stand for (see complete.h). */
struct completer {
	char placeholder[16];
	void (*list)(const struct invocation *invocation, struct completions *completions);
};

struct verb {
	char name[20];
	char aliases[32]; /* "ls,list" */
	/* Names of the program under which this noun or verb acts as the program: "crun,runc". */
	char programs[40];
	char summary[80];   /* one phrase, no capital, no full stop */
	char arguments[64]; /* "CONTAINER [COMMAND [ARGUMENT...]]": counted and completed by it */
	bool command;       /* options end at the first argument: the rest is somebody's command */
	bool hidden;
	/*
	 * All words behind it are its own: a grammar in which the order of options counts. As the
	 * program it has --help too, and invocation.words is argv[0] as it was typed.
	 */
	bool own_words;
	/* Status of the process for wrong options and for run() < 0; 0: that of the noun around it.
	 */
	uint8_t failure_status;
	/** Of a program: what its verbs fail with, but those that keep their own; 0: each its own.
	 */
	uint8_t inner_failure_status;
	bool own_failure_status;
	uint16_t options_size;             /* verb_options() sets this and groups */
	const struct option_group *groups; /* ends with {} */
	const void *defaults;              /* const struct <tag>: copied before options are read */
	const struct verb_entry *verbs;    /* of a noun; ends with {} */
	/* Of a noun: what is meant where the next word is none of its verbs: `sandbox make`. */
	const struct verb *otherwise;
	const struct completer *completers; /* ends with {}; also for the verbs inside */
	/* Paragraphs separated by empty lines; wrapped by us. Also the manual's DESCRIPTION. */
	const char *description;
	/* Lines "what it does" each followed by lines "$ rung …". */
	const char *examples;
	/* A noun's: called before the inner verb's run(). Negative: the verb is not run. */
	int (*enter)(struct invocation *invocation);
	/*
	 * Status of the process (0…255), or negative errno with a story, which is
	 * told to the person, and failure_status. Of a noun: called when no inner
	 * verb was named; without it the overview is printed.
	 */
	int (*run)(struct invocation *invocation);
	/* A noun's: tells the present story in its own way as well (a log file), before it is
	 * printed. */
	void (*report)(const struct invocation *invocation);
};

struct invocation {
	const struct verb *verb;
	struct invocation *outer; /* of the noun around; NULL at the program */
	const char *words;        /* "rung oci create": how the person got here */
	void *options;            /* verb->options_size bytes, filled */
	/* NULL-terminated, so that it can be executed as it is. */
	const char **arguments;
	size_t argument_count;
	int failure_status;  /* for run() < 0; a verb may change it (126, 127) */
	struct arena *arena; /* lives as long as the process */
	struct given_option *given;
	size_t given_count;
};

/** Whether the verb has an option that --help shows. */
bool verb_shows_options(const struct verb *verb);

/** The verb's options: `struct run_options *options = options_of(invocation, run_options);` */
#define options_of(invocation, tag) \
	((struct tag *)invocation_options((invocation), sizeof(struct tag)))
void *invocation_options(const struct invocation *invocation, size_t size_bytes);

/** Whether the option that fills this field of the verb's options was on the command line. */
bool option_given(const struct invocation *invocation, const void *field);

/** The outermost invocation: the program. */
const struct invocation *invocation_program(const struct invocation *invocation);

/**
 * A usage error found by the verb itself: tells the story and adds the hint to read the
 * verb's --help. Returns -EINVAL.
 */
[[gnu::format(printf, 2, 3)]] int usage_error(
	const struct invocation *invocation, const char *format, ...);

/**
 * The whole program: finds the verb in argv, reads its options, runs it, prints
 * the story of a failure. Returns the status for exit().
 */
[[nodiscard]] int cli_main(const struct verb *program, int argc, char **argv);
