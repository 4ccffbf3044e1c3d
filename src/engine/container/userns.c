// SPDX-License-Identifier: Apache-2.0

/*
 * --userns, --uidmap and --gidmap: whose ids the container's ids are.
 *
 * Root has no user namespace unless one is asked for; then the ids that are written are the host's.
 * An ordinary user always has one, and the ids that he writes are those that he has without asking:
 * 0 is he himself, 1 and up are his lines in /etc/subuid and /etc/subgid ("through" below).
 *
 * --userns auto gives each container ids that no other has. Who has which is a directory of empty
 * files, <data>/ids/<first id>-<container>, made with O_EXCL; those of containers that are gone are
 * taken over.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Ranges of --userns auto are multiples of this. */
#define AUTO_UNIT 1024u
#define MAPS_MAX 340

/* ---- maps through maps ------------------------------------------------------------------- */

struct building {
	struct arena *arena;
	const struct plan_id_maps *own; /* what the written ids mean; NULL: the host's */
	struct plan_id_maps made;
};

static int add_map(struct building *b, uint32_t inside, uint32_t host, uint32_t size)
{
	if (!b->made.items)
		b->made.items = arena_new(b->arena, struct plan_id_map, MAPS_MAX);
	if (b->made.count == MAPS_MAX)
		return refuse(-E2BIG, "more than %d id mappings", MAPS_MAX);
	b->made.items[b->made.count++] = (struct plan_id_map){inside, host, size};
	return 0;
}

/* Ids @inside.. are @outside.., as far as there are such; returns how many, or an error. */
static int64_t through(struct building *b, uint32_t inside, uint32_t outside, uint32_t size)
{
	if (!b->own) {
		int r = add_map(b, inside, outside, size);
		return r < 0 ? r : (int64_t)size;
	}
	uint32_t done = 0;
	for (size_t i = 0; i < b->own->count && done < size; i++) {
		const struct plan_id_map *map = &b->own->items[i];
		uint32_t at = outside + done - map->container_id;
		if (outside + done < map->container_id || at >= map->size)
			continue;
		uint32_t here = map->size - at;
		if (here > size - done)
			here = size - done;
		int r = add_map(b, inside + done, map->host_id + at, here);
		if (r < 0)
			return r;
		done += here;
	}
	return done;
}

static uint32_t total(const struct plan_id_maps *maps)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < maps->count; i++)
		sum += maps->items[i].size;
	return sum;
}

static int too_few(const char *what)
{
	int r = refuse(-EINVAL, "%s: you have not so many ids", what);
	hint("lines \"%s:100000:65536\" in /etc/subuid and /etc/subgid give them to you (usermod "
	     "--add-subuids 100000-165535 --add-subgids 100000-165535), and uidmap must be "
	     "installed",
		getenv("USER") ? getenv("USER") : "NAME");
	return r;
}

/* ---- --uidmap, --gidmap --------------------------------------------------------------------- */

/* INSIDE:OUTSIDE[:COUNT]; OUTSIDE may be "@ID", the host's own number of it. */
static int map_word(struct building *b, const char *option, const char *word)
{
	char *rest = arena_strdup(b->arena, word);
	const char *inside = strsep(&rest, ":"), *outside = rest ? strsep(&rest, ":") : NULL;
	bool hosts = outside && outside[0] == '@';
	uint64_t first, to, size = 1;
	if (!outside || parse_uint64(inside, UINT32_MAX - 1, &first) < 0 ||
		parse_uint64(outside + hosts, UINT32_MAX - 1, &to) < 0 ||
		(rest && parse_uint64(rest, UINT32_MAX - 1, &size) < 0) || size == 0)
		return refuse(-EINVAL, "%s %s is not INSIDE:OUTSIDE[:COUNT]", option, word);
	if (hosts)
		return add_map(b, (uint32_t)first, (uint32_t)to, (uint32_t)size);
	int64_t got = through(b, (uint32_t)first, (uint32_t)to, (uint32_t)size);
	if (got < 0)
		return (int)got;
	return got == (int64_t)size ? 0 : too_few(arena_format(b->arena, "%s %s", option, word));
}

