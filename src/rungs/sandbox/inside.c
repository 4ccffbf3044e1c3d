// SPDX-License-Identifier: Apache-2.0

/*
 * PID 1, from its birth to the moment when the program runs.
 *
 *	map         its one id onto itself: inside everything still belongs to the same user
 *	root        an empty tmpfs, on it links and the plan's mounts, then nothing else exists
 *	close       masks, read-only root, Landlock
 *	fork        the program; what stays is an init that nobody inside may trace: it keeps its
 *	            capabilities, and it is not dumpable
 *
 * All of it happens without the starter: in a user namespace of one's own the kernel asks nobody.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/sandbox/doors_files.h"
#include "rungs/sandbox/doors_net.h"
#include "rungs/sandbox/internal.h"
#include "walls/devices.h"
#include "walls/landlock.h"
#include "walls/mounts.h"
#include "walls/netns.h"
#include "walls/overlay.h"
#include "walls/rootfs.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The program's way to its execve(2): a path, and a report if it fails. */
enum { FIRST_STACK_BYTES = 64 << 10 };

/* ---- map ---------------------------------------------------------------------------- */

static int write_self(const char *name, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	int r = fs_write_existing(AT_FDCWD, path, text);
	return r < 0 ? fail(r, "write %s", path) : 0;
}

static int write_map(const char *name, const struct plan_id_maps *maps)
{
	char text[64];
	const struct plan_id_map *map = &maps->items[0];
	(void)snprintf(
		text, sizeof(text), "%u %u %u\n", map->container_id, map->host_id, map->size);
	return write_self(name, text);
}

int sandbox_map_ids(const struct plan *plan)
{
	int r = write_map("uid_map", &plan->uid_maps);
	if (r == 0)
		r = write_self("setgroups", "deny");
	return r < 0 ? r : write_map("gid_map", &plan->gid_maps);
}

/* ---- root --------------------------------------------------------------------------- */

struct building {
	const struct sandbox_request *request;
	const int *door_mount_fds;
	struct mount_room room;
};

/*
 * It must hang somewhere to be made the root, and hide nothing there that may be granted: over
 * /tmp, what is granted below /tmp would be gone.
 */
static int attach_root(struct building *building)
{
	const struct plan_mount *root = &building->request->plan->mounts[0];
	autoclose int fd = mount_new_filesystem(root->type, "tmpfs", root->data,
		(unsigned)(root->attributes_set & ~(uint64_t)MOUNT_ATTR_RDONLY));
	if (fd < 0)
		return fd;
	/* From here on nothing that is mounted outside arrives inside, nor the other way round. */
	int r = rootfs_set_propagation(MS_PRIVATE | MS_REC);
	if (r < 0)
		return r;
	r = kernel_move_mount(fd, "", AT_FDCWD, SANDBOX_ROOT, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "attach the root");
	building->room.root_fd = take_fd(fd);
	return 0;
}

static int make_links(const struct building *building)
{
	const struct sandbox_request *request = building->request;
	for (size_t i = 0; i < request->link_count; i++) {
		const struct sandbox_link *link = &request->links[i];
		if (symlinkat(link->target, building->room.root_fd, link->path + 1) < 0)
			return fail(-errno, "link %s", link->path);
	}
	return 0;
}

