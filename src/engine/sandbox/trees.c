// SPDX-License-Identifier: Apache-2.0

/*
 * Where the caught writes of a sandbox lie; see trees.h. Nothing here knows what is in an upper
 * directory. trees.json is replaced as a whole and read without a lock; who adds to it holds
 * trees.lock meanwhile, since two programs may start in the same sandbox at once.
 */

#include "engine/sandbox/trees.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/sandbox/apply.h"
#include "engine/sandbox/base.h"
#include "engine/sandbox/settle.h"
#include "plan/shape.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { NAME_LENGTH_MAX = 64, JSON_LENGTH_MAX = 1 << 20 };

static const struct json_field tree_fields[] = {
	PATH("path", struct sandbox_tree, path, .flags = REQUIRED),
	UNSIGNED("number", struct sandbox_tree, number, .flags = REQUIRED),
};
static const struct json_shape tree_shape = SHAPE(struct sandbox_tree, tree_fields);

bool sandbox_name_is_valid(const char *name)
{
	if (!isalnum((unsigned char)*name) || strlen(name) > NAME_LENGTH_MAX)
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	return true;
}

int sandbox_open(const char *name, bool create)
{
	autofini(arena_fini) struct arena arena = {};
	if (!sandbox_name_is_valid(name)) {
		int r = refuse(-EINVAL, "\"%s\" cannot be a sandbox's name", name);
		hint("letters, digits and _.- behind a letter or digit, at most %d",
			NAME_LENGTH_MAX);
		return r;
	}
	const char *all = arena_format(&arena, "%s/sandbox", places_data(&arena));
	const char *path = arena_format(&arena, "%s/%s", all, name);
	int r = create ? fs_make_dirs(all, 0700) : 0;
	if (r == 0 && create && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = fail(-errno, "create sandbox %s", name);
	if (r < 0)
		return r;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return refuse(-ENOENT, "no such sandbox: %s", name);
	return fd < 0 ? fail(-errno, "open sandbox %s", name) : fd;
}

static int lock_file(int sandbox_fd, const char *name, int operation)
{
	autoclose int fd =
		openat(sandbox_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r;
	do {
		r = flock(fd, operation) < 0 ? -errno : 0;
	} while (r == -EINTR);
	return r < 0 ? r : take_fd(fd);
}

/* Whoever cannot have the sandbox alone waits for who is at it; he has completed it then. */
static int complete_apply(int sandbox_fd, int lock_fd, int operation)
{
	if (!apply_is_unfinished(sandbox_fd))
		return 0;
	autofini(arena_fini) struct arena arena = {};
	if (!(operation & LOCK_EX) && flock(lock_fd, LOCK_EX | (operation & LOCK_NB)) < 0)
		return fail(-errno, "lock the sandbox");
	int r = apply_recover(sandbox_fd, &arena);
	if (r < 0)
		return wrap(r, "complete what a killed apply left");
	if (!(operation & LOCK_EX) && flock(lock_fd, LOCK_SH) < 0)
		return fail(-errno, "lock the sandbox");
	return 0;
}

int sandbox_lock(int sandbox_fd, int operation)
{
	int fd = lock_file(sandbox_fd, "lock", operation);
	if (fd == -EWOULDBLOCK) {
		bool exclusive = operation & LOCK_EX;
		fd = refuse(fd, exclusive ? "a program is running in this sandbox"
					  : "the changes of this sandbox are being worked on");
		if (exclusive)
			hint("it has to end first");
		return fd;
	}
	if (fd < 0)
		return fail(fd, "lock the sandbox");
	int r = complete_apply(sandbox_fd, fd, operation);
	if (r < 0) {
		scope_close(&fd);
		return r;
	}
	return fd;
}

struct tree_name tree_name(unsigned number, const char *part)
{
	struct tree_name name;
	(void)snprintf(name.text, sizeof(name.text), "trees/%u/%s", number, part);
	return name;
}

/* ---- which trees there are ---------------------------------------------------------------- */

static int read_trees(const struct json *top, struct arena *arena, struct sandbox_tree **ret_trees,
	size_t *ret_count)
{
	int r = json_expect(top, JSON_ARRAY);
	if (r < 0)
		return r;
	struct sandbox_tree *trees = arena_new(arena, struct sandbox_tree, top->value->length + 1);
	size_t count = 0;
	for (const struct json_value *child = top->value->first; child; child = child->next) {
		const struct json at = json_child(top, child, count);
		r = json_shape_read(&at, &tree_shape, arena, &trees[count++]);
		if (r < 0)
			return r;
	}
	*ret_trees = trees;
	*ret_count = count;
	return 0;
}

int trees_read(
	int sandbox_fd, struct arena *arena, struct sandbox_tree **ret_trees, size_t *ret_count)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(sandbox_fd, "trees.json", JSON_LENGTH_MAX, &bytes, &length);
	if (r == -ENOENT) {
		*ret_trees = NULL;
		*ret_count = 0;
		return 0;
	}
	if (r < 0)
		return fail(r, "read trees.json");
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, "trees.json", arena, &document);
	return r < 0 ? r : read_trees(&document.top, arena, ret_trees, ret_count);
}

