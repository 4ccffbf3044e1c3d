// SPDX-License-Identifier: Apache-2.0

/*
 * From permissions to a plan. In: words. Out: which trees of the host are shown, and how.
 *
 *	system    /usr, /etc … as they are, read-only; programs run from them
 *	private   /tmp, /run, /dev, the home directory: empty, writable, forgotten
 *	granted   read=: shown, and writes are caught where the person could have written;
 *	          write=: the real thing; exec=: programs run from there as well
 *	denied    covered
 *
 * Mounts decide what is seen and what is really written to. Landlock rules say the same a second
 * time for writing, and alone decide from where programs run: a mount that is "noexec" would keep
 * libraries from being loaded, too. Nothing else of the host exists inside.
 */

#include "engine/sandbox/compose.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/places.h"
#include "engine/sandbox/trees.h"

#include <dirent.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NO_POWERS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

#define WRITE_ACCESS \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | \
		LANDLOCK_ACCESS_FS_TRUNCATE)

/* ---- lists ----------------------------------------------------------------------------- */

static struct composed_tree *tree_at(struct composing *composing, const char *path)
{
	for (size_t i = 0; i < composing->tree_count; i++)
		if (text_equal(composing->trees[i].path, path))
			return &composing->trees[i];
	return NULL;
}

struct composed_tree *compose_add_tree(struct composing *composing, const char *path)
{
	struct composed_tree *found = tree_at(composing, path);
	if (found)
		return found;
	size_t count = composing->tree_count;
	if (count == composing->tree_room) {
		composing->tree_room = count ? 2 * count : 32;
		struct composed_tree *more =
			arena_new(composing->arena, struct composed_tree, composing->tree_room);
		if (count)
			memcpy(more, composing->trees, count * sizeof(*more));
		composing->trees = more;
	}
	composing->trees[count] = (struct composed_tree){.path = path};
	composing->tree_count++;
	return &composing->trees[count];
}

static void hide(struct composing *composing, const char *path)
{
	struct strings *masked = &composing->plan->masked_paths;
	if ((masked->count & (masked->count + 1)) == 0) {
		const char **more =
			arena_new(composing->arena, const char *, 2 * masked->count + 2);
		if (masked->count)
			memcpy(more, masked->items, masked->count * sizeof(*more));
		masked->items = more;
	}
	masked->items[masked->count++] = path;
	masked->items[masked->count] = NULL;
}

static void add_link(struct composing *composing, const char *path, const char *target)
{
	composing->links[composing->request->link_count++] = (struct sandbox_link){path, target};
}

void compose_add_place(struct composing *composing, const char *path, unsigned mode)
{
	composing->places[composing->request->place_count++] = (struct sandbox_place){path, mode};
}

/* ---- the system -------------------------------------------------------------------------- */

static const struct {
	char path[40];
	bool exec;
} system_trees[] = {
	{"/usr", true},
	{"/bin", true},
	{"/sbin", true},
	{"/lib", true},
	{"/lib32", true},
	{"/lib64", true},
	{"/libx32", true},
	{"/opt", true},
	{"/nix/store", true},
	{"/gnu/store", true},
	{"/etc", false},
	{"/var/cache/fontconfig", false},
	{"/sys/devices/system/cpu", false},
};

static void add_system(struct composing *composing)
{
	for (size_t i = 0; i < array_length(system_trees); i++) {
		const char *path = system_trees[i].path;
		struct stat about;
		if (lstat(path, &about) < 0)
			continue;
		if (S_ISLNK(about.st_mode) && !strchr(path + 1, '/')) {
			char target[256];
			ssize_t length = readlink(path, target, sizeof(target) - 1);
			if (length > 0)
				add_link(composing, path,
					arena_strndup(composing->arena, target, (size_t)length));
			continue;
		}
		struct composed_tree *tree = compose_add_tree(composing, path);
		tree->system = true;
		tree->exec = system_trees[i].exec;
	}
}

