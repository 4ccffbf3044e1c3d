// SPDX-License-Identifier: Apache-2.0

/*
 * rung-layer: archives to trees and trees to archives, for rung (engine/store/layer.c).
 *
 *	rung-layer unpack --input 3 --tree 4 --overlay trusted.overlay. --report 5
 *
 * In: a word that says what to do, and descriptors by number: nothing is ever opened by a path of
 * the host. Out: a line of JSON (report.h) and an exit status, 0 or 1. It is a program of its own
 * because it reads what strangers wrote (it is confined, see confine.h), because its threads end
 * with it at any moment, and because the libraries for compression need not be in rung.
 */

#include "base/error.h"
#include "confine.h"
#include "layer.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

enum kind { DESCRIPTOR, NUMBER, SMALL, WORD, FLAG, WORDS, COMPRESSION, OWNER, TIME };

struct option {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define OPTION(name, kind, member) \
	{ \
		name, kind, offsetof(struct layer_command, member) \
	}
static const struct option options[] = {
	OPTION("--input", DESCRIPTOR, input),
	OPTION("--blob", DESCRIPTOR, blob),
	OPTION("--tree", DESCRIPTOR, tree),
	OPTION("--output", DESCRIPTOR, output),
	OPTION("--report", DESCRIPTOR, report),
	OPTION("--user-namespace", DESCRIPTOR, user_namespace),
	OPTION("--members", DESCRIPTOR, members),
	OPTION("--trees", DESCRIPTOR, trees),
	OPTION("--size", NUMBER, size),
	OPTION("--entries-max", NUMBER, entries_max),
	OPTION("--bytes-max", NUMBER, bytes_max),
	OPTION("--strip", SMALL, strip),
	OPTION("--level", SMALL, level),
	OPTION("--digest", WORD, digest),
	OPTION("--diff-id", WORD, diff_id),
	OPTION("--directory", WORD, directory),
	OPTION("--overlay", WORD, overlay),
	OPTION("--path", WORD, path),
	OPTION("--name", WORD, name),
	OPTION("--exclude", WORDS, exclude),
	OPTION("--no-owners", FLAG, no_owners),
	OPTION("--keep-kinds", FLAG, keep_kinds),
	OPTION("--follow", FLAG, follow),
	OPTION("--compression", COMPRESSION, compression),
	OPTION("--owner", OWNER, uid),
	OPTION("--latest-time", TIME, latest_time),
};

struct work {
	const char *name;
	int (*run)(const struct layer_command *command, struct report *report);
	bool writes; /* into the tree */
};

static const struct work works[] = {
	{"unpack", layer_unpack, true},
	{"extract", layer_extract, true},
	{"decode", layer_decode, false},
	{"pack", layer_pack, false},
	{"archive", layer_archive, false},
	{"encode", layer_encode, false},
	{"split", layer_split, true},
};

static int read_owner(const char *word, struct layer_command *command)
{
	unsigned uid, gid;
	char end;
	if (sscanf(word, "%u:%u%c", &uid, &gid, &end) != 2)
		return -EINVAL;
	command->uid = uid;
	command->gid = gid;
	command->has_owner = true;
	return 0;
}

static int read_compression(const char *word, enum compression *ret)
{
	static const char *const words[] = {"none", "gzip", "zstd"};
	for (unsigned i = 0; i < array_length(words); i++)
		if (text_equal(word, words[i])) {
			*ret = (enum compression)i;
			return 0;
		}
	return -EINVAL;
}

static int read_small(const char *word, int *ret)
{
	uint64_t value;
	int r = parse_uint64(word, INT32_MAX, &value);
	if (r == 0)
		*ret = (int)value;
	return r;
}

static int read_value(const struct option *option, const char *word, struct layer_command *command)
{
	void *member = (char *)command + option->offset;
	switch (option->kind) {
	case DESCRIPTOR:
	case SMALL:
		return read_small(word, member);
	case NUMBER:
		return parse_uint64(word, UINT64_MAX, member);
	case WORD:
		*(const char **)member = word;
		return 0;
	case WORDS:
		if (command->exclude_count + 1 == array_length(command->exclude))
			return -E2BIG;
		command->exclude[command->exclude_count++] = word;
		return 0;
	case COMPRESSION:
		return read_compression(word, member);
	case OWNER:
		return read_owner(word, command);
	case TIME:
		command->has_latest_time = true;
		return parse_int64(word, INT64_MIN, INT64_MAX, member);
	case FLAG:
		break;
	}
	return -EINVAL;
}

static const struct option *find_option(const char *word)
{
	for (size_t i = 0; i < array_length(options); i++)
		if (text_equal(options[i].name, word))
			return &options[i];
	return NULL;
}

static int read_words(char **words, struct layer_command *command)
{
	for (; *words; words++) {
		const struct option *option = find_option(*words);
		if (!option)
			return refuse(-EINVAL, "unknown option %s", *words);
		if (option->kind == FLAG) {
			*((bool *)((char *)command + option->offset)) = true;
			continue;
		}
		if (!words[1] || read_value(option, words[1], command) < 0)
			return refuse(-EINVAL, "%s: wrong or missing value", option->name);
		words++;
	}
	return 0;
}

static int work(char **words, struct layer_command *command, struct report *report)
{
	const struct work *found = NULL;
	for (size_t i = 0; words[0] && words[1] && i < array_length(works); i++)
		if (text_equal(words[1], works[i].name))
			found = &works[i];
	if (!found)
		return refuse(-EINVAL, "this program is for rung's own use");
	int r = read_words(words + 2, command);
	if (r < 0)
		return r;
	const struct confine_tree trees[] = {
		{command->tree, found->writes},
		{command->members, true},
		{command->trees, true},
	};
	r = confine(command->user_namespace, trees, array_length(trees));
	return r < 0 ? r : found->run(command, report);
}

static void tell(int fd, int r, const struct report *report)
{
	autofini(text_fini) struct text line = {};
	text_add(&line, "{");
	if (r < 0) {
		text_add(&line, "\"error\":");
		text_json_string(&line, error_text());
		text_add(&line, ",\"hint\":");
		text_json_string(&line, error_hint());
		text_format(&line, ",\"errno\":%d", -r);
	} else
		report_add(&line, report);
	text_add(&line, "}");
	report_line(fd, text_get(&line));
}

int main(int argc, char **argv)
{
	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
	struct layer_command command = {.input = -1,
		.blob = -1,
		.tree = -1,
		.output = -1,
		.report = 1,
		.user_namespace = -1,
		.members = -1,
		.trees = -1};
	struct report report = {};
	int r = work(argv, &command, &report);
	tell(command.report, r, &report);
	/* Not exit(3): after an error threads may still be at work. */
	_exit(r < 0);
}