static int write_trees(int sandbox_fd, const struct sandbox_tree *trees, size_t count)
{
	autofini(text_fini) struct text json = {};
	struct json_writer writer = {.out = &json};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&writer, NULL, '{');
		json_shape_write(&writer, &tree_shape, &trees[i]);
		json_close(&writer);
	}
	json_close(&writer);
	text_add(&json, "\n");
	return fs_replace(sandbox_fd, "trees.json", text_get(&json), json.length, 0600);
}

/* JSON has no words for other bytes, and a path that is nearly right is another path. */
static bool is_utf8(const char *path)
{
	for (size_t n; *path; path += n)
		if ((n = text_utf8_length(path)) == 0)
			return false;
	return true;
}

static int make_one(int parent_fd, const char *name)
{
	return mkdirat(parent_fd, name, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* The root of an overlay has the mode and owner of the upper directory. */
static int make_directories(int sandbox_fd, const struct sandbox_tree *tree)
{
	struct stat about;
	autoclose int original = open(tree->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (original < 0 || fstat(original, &about) < 0)
		return fail(-errno, "open %s", tree->path);
	const struct tree_name top = tree_name(tree->number, "");
	const struct tree_name upper = tree_name(tree->number, "upper");
	int r = make_one(sandbox_fd, "trees");
	if (r == 0)
		r = make_one(sandbox_fd, top.text);
	if (r == 0)
		r = make_one(sandbox_fd, upper.text);
	if (r == 0)
		r = make_one(sandbox_fd, tree_name(tree->number, "work").text);
	if (r < 0)
		return fail(r, "create a place for the changes of %s", tree->path);
	autoclose int fd =
		openat(sandbox_fd, upper.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open %s", upper.text);
	/* What is another's stays ours; then only root could have done more. */
	if (fchown(fd, about.st_uid, about.st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return fail(-errno, "give %s its owner", upper.text);
	if (fchmod(fd, about.st_mode & 07777) < 0)
		return fail(-errno, "give %s its mode", upper.text);
	return 0;
}

static const struct sandbox_tree *find_path(
	const struct sandbox_tree *trees, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(trees[i].path, path))
			return &trees[i];
	return NULL;
}

int trees_add(int sandbox_fd, const char *path, struct arena *arena, struct sandbox_tree *ret_tree)
{
	if (!is_utf8(path))
		return refuse(-EILSEQ, "%s: a path that is not UTF-8 cannot be caught", path);
	struct sandbox_tree *trees;
	size_t count;
	int r = trees_read(sandbox_fd, arena, &trees, &count);
	if (r < 0)
		return r;
	const struct sandbox_tree *found = find_path(trees, count, path);
	if (found) {
		*ret_tree = *found;
		return 0;
	}
	autoclose int lock = lock_file(sandbox_fd, "trees.lock", LOCK_EX);
	if (lock < 0)
		return fail(lock, "lock trees.json");
	r = trees_read(sandbox_fd, arena, &trees, &count);
	if (r < 0)
		return r;
	found = find_path(trees, count, path);
	struct sandbox_tree tree = {arena_strdup(arena, path), 0};
	for (size_t i = 0; i < count; i++)
		if (trees[i].number >= tree.number)
			tree.number = trees[i].number + 1;
	if (found)
		tree = *found;
	else
		r = make_directories(sandbox_fd, &tree);
	if (r == 0 && !found) {
		struct sandbox_tree *more = arena_new(arena, struct sandbox_tree, count + 1);
		if (count)
			memcpy(more, trees, count * sizeof(*more));
		more[count] = tree;
		r = write_trees(sandbox_fd, more, count + 1);
	}
	if (r < 0)
		return r;
	*ret_tree = tree;
	return 0;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* The oldest one counts: whatever has not been judged yet is younger. */
int trees_begin(int sandbox_fd)
{
	struct timespec now;
	char line[48];
	(void)clock_gettime(CLOCK_REALTIME, &now);
	int length =
		snprintf(line, sizeof(line), "%lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
	if (mkdirat(sandbox_fd, "trees", 0700) < 0 && errno != EEXIST)
		return fail(-errno, "create trees");
	if (faccessat(sandbox_fd, TREES_SINCE, F_OK, 0) == 0)
		return 0;
	return fs_replace(sandbox_fd, TREES_SINCE, line, (size_t)length, 0600);
}

int trees_end(int sandbox_fd, int lock_fd)
{
	/* Another one is still running, and will come here. */
	if (flock(lock_fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	int r = settle(sandbox_fd, NULL);
	if (r == 0 && unlinkat(sandbox_fd, TREES_SINCE, 0) < 0 && errno != ENOENT)
		r = fail(-errno, "remove " TREES_SINCE);
	return r;
}