/*
 * To a stranger these are closed by their modes. To root they are not: the id that the kernel calls
 * root keeps its rights as the owner of files, also where it has no capability.
 */
static void hide_from_root(struct composing *composing)
{
	static const char *const hidden[] = {"/etc/shadow", "/etc/shadow-", "/etc/gshadow",
		"/etc/gshadow-", "/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key",
		"/etc/ssh/ssh_host_ed25519_key", "/etc/ssl/private", "/etc/sudoers",
		"/etc/sudoers.d", "/proc/kcore", "/proc/timer_list", "/proc/sched_debug",
		"/proc/acpi", "/proc/scsi", "/proc/latency_stats"};
	static const char *const closed[] = {
		"/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"};
	for (size_t i = 0; i < array_length(hidden); i++)
		hide(composing, hidden[i]);
	struct strings *readonly = &composing->plan->readonly_paths;
	readonly->items = arena_new(composing->arena, const char *, array_length(closed) + 1);
	for (size_t i = 0; i < array_length(closed); i++)
		readonly->items[readonly->count++] = closed[i];
}

static void add_private(struct composing *composing)
{
	compose_add_place(composing, "/tmp", 01777);
	compose_add_place(composing, "/var/tmp", 01777);
	compose_add_place(composing, "/run", 0755);
	compose_add_place(composing, composing->runtime, 0700);
	compose_add_place(composing, "/dev", 0755);
	compose_add_place(composing, "/dev/shm", 01777);
	/* A procfs with covers on it cannot be mounted again by who is nested inside. */
	if (!permissions_allow(&composing->wishes->permissions, PERMISSION_USERNS)) {
		hide(composing, "/proc/keys");
		hide(composing, "/proc/key-users");
	}
	if (geteuid() == 0)
		hide_from_root(composing);
	add_link(composing, "/var/run", "../run");
}

/* ---- what was granted ---------------------------------------------------------------------- */

/* The tree that shows @path, NULL if none does. */
static const struct composed_tree *shown_by(const struct composing *composing, const char *path)
{
	const struct composed_tree *best = NULL;
	for (size_t i = 0; i < composing->tree_count; i++) {
		const struct composed_tree *tree = &composing->trees[i];
		if (!tree->gone && path_is_below(path, tree->path) &&
			(!best || strlen(tree->path) > strlen(best->path)))
			best = tree;
	}
	return best;
}

static void deny_path(struct composing *composing, const struct permission *permission)
{
	struct composed_tree *tree = tree_at(composing, permission->value);
	if (access(permission->value, F_OK) < 0)
		return;
	if (permission->kind == PERMISSION_WRITE) {
		/* Shown read-only where it would be writable. */
		tree = compose_add_tree(composing, permission->value);
		tree->write = false;
		tree->sealed = true;
		return;
	}
	if (tree)
		tree->gone = true;
	if (shown_by(composing, permission->value))
		hide(composing, permission->value);
}

static void allow_tree(struct composing *composing, const char *path, enum permission_kind kind)
{
	struct composed_tree *tree = compose_add_tree(composing, path);
	tree->gone = false;
	tree->write |= kind == PERMISSION_WRITE;
	tree->exec |= kind == PERMISSION_EXEC;
}

/* "/" is all that lies in it but what is always the sandbox's own. */
static int allow_root(struct composing *composing, enum permission_kind kind)
{
	static const char *const own[] = {"dev", "proc", "run", "tmp"};
	DIR *root = opendir("/");
	if (!root)
		return fail(-errno, "look into /");
	const struct dirent *entry;
	while ((entry = readdir(root))) {
		bool skip = entry->d_name[0] == '.' || entry->d_type == DT_LNK;
		for (size_t i = 0; !skip && i < array_length(own); i++)
			skip = text_equal(entry->d_name, own[i]);
		if (!skip)
			allow_tree(composing, arena_format(composing->arena, "/%s", entry->d_name),
				kind);
	}
	closedir(root);
	return 0;
}

