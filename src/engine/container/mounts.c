// SPDX-License-Identifier: Apache-2.0

/*
 * What the container sees, in the order in which it is mounted: its root, what every container has,
 * the names in /etc, what --read-only and systemd need, secrets, the mounts that were asked for,
 * devices. Who asks for a mount where a usual one is gets his instead of it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"
#include "engine/volume/volume.h"
#include "plan/oci.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct sight {
	const struct run_place *place;
	const struct run_request *request;
	struct plan *plan;
	struct run_plan_mounts mounts;
};

static void add(struct sight *sight, struct plan_mount mount)
{
	*run_plan_mounts_add(&sight->mounts, &sight->plan->arena) = mount;
}

static bool is_asked_for(const struct run_request *request, const char *destination)
{
	for (size_t i = 0; i < request->resolved.mount_count; i++)
		if (text_equal(request->resolved.mounts[i].destination, destination))
			return true;
	return false;
}

/* ---- the root ----------------------------------------------------------------------- */

/*
 * Where root gives the container ids of its own, the image's files still have the host's numbers:
 * the layers are mounted through the maps.
 */
static void map_layers(const struct plan *plan, struct plan_mount *mount)
{
	if (geteuid() != 0 || !plan->uid_maps.count)
		return;
	mount->idmap = true;
	mount->uid_maps = plan->uid_maps;
	mount->gid_maps = plan->gid_maps;
}