static int map_words(const char *option, const struct strings *words,
	const struct plan_id_maps *own, struct arena *arena, struct plan_id_maps *ret_maps)
{
	struct building b = {.arena = arena, .own = own};
	for (size_t i = 0; i < words->count; i++) {
		int r = map_word(&b, option, words->items[i]);
		if (r < 0)
			return r;
	}
	*ret_maps = b.made;
	return 0;
}

/* ---- keep-id
 * -------------------------------------------------------------------------------------- */

static int keep_one(struct arena *arena, const struct plan_id_maps *own, uint32_t id, uint32_t size,
	struct plan_id_maps *ret_maps)
{
	struct building b = {.arena = arena, .own = own};
	uint32_t others = total(own) - 1;
	if (size && size - 1 < others)
		others = size - 1;
	uint32_t before = id < others ? id : others;
	int64_t r = before ? through(&b, 0, 1, before) : 0;
	if (r >= 0)
		r = through(&b, id, 0, 1);
	if (r >= 0 && others > before)
		r = through(&b, id + 1, before + 1, others - before);
	*ret_maps = b.made;
	return r < 0 ? (int)r : 0;
}

struct user_mode {
	const char *name; /* "keep-id", "auto", … */
	bool has_uid, has_gid;
	uint32_t uid, gid, size;
	struct strings uid_maps, gid_maps; /* auto: uidmapping=, gidmapping= */
};

static int bad_mode(const char *word)
{
	int r = refuse(-EINVAL, "--userns %s is not known", word);
	hint("known: host, keep-id[:uid=UID,gid=GID], auto[:size=SIZE], nomap, ns:PATH, "
	     "container:NAME");
	return r;
}

static int read_mode(const char *word, struct arena *arena, struct user_mode *ret_mode)
{
	struct user_mode mode = {};
	char *rest = arena_strdup(arena, word), *field;
	mode.name = strsep(&rest, ":");
	while ((field = strsep(&rest, ","))) {
		char *value = strchr(field, '=');
		uint64_t number;
		if (!value)
			return bad_mode(word);
		*value++ = '\0';
		if (parse_uint64(value, UINT32_MAX - 1, &number) < 0)
			return bad_mode(word);
		if (text_equal(field, "uid"))
			mode.has_uid = true, mode.uid = (uint32_t)number;
		else if (text_equal(field, "gid"))
			mode.has_gid = true, mode.gid = (uint32_t)number;
		else if (text_equal(field, "size"))
			mode.size = (uint32_t)number;
		else
			return bad_mode(word);
	}
	*ret_mode = mode;
	return 0;
}

static int keep_id(const struct user_mode *mode, struct arena *arena, struct run_resolved *resolved)
{
	if (geteuid() == 0) {
		int r = refuse(-EINVAL, "--userns keep-id: root is root inside already");
		hint("it is for ordinary users; root can say --user or --uidmap");
		return r;
	}
	struct plan_id_maps uids, gids;
	run_map_ids(arena, &uids, &gids);
	uint32_t uid = mode->has_uid ? mode->uid : getuid();
	uint32_t gid = mode->has_gid ? mode->gid : getgid();
	int r = keep_one(arena, &uids, uid, mode->size, &resolved->uid_maps);
	if (r == 0)
		r = keep_one(arena, &gids, gid, mode->size, &resolved->gid_maps);
	return r;
}

const char *run_kept_user(const struct run_request *request, struct arena *arena)
{
	struct user_mode mode;
	const char *word = request->namespaces.user;
	if (!word || !text_starts(word, "keep-id") || read_mode(word, arena, &mode) < 0)
		return NULL;
	return arena_format(arena, "%u:%u", (unsigned)(mode.has_uid ? mode.uid : getuid()),
		(unsigned)(mode.has_gid ? mode.gid : getgid()));
}

/* ---- auto
 * --------------------------------------------------------------------------------------------- */