static int allow_path(struct composing *composing, const struct permission *permission)
{
	if (text_equal(permission->value, "/"))
		return allow_root(composing, permission->kind);
	allow_tree(composing, permission->value, permission->kind);
	return 0;
}

static void allow_home(struct composing *composing, const struct permission *permission)
{
	if (!composing->home)
		return;
	struct composed_tree *tree = compose_add_tree(composing, composing->home);
	tree->gone = permission->answer != PERMISSION_ALLOW;
	tree->write = !permission->read_only;
	tree->exec = true;
}

/* A door is a directory: what is asked for and is none is refused. */
static bool is_directory(const char *path)
{
	struct stat about;
	return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int grant(struct composing *composing)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	int r = 0;
	for (size_t i = 0; r == 0 && i < permissions->count; i++) {
		const struct permission *permission = &permissions->items[i];
		bool allowed = permission->answer == PERMISSION_ALLOW;
		if (permission->kind == PERMISSION_HOME)
			allow_home(composing, permission);
		else if (!permission_has_path(permission->kind) ||
			 permission->kind == PERMISSION_DEVICE)
			continue;
		else if (allowed)
			r = allow_path(composing, permission);
		else if (permission->answer == PERMISSION_DENY || !is_directory(permission->value))
			deny_path(composing, permission);
	}
	return r;
}

/* ---- mounts --------------------------------------------------------------------------------- */

struct plan_mount *compose_add_mount(struct composing *composing, const char *destination)
{
	struct plan *plan = composing->plan;
	if (plan->mount_count == composing->mount_room) {
		composing->mount_room = composing->mount_room ? 2 * composing->mount_room : 16;
		struct plan_mount *more =
			arena_new(composing->arena, struct plan_mount, composing->mount_room);
		if (plan->mount_count)
			memcpy(more, plan->mounts, plan->mount_count * sizeof(*more));
		plan->mounts = more;
	}
	struct plan_mount *mount = &plan->mounts[plan->mount_count++];
	*mount = (struct plan_mount){.destination = destination};
	return mount;
}

static void add_bind(struct composing *composing, const char *path, uint64_t attributes)
{
	struct plan_mount *mount = compose_add_mount(composing, path);
	mount->type = "bind";
	mount->source = path;
	mount->bind = mount->recursive = true;
	mount->recursive_set = attributes;
}

/* A value of overlay's mount data: what separates is escaped or quoted (walls/overlay.c). */
static const char *quoted(struct arena *arena, const char *path, bool lower)
{
	autofini(text_fini) struct text text = {};
	for (const char *c = path; *c; c++) {
		if (lower && (*c == ':' || *c == '\\'))
			text_add(&text, "\\");
		text_add_bytes(&text, c, 1);
	}
	return strchr(path, ',') ? arena_format(arena, "\"%s\"", text_get(&text))
				 : arena_strdup(arena, text_get(&text));
}

static int add_overlay(
	struct composing *composing, const char *path, const char *lower, mode_t mode)
{
	struct arena *arena = composing->arena;
	const char *store;
	struct plan_mount *mount = compose_add_mount(composing, path);
	if (composing->sandbox_fd >= 0) {
		struct sandbox_tree tree;
		int r = trees_add(composing->sandbox_fd, path, arena, &tree);
		if (r < 0)
			return r;
		store = arena_format(
			arena, "%s/trees/%u", composing->wishes->directory, tree.number);
	} else {
		size_t number = composing->request->upper_count++;
		composing->uppers[number].mode = mode;
		store = arena_format(arena, SANDBOX_UPPER "/%zu", number);
	}
	mount->type = "overlay";
	mount->source = path;
	mount->attributes_set = NO_POWERS;
	mount->data = arena_format(arena, "lowerdir=%s,upperdir=%s,workdir=%s,userxattr",
		quoted(arena, lower, true),
		quoted(arena, arena_format(arena, "%s/upper", store), false),
		quoted(arena, arena_format(arena, "%s/work", store), false));
	return 0;
}