/* The directory of new files looks like the lower one's, and belongs to whom it says inside. */
static int give_upper(struct sight *sight, const char *part)
{
	const struct run_layer *layer = sight->request->layer;
	struct plan *plan = sight->plan;
	bool usual =
		geteuid() == 0 ? !plan->uid_maps.count : !sight->request->resolved.uid_maps.count;
	if (usual || layer->lock_fd < 0)
		return 0;
	const char *base =
		arena_format(&plan->arena, "%s%s%s", layer->directory, *part ? "/" : "", part);
	const char *upper = arena_format(&plan->arena, "%s/upper", base);
	const char *done = arena_format(&plan->arena, "%s/given", base);
	if (access(done, F_OK) == 0)
		return 0; /* the program may have changed it since */
	struct stat about;
	if (stat(upper, &about) < 0)
		return fail(-errno, "%s", upper);
	int r = geteuid() == 0 ? run_give(upper, false, about.st_uid, about.st_gid, plan)
			       : run_give(upper, false, 0, 0, plan);
	autoclose int mark = r < 0 ? -1 : open(done, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return r;
}

static int add_overlay(struct sight *sight, const char *part, const struct strings *lowers,
	const char *destination)
{
	struct plan_mount mount;
	int r = run_overlay(
		sight->request->layer, part, lowers, destination, &sight->plan->arena, &mount);
	if (r == 0)
		r = give_upper(sight, part);
	if (r < 0)
		return r;
	map_layers(sight->plan, &mount);
	add(sight, mount);
	return 0;
}

static int add_root(struct sight *sight)
{
	const struct run_request *request = sight->request;
	const char *one[] = {sight->place->rootfs, NULL};
	struct strings lowers = request->image ? request->lowers : (struct strings){one, 1};
	int r = request->image
			? run_shift_layers(request, sight->plan, &sight->plan->arena, &lowers)
			: 0;
	if (r < 0)
		return r;
	if (!run_is_host(request))
		return lowers.count ? add_overlay(sight, "", &lowers, "/")
				    : refuse(-EINVAL, "the image has no layers");
	struct plan_mount *roots;
	size_t count;
	r = run_host_mounts(request, sight->place->user->home, &sight->plan->arena, &roots, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		add(sight, roots[i]);
	return r;
}

/* ---- what every container has ------------------------------------------------------------ */

static struct plan_mount bind_host(const char *path, uint64_t attributes)
{
	return (struct plan_mount){.destination = path,
		.source = path,
		.type = "bind",
		.bind = true,
		.recursive = true,
		.recursive_set = attributes};
}

/*
 * The kernel gives a user namespace a new sysfs, proc or mqueue only together with the namespace
 * that it shows; with the host's comes the host's file system, too.
 */
static bool borrow_default(const struct sight *sight, struct plan_mount *mount)
{
	const struct plan_namespace_entry *spaces = sight->plan->namespaces;
	const uint64_t harmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	bool foreign = spaces[PLAN_NS_USER].wanted;
	if (foreign && !spaces[PLAN_NS_NETWORK].wanted) {
		if (text_equal(mount->destination, "/sys"))
			*mount = bind_host("/sys", harmless | MOUNT_ATTR_RDONLY);
		if (text_equal(mount->destination, "/sys/fs/cgroup"))
			return false;
	}
	if (foreign && !spaces[PLAN_NS_PID].wanted && text_equal(mount->destination, "/proc"))
		*mount = bind_host("/proc", harmless);
	if (!spaces[PLAN_NS_IPC].wanted && text_equal(mount->destination, "/dev/shm"))
		*mount = bind_host("/dev/shm", harmless);
	if (!spaces[PLAN_NS_IPC].wanted && text_equal(mount->destination, "/dev/mqueue"))
		*mount = bind_host("/dev/mqueue", harmless);
	return !mount->bind || access(mount->source, F_OK) == 0;
}

/* Root of a user namespace may not know group 5; --privileged may change what it is shown. */
static void adapt_default(const struct sight *sight, struct plan_mount *mount)
{
	const struct run_request *request = sight->request;
	if (text_equal(mount->type, "devpts") &&
		((geteuid() == 0 && !run_is_host_root()) || sight->plan->uid_maps.count == 1))
		mount->data = "newinstance,ptmxmode=0666,mode=0620";
	bool sys = text_starts(mount->destination, "/sys");
	if (request->security.privileged && sys)
		mount->attributes_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (request->resolved.systemd && text_equal(mount->destination, "/sys/fs/cgroup"))
		mount->attributes_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (request->files.shm_bytes && text_equal(mount->destination, "/dev/shm"))
		mount->data = arena_format(&sight->plan->arena, "mode=1777,size=%llu",
			(unsigned long long)request->files.shm_bytes);
}

/*
 * Who shares System V and POSIX objects shares /dev/shm, which lies in the other container's mount
 * namespace. The copy is held by a descriptor that stays open until this process ends.
 */
static int borrow_memory(struct sight *sight, struct plan_mount *mount)
{
	const char *path = sight->plan->namespaces[PLAN_NS_IPC].path;
	int pid;
	if (!path || sscanf(path, "/proc/%d/ns/ipc", &pid) != 1 || sight->request->dry ||
		!text_equal(mount->destination, "/dev/shm"))
		return 0;
	int fd = run_borrow_mount(pid, "/dev/shm");
	if (fd < 0)
		return fd;
	mount->source = arena_strdup(&sight->plan->arena, fd_path(fd).text);
	mount->type = "bind";
	mount->bind = true;
	mount->data = NULL;
	return 0;
}

static int add_defaults(struct sight *sight)
{
	int r = 0;
	for (size_t i = 0; i < sight->plan->mount_count; i++) {
		struct plan_mount *mount = &sight->plan->mounts[i];
		if (is_asked_for(sight->request, mount->destination))
			continue;
		if (text_equal(mount->destination, "/dev/shm") && sight->request->namespaces.ipc &&
			text_equal(sight->request->namespaces.ipc, "none"))
			continue;
		adapt_default(sight, mount);
		if (!borrow_default(sight, mount))
			continue;
		r = borrow_memory(sight, mount);
		if (r < 0)
			return r;
		add(sight, *mount);
	}
	return r;
}

static struct plan_mount memory(const char *destination, const char *data, bool copy)
{
	return (struct plan_mount){.destination = destination,
		.source = "tmpfs",
		.type = "tmpfs",
		.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.tmpcopyup = copy,
		.data = data};
}

static void add_scratch(struct sight *sight)
{
	static const char *const usual[] = {"/run", "/tmp", "/var/tmp"};
	static const char *const systemds[] = {"/run", "/run/lock", "/tmp"};
	const struct run_request *request = sight->request;
	bool locked =
		request->files.read_only && request->files.read_only_tmpfs && !run_is_host(request);
	if (!locked && !request->resolved.systemd)
		return;
	const char *const *places = request->resolved.systemd ? systemds : usual;
	for (size_t i = 0; i < array_length(usual); i++)
		if (!is_asked_for(request, places[i]))
			add(sight,
				memory(places[i],
					text_starts(places[i], "/run") ? "mode=0755" : "mode=1777",
					locked));
}

/* ---- what was asked for -----------------------------------------------------------------------
 */

static void take_options(struct sight *sight, const struct run_mount *wanted, struct plan_mount *to)
{
	plan_mount_options(to, &wanted->options, &sight->plan->arena);
	/* "ro" of a tree means all of it, as a person expects. */
	if (to->bind && to->recursive)
		to->recursive_set |= to->attributes_set & MOUNT_ATTR_RDONLY;
}

static bool is_empty(const char *path)
{
	DIR *directory = opendir(path);
	unsigned entries = 0;
	while (directory && entries < 3 && readdir(directory))
		entries++;
	if (directory)
		closedir(directory);
	return directory && entries < 3;
}

static int bind_tree(struct sight *sight, const struct run_mount *wanted, const char *source)
{
	struct plan_mount mount = {.destination = wanted->destination,
		.source = source,
		.type = "bind",
		.bind = true,
		.recursive = !run_strings_have(&wanted->options, "bind"),
		.source_below = text_empty(wanted->subpath) ? NULL : wanted->subpath,
		.propagation = MS_PRIVATE | MS_REC};
	struct plan *plan = sight->plan;
	bool open = sight->request->layer->lock_fd >= 0;
	take_options(sight, wanted, &mount);
	if (run_strings_have(&wanted->options, "bind"))
		mount.recursive = false;
	/* A new volume begins with what the image has there, and as its owner's. */
	bool fill = wanted->copy && wanted->kind == RUN_MOUNT_VOLUME && !wanted->subpath && open &&
		    is_empty(source);
	if (fill) {
		struct stat image;
		mount.tmpcopyup =
			run_trees_stat(sight->place->trees, wanted->destination, &image) &&
			S_ISDIR(image.st_mode);
		int r = geteuid() == 0 && plan->uid_maps.count ? run_give(source, false, 0, 0, plan)
							       : 0;
		if (r < 0)
			return r;
	}
	if (wanted->chown && open) {
		int r = run_give(source, true, plan->process.uid, plan->process.gid, plan);
		if (r < 0)
			return wrap(r, "mount %s: U", wanted->destination);
	}
	add(sight, mount);
	return 0;
}

/* O: an overlay of it, whose changes are the container's. */
static int cover_tree(
	struct sight *sight, const struct run_mount *wanted, const char *source, size_t number)
{
	const char *one[] = {source, NULL};
	const struct strings lowers = {one, 1};
	const char *part = arena_format(&sight->plan->arena, "overlay-%zu", number);
	return add_overlay(sight, part, &lowers, wanted->destination);
}

/* A volume of another file system: o= are its options, "bind" among them. */
static int mount_device(
	struct sight *sight, const struct run_mount *wanted, const struct volume *volume)
{
	const char *type = volume_option(volume, "type"), *words = volume_option(volume, "o");
	const char *device = volume_option(volume, "device");
	struct strings options = {};
	char *rest = arena_strdup(&sight->plan->arena, words ? words : ""), *word;
	while ((word = strsep(&rest, ",")))
		if (*word)
			run_strings_add(&options, word, &sight->plan->arena);
	struct plan_mount mount = {.destination = wanted->destination,
		.source = device ? device : type,
		.type = type ? type : "none"};
	plan_mount_options(&mount, &options, &sight->plan->arena);
	if (mount.bind || !type || text_equal(type, "none") || text_equal(type, "bind")) {
		if (!device || access(device, F_OK) < 0)
			return fail(-errno, "volume %s: device %s", volume->name, device);
		mount.bind = true;
		mount.type = "bind";
		mount.propagation = mount.propagation ? mount.propagation : MS_PRIVATE | MS_REC;
	} else if (!text_equal(type, "tmpfs") && !run_is_host_root()) {
		int r = refuse(-EPERM, "volume %s: only root can mount a file system of type %s",
			volume->name, type);
		hint("mount it on the host (a line with \"user\" in /etc/fstab allows that), then "
		     "--volume it");
		return r;
	}
	take_options(sight, wanted, &mount);
	add(sight, mount);
	return 0;
}

static int mount_volume(struct sight *sight, const struct run_mount *wanted, size_t number)
{
	struct volume volume;
	const char *source = wanted->source;
	if (!sight->request->dry) {
		int r = volume_find(
			sight->request->data_root, wanted->name, &sight->plan->arena, &volume);
		if (r < 0)
			return r;
		if (!volume_is_plain(&volume))
			return mount_device(sight, wanted, &volume);
		source = volume.mountpoint;
	}
	if (wanted->overlay && !text_empty(wanted->subpath))
		return refuse(-EOPNOTSUPP, "mount %s: O and a subpath", wanted->destination);
	return wanted->overlay ? cover_tree(sight, wanted, source, number)
			       : bind_tree(sight, wanted, source);
}

static int mount_image(struct sight *sight, const struct run_mount *wanted, size_t number)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct arena *arena = &sight->plan->arena;
	struct image image = {};
	struct strings lowers = {};
	int r = store_open(sight->request->data_root, &store);
	if (r == 0)
		r = image_find(&store, wanted->name, arena, &image);
	if (r == 0)
		r = image_lowers(&store, &image, arena, &lowers);
	if (r < 0)
		return wrap(r, "mount %s", wanted->destination);
	bool part = !text_empty(wanted->subpath);
	if (part && lowers.count > 1)
		return refuse(-EOPNOTSUPP, "mount %s: a subpath of an image of several layers",
			wanted->destination);
	if (run_strings_have(&wanted->options, "rw"))
		return add_overlay(sight, arena_format(arena, "image-%zu", number), &lowers,
			wanted->destination);
	struct plan_mount mount;
	r = run_stack(&lowers, wanted->destination, arena, &mount);
	if (r < 0)
		return r;
	map_layers(sight->plan, &mount);
	if (part)
		mount.source_below = wanted->subpath;
	add(sight, mount);
	return 0;
}

static void mount_memory(struct sight *sight, const struct run_mount *wanted)
{
	bool devpts = wanted->kind == RUN_MOUNT_DEVPTS;
	struct plan_mount mount = memory(wanted->destination, NULL, false);
	if (devpts) {
		mount.type = mount.source = "devpts";
		mount.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	}
	take_options(sight, wanted, &mount);
	const char *usual = devpts ? "newinstance,ptmxmode=0666" : "mode=1777";
	bool has = mount.data && strstr(mount.data, devpts ? "ptmxmode=" : "mode=");
	/* What it copies brings a mode. */
	if (!has && !mount.tmpcopyup)
		mount.data = mount.data
				     ? arena_format(&sight->plan->arena, "%s,%s", usual, mount.data)
				     : usual;
	add(sight, mount);
}

static int add_asked(struct sight *sight)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sight->request->resolved.mount_count; i++) {
		const struct run_mount *wanted = &sight->request->resolved.mounts[i];
		switch (wanted->kind) {
		case RUN_MOUNT_BIND:
			r = wanted->overlay ? cover_tree(sight, wanted, wanted->source, i)
					    : bind_tree(sight, wanted, wanted->source);
			break;
		case RUN_MOUNT_VOLUME:
			r = mount_volume(sight, wanted, i);
			break;
		case RUN_MOUNT_IMAGE:
			r = mount_image(sight, wanted, i);
			break;
		case RUN_MOUNT_TMPFS:
		case RUN_MOUNT_DEVPTS:
			mount_memory(sight, wanted);
			break;
		}
	}
	return r;
}