/* A claim whose container is gone is nobody's. */
static bool is_stale(const char *data_root, const char *claim, struct arena *arena)
{
	const char *id = strchr(claim, '-');
	return id && access(arena_format(arena, "%s/containers/%s", data_root, id + 1), F_OK) < 0 &&
	       errno == ENOENT;
}

struct claims {
	uint32_t *firsts, *sizes;
	size_t count;
};

/* Names are "<first>+<size>-<container>". */
static void read_claims(const char *data_root, const char *path, const char *own_id,
	struct arena *arena, struct claims *ret_claims)
{
	DIR *directory = opendir(path);
	size_t room = 0;
	*ret_claims = (struct claims){};
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		unsigned first, size;
		if (sscanf(entry->d_name, "%u+%u-", &first, &size) != 2)
			continue;
		const char *owner = strchr(entry->d_name, '-') + 1;
		if (text_equal(owner, own_id) || is_stale(data_root, entry->d_name, arena)) {
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
			continue;
		}
		if (ret_claims->count == room) {
			room = 2 * room + 64;
			uint32_t *firsts = arena_new(arena, uint32_t, room);
			uint32_t *sizes = arena_new(arena, uint32_t, room);
			for (size_t i = 0; i < ret_claims->count; i++) {
				firsts[i] = ret_claims->firsts[i];
				sizes[i] = ret_claims->sizes[i];
			}
			ret_claims->firsts = firsts;
			ret_claims->sizes = sizes;
		}
		ret_claims->firsts[ret_claims->count] = first;
		ret_claims->sizes[ret_claims->count++] = size;
	}
	if (directory)
		closedir(directory);
}

static bool find_gap(
	const struct claims *claims, uint32_t size, uint32_t limit, uint32_t *ret_first)
{
	uint32_t first = 0;
	bool moved = true;
	while (moved && first + size <= limit) {
		moved = false;
		for (size_t i = 0; i < claims->count; i++)
			if (first < claims->firsts[i] + claims->sizes[i] &&
				claims->firsts[i] < first + size) {
				first = claims->firsts[i] + claims->sizes[i];
				moved = true;
			}
	}
	*ret_first = first;
	return !moved && first + size <= limit;
}

/* One at a time looks for a gap: the directory is locked meanwhile. */
static int claim_range(const struct run_request *request, uint32_t size, uint32_t limit,
	struct arena *arena, uint32_t *ret_first)
{
	const char *path = arena_format(arena, "%s/ids", request->data_root);
	int r = fs_make_dirs(path, 0700);
	if (r < 0)
		return r;
	autoclose int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || run_lock(directory) < 0)
		return fail(-errno, "lock %s", path);
	struct claims claims;
	read_claims(request->data_root, path, request->id, arena, &claims);
	if (!find_gap(&claims, size, limit, ret_first))
		return -ENOSPC;
	const char *name = arena_format(arena, "%u+%u-%s", *ret_first, size, request->id);
	autoclose int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? fail(-errno, "claim ids in %s", path) : 0;
}