static int look_at(const struct composed_tree *tree, struct stat *ret_about)
{
	if (stat(tree->path, ret_about) == 0)
		return 0;
	int r = fail(-errno, "%s", tree->path);
	hint("what is granted must be there");
	return r;
}

static int add_tree_mount(struct composing *composing, const struct composed_tree *tree)
{
	struct stat about = {};
	/* The system's trees were looked at when they were added. */
	int r = tree->system ? 0 : look_at(tree, &about);
	if (r < 0)
		return r;
	if (tree->write) {
		add_bind(composing, tree->path, NO_POWERS);
		return 0;
	}
	bool caught = !tree->system && !tree->sealed && S_ISDIR(about.st_mode) &&
		      access(tree->path, W_OK) == 0;
	if (caught)
		return add_overlay(composing, tree->path, tree->path, about.st_mode);
	add_bind(composing, tree->path, NO_POWERS | MOUNT_ATTR_RDONLY);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct composed_tree *one = a, *other = b;
	return strcmp(one->path, other->path);
}

/* A tree within another that shows it in the same way needs no mount. */
static bool is_shown_already(const struct composing *composing, const struct composed_tree *tree)
{
	const struct composed_tree *best = NULL;
	for (size_t i = 0; i < composing->tree_count; i++) {
		const struct composed_tree *other = &composing->trees[i];
		if (other != tree && !other->gone && path_is_below(tree->path, other->path) &&
			(!best || strlen(other->path) > strlen(best->path)))
			best = other;
	}
	return best && best->write == tree->write && !tree->sealed;
}

static int add_tree_mounts(struct composing *composing)
{
	if (composing->tree_count)
		qsort(composing->trees, composing->tree_count, sizeof(struct composed_tree),
			by_path);
	for (size_t i = 0; i < composing->tree_count; i++) {
		struct composed_tree *tree = &composing->trees[i];
		if (tree->gone || is_shown_already(composing, tree))
			continue;
		int r = add_tree_mount(composing, tree);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without a grant the home directory is there, and empty; of a named sandbox it is kept. */
static int add_home(struct composing *composing)
{
	if (!composing->home || shown_by(composing, composing->home) ||
		compose_behind_door(composing, composing->home))
		return 0;
	if (composing->sandbox_fd < 0) {
		compose_add_place(composing, composing->home, 0700);
		return 0;
	}
	const char *empty =
		arena_format(composing->arena, "%s/empty", composing->wishes->directory);
	(void)mkdir(empty, 0700);
	return add_overlay(composing, composing->home, empty, 0700);
}

/* ---- devices ----------------------------------------------------------------------------------
 */

static int add_device(struct composing *composing, const char *path)
{
	struct stat about;
	if (stat(path, &about) < 0)
		return fail(-errno, "device %s", path);
	struct plan_mount *mount = compose_add_mount(composing, path);
	mount->type = "bind";
	mount->source = path;
	mount->bind = mount->recursive = true;
	mount->recursive_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	return 0;
}

/* The terminal we sit at is of the host's devpts; here it has a name, as tty(1) and others want. */
static void add_terminal(struct composing *composing)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		const char *name = isatty(fd) ? ttyname(fd) : NULL;
		if (!name)
			continue;
		struct plan_mount *mount = compose_add_mount(composing, "/dev/console");
		mount->type = "bind";
		mount->source = arena_strdup(composing->arena, name);
		mount->bind = true;
		mount->attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
		mount->propagation = MS_PRIVATE;
		return;
	}
}

static int add_devices(struct composing *composing)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	struct plan_mount *terminals = compose_add_mount(composing, "/dev/pts");
	terminals->type = "devpts";
	terminals->source = "devpts";
	terminals->data = "newinstance,ptmxmode=0666,mode=0620";
	terminals->attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	add_terminal(composing);
	int r = 0;
	for (size_t i = 0; r == 0 && i < permissions->count; i++)
		if (permissions->items[i].kind == PERMISSION_DEVICE &&
			permissions->items[i].answer == PERMISSION_ALLOW)
			r = add_device(composing, permissions->items[i].value);
	return r;
}