/* ---- init ---------------------------------------------------------------------------------- */

/* In /dev, which is ours: an image may have no /run, or one that an ordinary user cannot write. */
static const char init_path[] = "/dev/rung-init";

static int add_init(struct sight *sight)
{
	struct plan *plan = sight->plan;
	const char *program = sight->request->process.init_path;
	if (!sight->request->process.init)
		return 0;
	if (text_empty(program))
		program = programs_find("rung-init", &plan->arena);
	if (!program)
		return refuse(-ENOENT, "--init: rung-init is neither beside rung nor installed");
	if (access(program, X_OK) < 0)
		return fail(-errno, "--init-path %s", program);
	struct plan_mount mount = bind_host(program, 0);
	mount.destination = init_path;
	mount.recursive = false;
	mount.attributes_set = MOUNT_ATTR_RDONLY;
	add(sight, mount);
	struct strings words = {};
	run_strings_add(&words, init_path, &plan->arena);
	run_strings_add(&words, "--", &plan->arena);
	for (size_t i = 0; i < plan->process.arguments.count; i++)
		run_strings_add(&words, plan->process.arguments.items[i], &plan->arena);
	plan->process.arguments = words;
	return 0;
}

/*
 * Where the root is put together, in a mount namespace of its own. Root of another user namespace
 * cannot enter our directories; he takes one that everybody has, and needs nothing that it hides,
 * since his mounts' sources were all opened before.
 */
