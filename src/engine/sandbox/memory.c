// SPDX-License-Identifier: Apache-2.0

/*
 * Each change reads the file, changes the list and replaces the file in one step, under a lock of
 * the directory: two doors that remember at once lose neither answer. What the person wrote there
 * as comments stays, since lines are kept and not made anew.
 *
 * A line that is not understood makes the whole file unusable: to skip a broken "deny" would turn
 * it into its opposite.
 */

#include "engine/sandbox/memory.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define FILE_MAX (1024 * 1024)
#define HEADING \
	"# What the program may do, as answered \"always\" or \"never\" when it asked.\n" \
	"# One answer a line; lines may be changed and removed.\n"

/* ---- names ----------------------------------------------------------------------------- */

int memory_directory(struct arena *arena, const char **ret_path)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (!text_empty(config) && config[0] == '/')
		*ret_path = arena_format(arena, "%s/rung/permissions", config);
	else if (!text_empty(home) && home[0] == '/')
		*ret_path = arena_format(arena, "%s/.config/rung/permissions", home);
	else
		return refuse(-ENOENT, "there is no home directory to remember answers in");
	return 0;
}

/* "/usr/bin/vim" is usr:bin:vim; what would be unclear is written as %XX. */
static const char *encode(const char *program, struct arena *arena)
{
	autofini(text_fini) struct text name = {};
	for (const char *c = program + 1; *c; c++)
		if (*c == '/')
			text_add(&name, ":");
		else if (*c == ':' || *c == '%' || (unsigned char)*c < ' ')
			text_format(&name, "%%%02X", (unsigned char)*c);
		else
			text_add_bytes(&name, c, 1);
	return arena_strdup(arena, text_get(&name));
}

int memory_file_of(const char *program, struct arena *arena, const char **ret_path)
{
	const char *directory;
	if (program[0] != '/' || !program[1])
		return refuse(-EINVAL, "%s is not the path of a program", program);
	int r = memory_directory(arena, &directory);
	if (r < 0)
		return r;
	*ret_path = arena_format(arena, "%s/%s", directory, encode(program, arena));
	return 0;
}

/* ---- reading --------------------------------------------------------------------------- */

static int parse_line(
	const char *line, const char *where, struct arena *arena, struct memory *memory)
{
	static const struct permission_place nowhere = {};
	if (text_starts(line, "program ")) {
		memory->program = line + strlen("program ");
		return memory->program[0] == '/'
			       ? 0
			       : refuse(-EINVAL, "%s: a program is an absolute path", where);
	}
	for (int answer = PERMISSION_ALLOW; answer <= PERMISSION_DENY; answer++) {
		const char *name = permission_answer_names[answer];
		size_t length = strlen(name);
		if (!text_starts(line, name) || line[length] != ' ')
			continue;
		struct permission permission;
		int r = permission_parse(line + length + 1, (enum permission_answer)answer,
			&nowhere, arena, &permission);
		if (r < 0)
			return wrap(r, "%s", where);
		permissions_add(&memory->answers, &permission, arena);
		return 0;
	}
	return refuse(-EINVAL, "%s: \"%.40s\" is none of program, allow and deny", where, line);
}

int memory_parse(const char *text, const char *name, struct arena *arena, struct memory *ret)
{
	struct memory memory = {.file = name};
	char *rest = arena_strdup(arena, text);
	for (unsigned number = 1; rest; number++) {
		char *line = strsep(&rest, "\n");
		if (line[0] == '\0' || line[0] == '#')
			continue;
		int r = parse_line(
			line, arena_format(arena, "%s:%u", name, number), arena, &memory);
		if (r < 0)
			return r;
	}
	*ret = memory;
	return 0;
}

static int read_text(const char *file, char **ret_text)
{
	int r = fs_read(AT_FDCWD, file, FILE_MAX, ret_text, NULL);
	return r < 0 && r != -ENOENT ? fail(r, "read %s", file) : r;
}

int memory_read(const char *file, struct arena *arena, struct memory *ret)
{
	autofree char *text = NULL;
	int r = read_text(file, &text);
	if (r < 0 && r != -ENOENT)
		return r;
	return memory_parse(text ? text : "", file, arena, ret);
}

/* ---- changing -------------------------------------------------------------------------- */