/* Nobody else has ever seen the root, so its paths need no care yet. */
static int make_above(int root_fd, const char *path)
{
	char above[PATH_MAX];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		if (mkdirat(root_fd, above, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int make_place(int root_fd, const char *path, unsigned mode)
{
	int r = make_above(root_fd, path);
	if (r < 0 || mkdirat(root_fd, path, mode) == 0)
		return r;
	return errno == EEXIST && fchmodat(root_fd, path, mode, 0) == 0 ? 0 : -errno;
}

/* As a mount of its own it stays writable when the root is closed. */
static int keep_writable(int root_fd, const char *path)
{
	autoclose int tree = kernel_open_tree(root_fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? tree
			: kernel_move_mount(tree, "", root_fd, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static bool lies_in_place(const struct sandbox_request *request, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (path_is_below(request->places[index].path, request->places[i].path))
			return true;
	return false;
}

/* They lie on the root's own tmpfs. */
static int make_places(const struct building *building)
{
	const struct sandbox_request *request = building->request;
	int root_fd = building->room.root_fd, r = 0;
	mode_t mask = umask(0);
	for (size_t i = 0; r == 0 && i < request->place_count; i++) {
		const char *path = request->places[i].path + 1;
		r = make_place(root_fd, path, request->places[i].mode);
		if (r == 0 && !lies_in_place(request, i))
			r = keep_writable(root_fd, path);
		if (r < 0)
			r = fail(r, "make %s", request->places[i].path);
	}
	(void)umask(mask);
	return r;
}

/* What is caught and forgotten; nobody inside may look into it, for the directory has no mode. */
static int make_uppers(const struct building *building)
{
	const struct sandbox_request *request = building->request;
	if (request->upper_count == 0)
		return 0;
	int root_fd = building->room.root_fd;
	for (size_t i = 0; i < request->upper_count; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/.caught/%zu/work", i);
		autoclose int work = fs_make_dirs_in(root_fd, path, 0700);
		(void)snprintf(path, sizeof(path), "/.caught/%zu/upper", i);
		autoclose int upper = work < 0 ? work : fs_make_dirs_in(root_fd, path, 0700);
		if (upper < 0)
			return upper;
		if (chmod(fd_path(upper).text, request->uppers[i].mode & 07777) < 0)
			return fail(-errno, "mode of a caught tree");
	}
	return fchmodat(root_fd, ".caught", 0, 0) < 0 ? fail(-errno, "close the caught trees") : 0;
}

/*
 * A tree with other mounts below it cannot be the lower layer of a user's overlay (they are
 * locked, and an overlay would uncover what they hide): it is shown as it is, read-only.
 */
static int show_instead(const struct building *building, const struct plan_mount *mount, int r)
{
	if (r != -EINVAL || mount->source == NULL || mount->source[0] != '/')
		return r;
	step("%s: %s: its writes are refused instead of caught", mount->destination, error_text());
	error_clear();
	const struct plan_mount bind = {.destination = mount->destination,
		.source = mount->source,
		.bind = true,
		.recursive = true,
		.recursive_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	autoclose int fd = mount_open(building->request->plan, &bind, &building->room);
	return fd < 0 ? fd : mount_attach(&bind, &building->room, fd);
}

/*
 * Whether the way to it leads over the root's own tmpfs alone. A way through trees of the host
 * might be changed by others while we walk it.
 */
static bool is_on_own_root(const struct building *building, size_t index)
{
	const struct sandbox_request *request = building->request;
	const struct sandbox_doors *doors = request->doors;
	const struct plan_mount *mounts = request->plan->mounts;
	const char *path = mounts[index].destination;
	for (size_t i = 1; i < index; i++)
		if (path_is_below(path, mounts[i].destination))
			return false;
	for (size_t i = 0; i < request->link_count; i++)
		if (path_is_below(path, request->links[i].path))
			return false;
	for (size_t i = 0; doors && i < doors->path_count; i++)
		if (path_is_below(path, doors->paths[i]))
			return false;
	return true;
}

static int attach_by_name(const struct building *building, const char *path, int mount_fd)
{
	int root_fd = building->room.root_fd;
	struct stat about;
	if (fstat(mount_fd, &about) < 0)
		return fail(-errno, "look at the source of /%s", path);
	int r = make_above(root_fd, path);
	if (r == 0)
		r = S_ISDIR(about.st_mode) ? mkdirat(root_fd, path, 0755)
					   : mknodat(root_fd, path, S_IFREG | 0644, 0);
	if (r < 0 && errno != EEXIST)
		return fail(-errno, "make /%s", path);
	r = kernel_move_mount(mount_fd, "", root_fd, path, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "mount on /%s", path) : 0;
}

static int mount_one(const struct building *building, size_t index)
{
	const struct plan_mount *mount = &building->request->plan->mounts[index];
	autoclose int fd = mount_open(building->request->plan, mount, &building->room);
	if (fd < 0 && mount_is_overlay(mount))
		return show_instead(building, mount, fd);
	if (fd >= 0 && is_on_own_root(building, index))
		return attach_by_name(building, mount->destination + 1, fd);
	return fd < 0 ? fd : mount_attach(mount, &building->room, fd);
}

static int mount_all(const struct building *building)
{
	const struct plan *plan = building->request->plan;
	for (size_t i = 1; i < plan->mount_count; i++) {
		int r = mount_one(building, i);
		if (r < 0)
			return wrap(r, "mount %s", plan->mounts[i].destination);
	}
	return 0;
}

static int hide_paths(const struct building *building)
{
	const struct plan *plan = building->request->plan;
	int root_fd = building->room.root_fd, r = 0;
	autofini(rootfs_mask_fini) struct rootfs_mask mask = {-1, -1};
	if (plan->masked_paths.count)
		r = rootfs_mask_init(&mask);
	for (size_t i = 0; r == 0 && i < plan->masked_paths.count; i++)
		r = rootfs_hide(root_fd, &mask, plan->masked_paths.items[i]);
	for (size_t i = 0; r == 0 && i < plan->readonly_paths.count; i++)
		r = rootfs_make_readonly(root_fd, plan->readonly_paths.items[i]);
	return r;
}

static int place_doors(const struct building *building)
{
	const struct sandbox_doors *doors = building->request->doors;
	for (size_t i = 0; doors && i < doors->path_count; i++) {
		autoclose int place =
			fs_make_dirs_in(building->room.root_fd, doors->paths[i], 0755);
		int r = place < 0 ? place
				  : sandbox_file_door_place(building->door_mount_fds[i],
					    building->room.root_fd, doors->paths[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * The old root lies on the new one then, where "." names it (pivot_root(2), NOTES); it is private,
 * so that its end is ours alone. Nobody comes here from a chroot(2), whose mount namespace would
 * have a root above it: there are no user namespaces for those in one.
 */
static int enter_root(int root_fd)
{
	if (fchdir(root_fd) < 0)
		return fail(-errno, "enter the root");
	int r = kernel_pivot_root(".", ".");
	if (r == 0)
		r = kernel_umount(".", MNT_DETACH);
	if (r < 0)
		return fail(r, "leave the old root");
	return chdir("/") < 0 ? fail(-errno, "enter the root") : 0;
}

static int build_root(struct building *building)
{
	const struct plan *plan = building->request->plan;
	int r = attach_root(building);
	if (r == 0)
		r = make_places(building);
	if (r == 0)
		r = make_links(building);
	if (r == 0)
		r = make_uppers(building);
	if (r == 0)
		r = place_doors(building);
	if (r == 0)
		r = mount_all(building);
	step("mounts made");
	if (r == 0)
		r = devices_make(building->room.root_fd, plan);
	step("devices made");
	if (r == 0)
		r = hide_paths(building);
	if (r == 0)
		r = rootfs_seal(building->room.root_fd);
	return r < 0 ? r : enter_root(building->room.root_fd);
}

/* ---- close -------------------------------------------------------------------------- */

/* Of PID 1 already, so that whatever it forks is born behind the rules. */
static int restrict_files(const struct building *building)
{
	const struct plan_landlock *rules = &building->request->plan->landlock;
	if (!rules->given)
		return 0;
	autoclose int fd = landlock_ruleset(rules, building->room.root_fd);
	if (fd == -ENODATA)
		return 0;
	if (fd < 0)
		return fd;
	long r = syscall(446 /* landlock_restrict_self(2) */, fd, 0);
	return r < 0 ? fail(-errno, "apply the Landlock rules") : 0;
}

/* What rung-door needs of the inside, before anything waits for rung-door. */
static int hand_over(const struct sandbox_inside *inside)
{
	int fds[SANDBOX_INSIDE_FDS_MAX];
	fds[0] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fds[0] < 0)
		return fail(-errno, "open /proc/self/ns/mnt");
	int r = 0, count = 1;
	if (inside->request->doors->network)
		r = sandbox_net_door_listen(inside->request->doors->permissions, fds + 1);
	if (r >= 0) {
		count += r;
		r = sandbox_send_inside(inside->supervisor_fd, fds, (size_t)count);
	}
	for (int i = 0; i < count; i++)
		(void)close(fds[i]);
	(void)close(inside->supervisor_fd);
	return r;
}

/* Made here only where the build could not; then it stays for all who enter. */
static int choose_filter(const struct sandbox_request *request, struct sandbox_filter *ret_filter)
{
	const struct sandbox_filter_kind kind = {
		request->ptrace, request->userns, request->memory_files};
	*ret_filter = sandbox_filters[sandbox_filter_index(&kind)];
	if (ret_filter->items)
		return 0;
	struct seccomp_program program;
	int r = sandbox_filter_make(&kind, &program);
	if (r == 0)
		*ret_filter = (struct sandbox_filter){
			program.bytes, program.length / sizeof(struct sock_filter), program.flags};
	return r;
}

/* With doors the supervisor has made the user namespace, and PID 1 was born in its network. */
static int begin(const struct sandbox_inside *inside, struct sandbox_network *network)
{
	const struct plan *plan = inside->request->plan;
	const struct sandbox_doors *doors = inside->request->doors;
	bool own_network = plan_new_namespace(plan, PLAN_NS_NETWORK);
	int r;
	if (doors) {
		r = hand_over(inside);
		return r == 0 && own_network && !doors->network ? netns_loopback_up() : r;
	}
	r = own_network ? sandbox_network_begin(network) : 0;
	return r == 0 ? sandbox_map_ids(plan) : r;
}

static int finish_network(const struct sandbox_inside *inside, struct sandbox_network *network)
{
	const struct sandbox_doors *doors = inside->request->doors;
	if (doors)
		return doors->network ? sandbox_net_door_show_names() : 0;
	bool own_network = plan_new_namespace(inside->request->plan, PLAN_NS_NETWORK);
	return own_network ? sandbox_network_enter(network) : 0;
}

static int live(struct sandbox_inside *inside)
{
	const struct sandbox_request *request = inside->request;
	const struct plan *plan = request->plan;
	struct building building = {.request = request,
		.door_mount_fds = inside->door_mount_fds,
		.room = {.root_fd = -1, .user_namespace = true}};
	struct sandbox_network network;
	int r = begin(inside, &network);
	step("ids mapped");
	if (r == 0 && plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		r = fail(-errno, "set host name %s", plan->hostname);
	if (r == 0)
		r = build_root(&building);
	step("root entered");
	if (r == 0)
		r = finish_network(inside, &network);
	step("network ready");
	if (r == 0)
		r = restrict_files(&building);
	close_now(building.room.root_fd);
	if (r < 0)
		return r;
	step("Landlock applied");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return choose_filter(request, &inside->filter);
}

/* A starter that was killed before we asked to die with it has left its end of the channel. */
static bool starter_lives(int channel_fd)
{
	struct pollfd poll_fd = {.fd = channel_fd};
	return poll(&poll_fd, 1, 0) == 0;
}

/* The program may ask at once how it is listed, so its record has to be there. */
static bool starter_is_ready(int channel_fd)
{
	char word;
	ssize_t n;
	do {
		n = recv(channel_fd, &word, sizeof(word), 0);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

/* ---- the program --------------------------------------------------------------------- */

static int become_first(void *context)
{
	const struct sandbox_inside *inside = context;
	const struct plan_process *process = &inside->request->plan->process;
	const struct sandbox_program program = {.arguments = process->arguments.items,
		.environment = process->environment.items,
		.report_fd = inside->channel_fd,
		.first = true};
	sandbox_become(inside, &program);
}

/*
 * As vfork(2) does it: until its execve(2) the child works in our memory, on a stack of its own,
 * while we stand still. A copy of all our pages would be made for a few calls, and thrown away.
 * Nobody else is inside yet who could stop the child on its way.
 */
static pid_t start_first(struct sandbox_inside *inside)
{
	alignas(16) char stack[FIRST_STACK_BYTES];
	return clone(become_first, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, inside);
}

void sandbox_inside(struct sandbox_inside *inside)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!starter_lives(inside->channel_fd))
		_exit(125);
	(void)umask(022);
	if (live(inside) < 0)
		sandbox_give_up(inside->channel_fd);
	step("ready");
	sigset_t all;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	if (!starter_is_ready(inside->channel_fd))
		_exit(125);
	pid_t pid = start_first(inside);
	if (pid < 0) {
		(void)fail(-errno, "fork");
		sandbox_give_up(inside->channel_fd);
	}
	_exit(sandbox_attend(inside, pid));
}