static const char *choose_root_path(const struct sight *sight)
{
	static const char *const common[] = {"/mnt", "/media", "/srv", "/opt", "/usr"};
	if (geteuid() != 0 || !sight->plan->namespaces[PLAN_NS_USER].wanted)
		return sight->request->layer->merged;
	for (size_t i = 0; i < array_length(common); i++) {
		struct stat about;
		if (stat(common[i], &about) == 0 && S_ISDIR(about.st_mode) && about.st_mode & 1)
			return common[i];
	}
	return sight->request->layer->merged;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static unsigned depth(const char *path)
{
	unsigned slashes = 0;
	for (; *path; path++)
		slashes += *path == '/';
	return slashes;
}

/*
 * What lies above comes first, otherwise the order stays: /etc/hosts and secrets are to be seen in
 * a --tmpfs on /etc or /run, too.
 */
static void sort(struct run_plan_mounts *mounts)
{
	for (size_t i = 1; i < mounts->count; i++) {
		const struct plan_mount mount = mounts->items[i];
		size_t at = i;
		for (; at > 1 &&
			depth(mounts->items[at - 1].destination) > depth(mount.destination);
			at--)
			mounts->items[at] = mounts->items[at - 1];
		mounts->items[at] = mount;
	}
}

int run_set_mounts(const struct run_place *place, struct plan *plan)
{
	struct sight sight = {.place = place, .request = place->request, .plan = plan};
	int r = add_root(&sight);
	if (r < 0)
		return r;
	r = add_defaults(&sight);
	if (r < 0)
		return r;
	add_scratch(&sight);
	r = run_add_names(place, plan, &sight.mounts);
	if (r == 0)
		r = run_secret_mounts(place->request, plan, &sight.mounts);
	if (r == 0)
		r = run_set_devices(place->request, plan, &sight.mounts);
	if (r == 0)
		r = add_asked(&sight);
	if (r == 0)
		r = add_init(&sight);
	if (r < 0)
		return r;
	if (!run_is_host(place->request))
		sort(&sight.mounts);
	plan->mounts = sight.mounts.items;
	plan->mount_count = sight.mounts.count;
	plan->root_path = choose_root_path(&sight);
	plan->root_readonly = place->request->files.read_only;
	return 0;
}