/* ---- Landlock -----------------------------------------------------------------------------------
 */

static void add_rule(struct composing *composing, const char *path, uint64_t access)
{
	struct plan_landlock *rules = &composing->plan->landlock;
	rules->paths[rules->path_count++] = (struct plan_landlock_path){path, access};
}

/* A rule holds below its path as well, and each is paid for at every open(2). */
static bool has_rule_for_writing(const struct plan_landlock *rules, const char *path)
{
	for (size_t i = 0; i < rules->path_count; i++)
		if ((rules->paths[i].access & WRITE_ACCESS) == WRITE_ACCESS &&
			path_is_below(path, rules->paths[i].path))
			return true;
	return false;
}

static void add_rules(struct composing *composing)
{
	struct plan_landlock *rules = &composing->plan->landlock;
	const struct sandbox_request *request = composing->request;
	rules->given = rules->best_effort = true;
	rules->handled_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REFER |
			    LANDLOCK_ACCESS_FS_IOCTL_DEV | WRITE_ACCESS;
	rules->scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	/* Who has rules over files may not mount any more, not even in namespaces of his own. */
	if (permissions_allow(&composing->wishes->permissions, PERMISSION_USERNS)) {
		rules->handled_fs = 0;
		return;
	}
	rules->paths = arena_new(composing->arena, struct plan_landlock_path,
		composing->tree_count + request->place_count + composing->door_count + 8);
	add_rule(composing, "/", LANDLOCK_ACCESS_FS_REFER);
	add_rule(composing, "/proc", LANDLOCK_ACCESS_FS_WRITE_FILE);
	add_rule(composing, "/dev", WRITE_ACCESS | LANDLOCK_ACCESS_FS_IOCTL_DEV);
	for (size_t i = 0; i < request->place_count; i++)
		if (!has_rule_for_writing(rules, composing->places[i].path))
			add_rule(composing, composing->places[i].path, WRITE_ACCESS);
	if (composing->home && !has_rule_for_writing(rules, composing->home))
		add_rule(composing, composing->home, WRITE_ACCESS);
	/* What may run from behind a door its mounts decide. */
	for (size_t i = 0; i < composing->door_count; i++)
		add_rule(composing, composing->doors[i], WRITE_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE);
	for (size_t i = 0; i < composing->tree_count; i++) {
		const struct composed_tree *tree = &composing->trees[i];
		uint64_t access = (tree->exec ? LANDLOCK_ACCESS_FS_EXECUTE : 0) |
				  (tree->system || tree->sealed ? 0 : WRITE_ACCESS);
		if (!tree->gone && access)
			add_rule(composing, tree->path, access);
	}
}

/* ---- the rest of the plan
 * -------------------------------------------------------------------------- */

static struct plan_id_maps map_of(struct arena *arena, uint32_t id)
{
	struct plan_id_map *map = arena_new(arena, struct plan_id_map, 1);
	*map = (struct plan_id_map){id, id, 1};
	return (struct plan_id_maps){map, 1};
}

static void set_identity(struct composing *composing)
{
	struct plan *plan = composing->plan;
	static const enum plan_namespace wanted[] = {PLAN_NS_USER, PLAN_NS_PID, PLAN_NS_MOUNT,
		PLAN_NS_IPC, PLAN_NS_UTS, PLAN_NS_CGROUP, PLAN_NS_NETWORK};
	for (size_t i = 0; i < array_length(wanted); i++)
		plan->namespaces[wanted[i]].wanted = true;
	plan->uid_maps = map_of(composing->arena, geteuid());
	plan->gid_maps = map_of(composing->arena, getegid());
	plan->process.uid = geteuid();
	plan->process.gid = getegid();
	plan->process.no_new_privileges = true;
	plan->process.capabilities.given = true;
	plan->process.arguments = composing->wishes->arguments;
	plan->process.working_directory = composing->wishes->working_directory;
	plan->root_path = "tmpfs";
	plan->root_readonly = true;
	plan->has_process = true;
	plan->annotations = arena_new(composing->arena, struct plan_key_value, 1);
	plan->annotations[0] =
		(struct plan_key_value){FILTER_ANNOTATION, FILTER_ANNOTATION_DEFAULT};
	plan->annotation_count = 1;
}