/* A line's word behind its answer; NULL where it is no answer. */
static const char *word_of(const char *line)
{
	return text_starts(line, "allow ")  ? line + strlen("allow ")
	       : text_starts(line, "deny ") ? line + strlen("deny ")
					    : NULL;
}

/* Copies all lines but those that answer to the word. Returns how many were left out. */
static int copy_without(char *text, const char *word, struct text *out)
{
	int count = 0;
	while (text && *text) {
		const char *line = strsep(&text, "\n"), *its = word_of(line);
		if (its && text_equal(its, word))
			count++;
		else
			text_format(out, "%s\n", line);
	}
	return count;
}

static int lock_directory(const char *file, struct arena *arena, const char **ret_name)
{
	const char *slash = strrchr(file, '/');
	const char *directory = arena_strndup(arena, file, (size_t)(slash - file));
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open %s", directory);
	if (flock(fd, LOCK_EX) < 0)
		return fail(-errno, "lock %s", directory);
	*ret_name = slash + 1;
	return take_fd(fd);
}

int memory_add(const char *file, const char *program, const struct permission *answer)
{
	autofini(arena_fini) struct arena arena = {};
	const char *word = permission_word(answer, &arena), *name;
	if (strchr(word, '\n') || strchr(program, '\n'))
		return refuse(-EINVAL, "a name with a line feed cannot be remembered");
	const char *slash = strrchr(file, '/');
	int r = fs_make_dirs(arena_strndup(&arena, file, (size_t)(slash - file)), 0700);
	if (r < 0)
		return r;
	autoclose int directory_fd = lock_directory(file, &arena, &name);
	if (directory_fd < 0)
		return directory_fd;
	autofree char *text = NULL;
	autofini(text_fini) struct text out = {};
	r = read_text(file, &text);
	if (r < 0 && r != -ENOENT)
		return r;
	if (text_empty(text))
		text_format(&out, HEADING "program %s\n", program);
	else
		(void)copy_without(text, word, &out);
	text_format(&out, "%s %s\n", permission_answer_names[answer->answer], word);
	return fs_replace(directory_fd, name, out.bytes, out.length, 0600);
}

int memory_forget(const char *file, const char *word)
{
	autofini(arena_fini) struct arena arena = {};
	struct memory memory;
	const char *name;
	int r = access(file, F_OK);
	if (r < 0)
		return errno == ENOENT ? 0 : fail(-errno, "find %s", file);
	autoclose int directory_fd = lock_directory(file, &arena, &name);
	if (directory_fd < 0)
		return directory_fd;
	if (!word) {
		r = memory_read(file, &arena, &memory);
		if (unlink(file) < 0 && errno != ENOENT)
			return fail(-errno, "remove %s", file);
		error_clear();
		return r < 0 ? 1 : (int)memory.answers.count;
	}
	autofree char *text = NULL;
	autofini(text_fini) struct text out = {};
	r = read_text(file, &text);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	int count = copy_without(text, word, &out);
	if (count > 0)
		r = fs_replace(directory_fd, name, out.bytes, out.length, 0600);
	return r < 0 ? r : count;
}

/* ---- all of them ------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct memory *)a)->program, ((const struct memory *)b)->program);
}

int memory_list(struct arena *arena, struct memory **ret, size_t *ret_count)
{
	const char *path;
	int r = memory_directory(arena, &path);
	if (r < 0)
		return r;
	struct dirent **names;
	int found = scandir(path, &names, NULL, NULL);
	if (found < 0 && errno != ENOENT)
		return fail(-errno, "read %s", path);
	struct memory *all = arena_new(arena, struct memory, (size_t)(found > 0 ? found : 0) + 1);
	size_t count = 0;
	for (int i = 0; i < found; i++) {
		struct memory *memory = &all[count];
		const char *file = arena_format(arena, "%s/%s", path, names[i]->d_name);
		bool hidden = names[i]->d_name[0] == '.';
		free(names[i]);
		if (hidden)
			continue;
		if (memory_read(file, arena, memory) == 0 && memory->program)
			count++;
		else
			warn("%s", *error_text() ? error_text() : file);
		error_clear();
	}
	if (found >= 0)
		free(names);
	qsort(all, count, sizeof(*all), compare);
	*ret = all;
	*ret_count = count;
	return 0;
}