static int auto_ids(const struct run_request *request, const struct user_mode *mode,
	struct arena *arena, struct run_resolved *resolved)
{
	static const char *const owner = "containers";
	struct plan_id_maps uids, gids;
	uint32_t reserved = 0; /* an ordinary user's own id is not among those that are dealt out */
	uint32_t size = mode->size ? mode->size : geteuid() == 0 ? 65536 : AUTO_UNIT;
	size = (size + AUTO_UNIT - 1) / AUTO_UNIT * AUTO_UNIT;
	if (geteuid() == 0) {
		run_map_ranges("/etc/subuid", owner, arena, &uids);
		run_map_ranges("/etc/subgid", owner, arena, &gids);
	} else {
		run_map_ids(arena, &uids, &gids);
		reserved = 1;
	}
	uint32_t limit = total(&uids) < total(&gids) ? total(&uids) : total(&gids);
	uint32_t first = 0;
	limit = limit > reserved ? limit - reserved : 0;
	int r = request->dry ? (size <= limit ? 0 : -ENOSPC)
			     : claim_range(request, size, limit, arena, &first);
	if (r == -ENOSPC && geteuid() == 0) {
		r = refuse(r, "--userns auto: no %u ids are left for it", size);
		hint("a line \"%s:2147483647:2147483648\" in /etc/subuid and in /etc/subgid gives "
		     "containers ids of their own",
			owner);
		return r;
	}
	if (r == -ENOSPC)
		return too_few("--userns auto");
	if (r < 0)
		return r;
	struct building users = {.arena = arena, .own = &uids},
			groups = {.arena = arena, .own = &gids};
	int64_t made = through(&users, 0, first + reserved, size);
	if (made >= 0)
		made = through(&groups, 0, first + reserved, size);
	/* Behind the others, for nobody: without it the container could not reach its own files. */
	if (made >= 0 && reserved)
		made = through(&users, size, 0, 1);
	if (made >= 0 && reserved)
		made = through(&groups, size, 0, 1);
	resolved->uid_maps = users.made;
	resolved->gid_maps = groups.made;
	return made < 0 ? (int)made : 0;
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------------- */

static int nomap(struct arena *arena, struct run_resolved *resolved)
{
	if (geteuid() == 0)
		return refuse(-EINVAL, "--userns nomap is for ordinary users");
	struct plan_id_maps uids, gids;
	run_map_ids(arena, &uids, &gids);
	if (total(&uids) < 2 || total(&gids) < 2)
		return too_few("--userns nomap");
	struct building users = {.arena = arena, .own = &uids},
			groups = {.arena = arena, .own = &gids};
	int64_t r = through(&users, 0, 1, total(&uids) - 1);
	if (r >= 0)
		r = through(&groups, 0, 1, total(&gids) - 1);
	resolved->uid_maps = users.made;
	resolved->gid_maps = groups.made;
	return r < 0 ? (int)r : 0;
}

static int written_maps(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct namespace_wishes *wishes = &request->namespaces;
	struct plan_id_maps uids, gids;
	const struct plan_id_maps *own_uids = NULL, *own_gids = NULL;
	if (geteuid() != 0) {
		run_map_ids(arena, &uids, &gids);
		own_uids = &uids;
		own_gids = &gids;
	}
	const struct strings *users =
		wishes->uid_maps.count ? &wishes->uid_maps : &wishes->gid_maps;
	const struct strings *groups = wishes->gid_maps.count ? &wishes->gid_maps : users;
	int r = map_words("--uidmap", users, own_uids, arena, &resolved->uid_maps);
	if (r == 0)
		r = map_words("--gidmap", groups, own_gids, arena, &resolved->gid_maps);
	return r;
}

static int named_ranges(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const char *user = request->namespaces.subuid_name,
		   *group = request->namespaces.subgid_name;
	user = user ? user : group;
	group = group ? group : user;
	run_map_ranges("/etc/subuid", user, arena, &resolved->uid_maps);
	run_map_ranges("/etc/subgid", group, arena, &resolved->gid_maps);
	if (resolved->uid_maps.count && resolved->gid_maps.count)
		return 0;
	const char *file = resolved->uid_maps.count ? "subgid" : "subuid";
	const char *name = resolved->uid_maps.count ? group : user;
	int r = refuse(-EINVAL, "--%sname %s: /etc/%s grants it nothing", file, name, file);
	hint("a line \"%s:100000:65536\" there would", name);
	return r;
}

int run_resolve_ids(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	const struct namespace_wishes *wishes = &request->namespaces;
	const char *word = text_empty(wishes->user) ? NULL : wishes->user;
	bool maps = wishes->uid_maps.count || wishes->gid_maps.count;
	bool ranges = wishes->subuid_name || wishes->subgid_name;
	if ((word != NULL) + maps + ranges > 1 && !(word && text_equal(word, "private")))
		return refuse(-EINVAL, "--userns, --uidmap/--gidmap and --subuidname exclude each "
				       "other");
	if (maps)
		return written_maps(request, arena, resolved);
	if (ranges)
		return named_ranges(request, arena, resolved);
	if (!word || text_equal(word, "host") || text_starts(word, "ns:") ||
		text_starts(word, "container:"))
		return 0;
	struct user_mode mode;
	int r = read_mode(word, arena, &mode);
	if (r < 0)
		return r;
	if (text_equal(mode.name, "keep-id"))
		return keep_id(&mode, arena, resolved);
	if (text_equal(mode.name, "auto") || (text_equal(mode.name, "private") && geteuid() == 0))
		return auto_ids(request, &mode, arena, resolved);
	if (text_equal(mode.name, "nomap"))
		return nomap(arena, resolved);
	return text_equal(mode.name, "private") ? 0 : bad_mode(word);
}

/* ---- the plan
 * ---------------------------------------------------------------------------------------------------
 */

static bool mapped(const struct plan_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id - maps->items[i].container_id < maps->items[i].size)
			return true;
	return false;
}