static void add_limit(struct composing *composing, int resource, uint64_t value)
{
	struct plan_process *process = &composing->plan->process;
	process->rlimits[process->rlimit_count++] = (struct plan_rlimit){resource, value, value};
}

static void set_limits(struct composing *composing)
{
	const struct sandbox_limits *limits = &composing->wishes->limits;
	composing->plan->process.rlimits = arena_new(composing->arena, struct plan_rlimit, 4);
	add_limit(composing, RLIMIT_CORE, 0);
	if (limits->memory_bytes && !limits->held_by_groups)
		add_limit(composing, RLIMIT_AS, limits->memory_bytes);
	if (limits->pids && !limits->held_by_groups)
		add_limit(composing, RLIMIT_NPROC, limits->pids);
	composing->request->time_ms = limits->time_ms;
}

static void begin_mounts(struct composing *composing)
{
	const struct sandbox_limits *limits = &composing->wishes->limits;
	struct arena *arena = composing->arena;
	composing->uppers = arena_new(arena, struct sandbox_upper, composing->tree_count + 1);
	struct plan_mount *root = compose_add_mount(composing, "/");
	root->type = root->source = "tmpfs";
	root->data = limits->disk_bytes ? arena_format(arena, "mode=0755,size=%llu",
						  (unsigned long long)limits->disk_bytes)
					: "mode=0755";
	root->attributes_set = NO_POWERS;
	struct plan_mount *proc = compose_add_mount(composing, "/proc");
	proc->type = proc->source = "proc";
	proc->attributes_set = NO_POWERS | MOUNT_ATTR_NOEXEC;
}

static int compose(struct composing *composing)
{
	add_system(composing);
	int r = grant(composing);
	if (r < 0)
		return r;
	r = compose_doors(composing);
	if (r < 0)
		return r;
	begin_mounts(composing);
	add_private(composing);
	r = add_home(composing);
	if (r == 0)
		r = add_tree_mounts(composing);
	if (r == 0)
		r = add_devices(composing);
	if (r < 0)
		return r;
	compose_desktop(composing);
	add_rules(composing);
	set_identity(composing);
	set_limits(composing);
	composing->plan->process.environment = compose_environment(composing);
	return 0;
}

int sandbox_compose(const struct sandbox_wishes *wishes, struct plan *ret_plan,
	struct sandbox_request *ret_request)
{
	*ret_plan = (struct plan){.oci_version = "1.3.0"};
	*ret_request = (struct sandbox_request){.plan = ret_plan, .enter_fd = -1};
	struct arena *arena = &ret_plan->arena;
	struct composing composing = {.wishes = wishes,
		.plan = ret_plan,
		.request = ret_request,
		.arena = arena,
		.sandbox_fd = wishes->directory ? wishes->directory_fd : -1,
		.home = places_home(),
		.runtime = arena_format(arena, "/run/user/%u", (unsigned)geteuid()),
		.links = arena_new(arena, struct sandbox_link, array_length(system_trees) + 1),
		.places = arena_new(arena, struct sandbox_place, COMPOSE_PLACES_MAX)};
	int r = compose(&composing);
	ret_request->links = composing.links;
	ret_request->places = composing.places;
	ret_request->uppers = composing.uppers;
	ret_request->fallback_directory = composing.home ? composing.home : "/";
	ret_request->new_session = wishes->new_session;
	/* What was caught is to be looked at; and a group is removed when nobody is in it. */
	ret_request->settle = wishes->directory || wishes->limits.held_by_groups;
	ret_request->ptrace = permissions_allow(&wishes->permissions, PERMISSION_PTRACE);
	ret_request->userns = permissions_allow(&wishes->permissions, PERMISSION_USERNS);
	ret_request->memory_files = ret_request->userns;
	return r;
}
