// SPDX-License-Identifier: Apache-2.0

/*
 * Users by name. The files are the image's (passwd(5), group(5)), found in its layers; the C
 * library's functions would ask the host, and load its name services.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"

#include <fcntl.h>
#include <unistd.h>

#define FIELDS 7
#define FILE_MAX (4u << 20)

struct line {
	char *fields[FIELDS];
};

/* Calls @visit for each line until it returns true. */
typedef bool line_visitor(struct line *line, void *context);

static void each_line(
	const struct run_trees *trees, const char *path, line_visitor *visit, void *context)
{
	autofree char *content = NULL;
	if (run_trees_read(trees, path, FILE_MAX, &content) < 0)
		return; /* an image without the file has no names, which is fine */
	char *rest = content, *text;
	while ((text = strsep(&rest, "\n"))) {
		struct line line = {};
		for (size_t i = 0; i < FIELDS && text; i++)
			line.fields[i] = strsep(&text, ":");
		if (line.fields[2] && visit(&line, context))
			return;
	}
}

static bool number(const char *text, uint32_t *ret_number)
{
	uint64_t value;
	if (!text || parse_uint64(text, UINT32_MAX - 1, &value) < 0)
		return false;
	*ret_number = (uint32_t)value;
	return true;
}

struct search {
	struct arena *arena;
	const char *name; /* or NULL: by id */
	uint32_t id;
	bool found;
	struct run_user *user;
};

static bool match(const struct line *line, const struct search *search, uint32_t *ret_id)
{
	if (!number(line->fields[2], ret_id))
		return false;
	return search->name ? text_equal(line->fields[0], search->name) : *ret_id == search->id;
}

static bool visit_passwd(struct line *line, void *context)
{
	struct search *search = context;
	uint32_t uid;
	if (!match(line, search, &uid))
		return false;
	search->user->uid = uid;
	search->user->name = arena_strdup(search->arena, line->fields[0]);
	(void)number(line->fields[3], &search->user->gid);
	if (line->fields[5] && line->fields[5][0] == '/')
		search->user->home = arena_strdup(search->arena, line->fields[5]);
	search->user->known = true;
	return search->found = true;
}

static bool visit_group(struct line *line, void *context)
{
	struct search *search = context;
	uint32_t gid;
	if (!match(line, search, &gid))
		return false;
	search->user->gid = gid;
	return search->found = true;
}

/* Groups that list the user's name (initgroups(3)). */
static bool visit_members(struct line *line, void *context)
{
	struct search *search = context;
	struct run_user *user = search->user;
	uint32_t gid;
	char *members = line->fields[3], *member;
	if (!members || !number(line->fields[2], &gid))
		return false;
	while ((member = strsep(&members, ",")))
		if (text_equal(member, search->name) && user->group_count < 65536)
			break;
	if (!member)
		return false;
	uint32_t *groups = arena_new(search->arena, uint32_t, user->group_count + 1);
	if (user->group_count)
		memcpy(groups, user->groups, user->group_count * sizeof(*groups));
	groups[user->group_count++] = gid;
	user->groups = groups;
	return false;
}

static int find(const struct run_trees *trees, const char *file, const char *word,
	line_visitor *visit, struct search *search, const char *what)
{
	search->found = false;
	search->name = number(word, &search->id) ? NULL : word;
	each_line(trees, file, visit, search);
	if (search->found || !search->name)
		return 0;
	int r = refuse(-EINVAL, "there is no %s \"%s\" in the image", what, word);
	hint("name one of its %s, or give a number", file);
	return r;
}

/*
 * The user's own group is one of his further groups, too: who could leave it by a set-group-id
 * program would get around a file that denies just this group (CVE-2022-2989).
 */
static void add_own_group(struct run_user *user, struct arena *arena)
{
	for (size_t i = 0; i < user->group_count; i++)
		if (user->groups[i] == user->gid)
			return;
	if (user->uid == 0 && user->gid == 0)
		return;
	uint32_t *groups = arena_new(arena, uint32_t, user->group_count + 1);
	groups[0] = user->gid;
	if (user->group_count)
		memcpy(groups + 1, user->groups, user->group_count * sizeof(*groups));
	user->groups = groups;
	user->group_count++;
}

int run_find_user(const struct run_trees *trees, const char *user, struct arena *arena,
	struct run_user *ret_user)
{
	struct run_user found = {.home = NULL};
	char *name = arena_strdup(arena, text_empty(user) ? "0" : user);
	char *group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	if (!*name || (group && !*group))
		return refuse(-EINVAL, "user \"%s\" is not USER[:GROUP]", user);
	struct search search = {.arena = arena, .user = &found};
	int r = find(trees, "/etc/passwd", name, visit_passwd, &search, "user");
	if (r < 0)
		return r;
	if (!search.found)
		found.uid = search.id;
	if (found.name && !group) {
		search.name = found.name;
		each_line(trees, "/etc/group", visit_members, &search);
	}
	if (group) {
		r = find(trees, "/etc/group", group, visit_group, &search, "group");
		if (r < 0)
			return r;
		if (!search.found)
			found.gid = search.id;
	}
	add_own_group(&found, arena);
	*ret_user = found;
	return 0;
}

int run_find_group(
	const struct run_trees *trees, const char *group, struct arena *arena, uint32_t *ret_gid)
{
	struct run_user found = {};
	struct search search = {.arena = arena, .user = &found};
	int r = find(trees, "/etc/group", group, visit_group, &search, "group");
	if (r == 0)
		*ret_gid = search.found ? found.gid : search.id;
	return r;
}

/* ---- the host's own ------------------------------------------------------------------- */

static int open_host(struct run_trees *ret_trees)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	*ret_trees = (struct run_trees){.fds = {root}, .count = 1};
	return 0;
}

const char *run_own_name(struct arena *arena)
{
	struct run_user found = {};
	struct search search = {.arena = arena, .user = &found, .id = getuid()};
	autofini(run_trees_fini) struct run_trees host = {};
	if (open_host(&host) < 0)
		return NULL;
	each_line(&host, "/etc/passwd", visit_passwd, &search);
	return found.name;
}

struct group_search {
	struct arena *arena;
	uint32_t gid;
	const char *name;
};

static bool visit_group_name(struct line *line, void *context)
{
	struct group_search *search = context;
	uint32_t gid;
	if (!number(line->fields[2], &gid) || gid != search->gid)
		return false;
	search->name = arena_strdup(search->arena, line->fields[0]);
	return true;
}

const char *run_own_group(struct arena *arena)
{
	struct group_search search = {.arena = arena, .gid = getgid()};
	autofini(run_trees_fini) struct run_trees host = {};
	if (open_host(&host) == 0)
		each_line(&host, "/etc/group", visit_group_name, &search);
	return search.name;
}

static bool visit_whole(struct line *line, void *context)
{
	struct search *search = context;
	uint32_t uid;
	if (!match(line, search, &uid))
		return false;
	char *const *f = line->fields;
	search->user->name = arena_format(search->arena, "%s:x:%s:%s:%s:%s:%s", f[0], f[2],
		f[3] ? f[3] : "", f[4] ? f[4] : "", f[5] ? f[5] : "", f[6] ? f[6] : "");
	return search->found = true;
}

const char *run_host_passwd(const char *user, struct arena *arena)
{
	struct run_user found = {};
	struct search search = {.arena = arena, .user = &found};
	search.name = number(user, &search.id) ? NULL : user;
	autofini(run_trees_fini) struct run_trees host = {};
	if (open_host(&host) < 0)
		return NULL;
	each_line(&host, "/etc/passwd", visit_whole, &search);
	return found.name;
}