static int check_user(
	struct plan *plan, const struct plan_id_maps *uids, const struct plan_id_maps *gids)
{
	struct plan_process *process = &plan->process;
	if (!mapped(uids, process->uid) || !mapped(gids, process->gid)) {
		int r = refuse(-EINVAL, "user %u:%u does not exist in your user namespace",
			process->uid, process->gid);
		hint("give yourself more ids: usermod --add-subuids 100000-165535 --add-subgids "
		     "100000-165535 NAME, and install uidmap");
		return r;
	}
	size_t kept = 0;
	for (size_t i = 0; i < process->additional_gid_count; i++)
		if ((gids->count > 1 || geteuid() == 0) &&
			mapped(gids, process->additional_gids[i]))
			process->additional_gids[kept++] = process->additional_gids[i];
	process->additional_gid_count = kept;
	return 0;
}

static int join_user_namespace(const struct run_request *request, struct plan *plan)
{
	const char *word = request->namespaces.user, *path;
	if (request->dry)
		return 0;
	if (text_starts(word, "ns:")) {
		path = arena_strdup(&plan->arena, word + 3);
	} else {
		struct run_peer peer = {};
		int r = run_find_peer(request, word + strlen("container:"), &plan->arena, &peer);
		if (r == 0 && peer.pid <= 0)
			r = refuse(-ESRCH, "container %s is not running", word + 10);
		if (r < 0)
			return wrap(r, "--userns");
		path = arena_format(&plan->arena, "/proc/%d/ns/user", (int)peer.pid);
	}
	plan->namespaces[PLAN_NS_USER] =
		(struct plan_namespace_entry){.wanted = true, .path = path};
	return 0;
}

/* A container in which its user is nobody could not reach his directories: its root's among them.
 */
static int check_own(const struct plan_id_maps *uids)
{
	for (size_t i = 0; i < uids->count; i++)
		if (geteuid() - uids->items[i].host_id < uids->items[i].size)
			return 0;
	int r = refuse(-EOPNOTSUPP, "your own id is not among the container's, so it could not "
				    "reach your files");
	hint("give it a number there, too: --uidmap 65536:0:1, or use --userns keep-id or auto");
	return r;
}

int run_set_ids(const struct run_request *request, struct plan *plan)
{
	const char *word = request->namespaces.user;
	const struct run_resolved *resolved = &request->resolved;
	struct plan_namespace_entry *entry = &plan->namespaces[PLAN_NS_USER];
	if (word && (text_starts(word, "ns:") || text_starts(word, "container:")))
		return join_user_namespace(request, plan);
	struct plan_id_maps uids = resolved->uid_maps, gids = resolved->gid_maps;
	if (uids.count == 0 && geteuid() == 0)
		return 0;
	if (uids.count == 0 && run_is_self(request) && plan->process.uid == getuid())
		run_map_self(&plan->arena, &uids, &gids);
	else if (uids.count == 0)
		run_map_ids(&plan->arena, &uids, &gids);
	int r = check_user(plan, &uids, &gids);
	if (r == 0 && geteuid() != 0 && !entry->path)
		r = check_own(&uids);
	if (r < 0 || entry->path)
		return r; /* a peer's: joined, its maps are its own */
	entry->wanted = true;
	plan->uid_maps = uids;
	plan->gid_maps = gids;
	return 0;
}
