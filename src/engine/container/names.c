// SPDX-License-Identifier: Apache-2.0

/*
 * The files in /etc that an image cannot know: the host's name, other hosts, name servers, users,
 * the time zone. They are written beside the layer at each start and mounted over the image's, so
 * that they are neither in the layer nor in what is committed from it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX (4u << 20)

struct names {
	const struct run_place *place;
	const struct run_request *request;
	struct plan *plan;
	struct run_plan_mounts *mounts;
};

/* A file of the image can be covered if it is there or may be made. */
static bool can_cover(const struct names *names, const char *path)
{
	if (names->request->image)
		return true;
	autoclose int root = open(names->place->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int file = root < 0 ? -1 : fs_open_in(root, path, O_PATH, 0);
	autoclose int parent = root < 0 ? -1 : fs_open_in(root, "/etc", O_PATH | O_DIRECTORY, 0);
	struct stat about = {};
	bool can = file >= 0 || (parent >= 0 && fstat(parent, &about) == 0 &&
					(run_is_host_root() || about.st_uid == geteuid()));
	error_clear();
	return can;
}

/* A volume of the user's own at that place is what he wants there. */
static bool is_mounted(const struct names *names, const char *path)
{
	for (size_t i = 0; i < names->request->resolved.mount_count; i++)
		if (text_equal(names->request->resolved.mounts[i].destination, path))
			return true;
	return false;
}

/* In a directory of the host that is shown there, no file is made to be covered. */
static bool would_litter(const struct names *names, const char *path)
{
	const struct run_resolved *resolved = &names->request->resolved;
	for (size_t i = 0; i < resolved->mount_count; i++) {
		const struct run_mount *mount = &resolved->mounts[i];
		size_t length = strlen(mount->destination);
		if (mount->kind != RUN_MOUNT_BIND || mount->overlay || !mount->source ||
			!text_starts(path, mount->destination) || path[length] != '/')
			continue;
		const char *file =
			arena_format(&names->plan->arena, "%s%s", mount->source, path + length);
		if (access(file, F_OK) < 0)
			return true;
	}
	return false;
}

static void cover(const struct names *names, const char *source, const char *path, bool locked)
{
	const struct strings *roots = &names->request->process.chroot_directories;
	for (size_t i = 0; i <= roots->count; i++) {
		const char *destination = i == 0 ? path
						 : arena_format(&names->plan->arena, "%s%s",
							   roots->items[i - 1], path);
		if (is_mounted(names, destination) || would_litter(names, destination) ||
			(i == 0 && !can_cover(names, path)))
			continue;
		*run_plan_mounts_add(names->mounts, &names->plan->arena) =
			(struct plan_mount){.destination = destination,
				.source = source,
				.type = "bind",
				.bind = true,
				.attributes_set = locked ? MOUNT_ATTR_RDONLY : 0};
	}
}

/* Writes a file beside the layer; of a mere plan only its name. */
static int cover_with(
	const struct names *names, const char *name, const struct text *content, const char *path)
{
	const struct run_layer *layer = names->request->layer;
	const char *source = arena_format(&names->plan->arena, "%s/%s", layer->directory, name);
	if (layer->lock_fd >= 0) {
		autoclose int directory =
			open(layer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0)
			return fail(-errno, "%s", layer->directory);
		int r = fs_replace(directory, name, text_get(content), content->length, 0644);
		if (r == 0 && fchmodat(directory, name, 0644, 0) < 0)
			r = fail(-errno, "write the container's %s", path);
		bool users =
			path[5] == 'p' || path[5] == 'g'; /* passwd, group: not his to change */
		if (r == 0 && names->request->resolved.uid_maps.count && (geteuid() == 0 || users))
			r = run_give(source, false, 0, 0, names->plan);
		if (r < 0)
			return r;
	}
	cover(names, source, path, names->request->files.read_only);
	return 0;
}

/* ---- /etc/hosts ---------------------------------------------------------------------------- */

/* "web:10.0.0.1", "a;b:10.0.0.1", "gateway:host-gateway" */
static int add_host(const struct names *names, const char *word, struct text *hosts)
{
	char *copy = arena_strdup(&names->plan->arena, word);
	char *address = copy + strcspn(copy, ":=");
	if (!*address || address == copy || !address[1]) {
		int r = refuse(-EINVAL, "--add-host %s is not NAME:ADDRESS", word);
		hint("several names for one address: NAME;NAME:ADDRESS");
		return r;
	}
	*address++ = '\0';
	size_t length = strlen(address);
	if (address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		address++;
	}
	if (text_equal(address, "host-gateway")) {
		if (run_network(names->request) != RUN_NETWORK_HOST)
			return refuse(-EINVAL,
				"--add-host %s: without a network there is no way to the host",
				word);
		address = (char *)"127.0.0.1";
	} else if (!run_is_address(address)) {
		return refuse(-EINVAL, "--add-host %s: \"%s\" is not an address", word, address);
	}
	text_format(hosts, "%s\t", address);
	for (char *c = copy; *c; c++)
		text_add_bytes(hosts, *c == ';' ? " " : c, 1);
	text_add(hosts, "\n");
	return 0;
}

static int base_hosts(const struct names *names, struct text *hosts)
{
	const char *base = names->request->network.hosts_file;
	autofree char *content = NULL;
	bool own = !base && run_network(names->request) == RUN_NETWORK_HOST;
	if (own)
		base = "/etc/hosts";
	if (!base || text_equal(base, "none")) {
		text_format(hosts,
			"127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost "
			"ip6-loopback\n",
			names->request->resolved.hostname);
		return 0;
	}
	int r = text_equal(base, "image")
			? run_trees_read(names->place->trees, "/etc/hosts", FILE_MAX, &content)
			: fs_read(AT_FDCWD, base, FILE_MAX, &content, NULL);
	if (r < 0 && !own && !text_equal(base, "image"))
		return fail(r, "--hosts-file %s", base);
	text_add(hosts, content ? content : "");
	if (hosts->length && text_get(hosts)[hosts->length - 1] != '\n')
		text_add(hosts, "\n");
	return 0;
}

static int add_hosts(const struct names *names)
{
	const struct network_wishes *wishes = &names->request->network;
	autofini(text_fini) struct text hosts = {};
	if (wishes->no_hosts)
		return wishes->add_hosts.count
			       ? refuse(-EINVAL, "--no-hosts and --add-host exclude each other")
			       : 0;
	int r = base_hosts(names, &hosts);
	for (size_t i = 0; r == 0 && i < wishes->add_hosts.count; i++)
		r = add_host(names, wishes->add_hosts.items[i], &hosts);
	return r < 0 ? r : cover_with(names, "hosts", &hosts, "/etc/hosts");
}

static int add_hostname(const struct names *names)
{
	autofini(text_fini) struct text name = {};
	if (names->request->network.no_hostname)
		return 0;
	text_format(&name, "%s\n", names->request->resolved.hostname);
	return cover_with(names, "hostname", &name, "/etc/hostname");
}

/* ---- /etc/resolv.conf ------------------------------------------------------------------------ */

static void keep_lines(const char *content, const char *word, struct text *out)
{
	autofree char *copy = strdup(content);
	char *rest = copy, *line;
	size_t length = strlen(word);
	while (rest && (line = strsep(&rest, "\n")))
		if (strncmp(line, word, length) == 0 &&
			(line[length] == ' ' || line[length] == '\t'))
			text_format(out, "%s\n", line);
}

/* What was asked for on one line, "." for none at all; else the host's. */
static void write_line(
	const char *word, const struct strings *values, const char *host, struct text *out)
{
	if (values->count == 0)
		keep_lines(host, word, out);
	if (values->count == 0 || text_equal(values->items[0], "."))
		return;
	text_add(out, word);
	for (size_t i = 0; i < values->count; i++)
		text_format(out, " %s", values->items[i]);
	text_add(out, "\n");
}

static int write_servers(const struct names *names)
{
	const struct network_wishes *wishes = &names->request->network;
	autofini(text_fini) struct text out = {};
	autofree char *host = NULL;
	if (fs_read(AT_FDCWD, "/etc/resolv.conf", 1 << 20, &host, NULL) < 0)
		host = strdup("");
	for (size_t i = 0; i < wishes->dns.count; i++) {
		const char *address = wishes->dns.items[i];
		if (!run_is_address(address))
			return refuse(-EINVAL, "--dns %s is not an address", address);
		text_format(&out, "nameserver %s\n", address);
	}
	if (wishes->dns.count == 0)
		keep_lines(host ? host : "", "nameserver", &out);
	write_line("search", &wishes->dns_searches, host ? host : "", &out);
	write_line("options", &wishes->dns_options, host ? host : "", &out);
	return cover_with(names, "resolv.conf", &out, "/etc/resolv.conf");
}

/*
 * The host's file serves where its network does. It may be a link into /run, which @host does not
 * show.
 */
static int add_servers(const struct names *names)
{
	const struct network_wishes *wishes = &names->request->network;
	if (wishes->dns.count == 1 && text_equal(wishes->dns.items[0], "none"))
		return 0;
	if (wishes->dns.count || wishes->dns_searches.count || wishes->dns_options.count)
		return write_servers(names);
	if (run_network(names->request) != RUN_NETWORK_HOST)
		return 0;
	char *servers = realpath("/etc/resolv.conf", NULL);
	bool hidden = !run_is_host(names->request) || (servers && text_starts(servers, "/run/"));
	if (servers && hidden)
		cover(names, arena_strdup(&names->plan->arena, servers), "/etc/resolv.conf", true);
	free(servers);
	return 0;
}

/* Whoever shares another container's network is found, and finds, by its files. */
static bool borrow(const struct names *names)
{
	const char *word = run_network_word(names->request);
	struct run_peer peer;
	if (!word || !text_starts(word, "container:"))
		return false;
	if (run_find_peer(names->request, word + 10, &names->plan->arena, &peer) < 0 ||
		!peer.request || !peer.request->layer) {
		error_clear();
		return false;
	}
	static const char *const files[] = {"hosts", "resolv.conf"};
	for (size_t i = 0; i < array_length(files); i++) {
		const char *source = arena_format(
			&names->plan->arena, "%s/%s", peer.request->layer->directory, files[i]);
		if (access(source, R_OK) == 0)
			cover(names, source, arena_format(&names->plan->arena, "/etc/%s", files[i]),
				false);
	}
	return true;
}

/* ---- /etc/passwd, /etc/group --------------------------------------------------------------------
 */

struct replacement {
	const char *name, *value;
};

static const char *fill_in(
	const char *pattern, const struct replacement *words, size_t count, struct arena *arena)
{
	autofini(text_fini) struct text out = {};
	for (const char *c = pattern; *c;) {
		size_t i = 0;
		while (i < count && !text_starts(c, words[i].name))
			i++;
		if (i < count) {
			text_add(&out, words[i].value);
			c += strlen(words[i].name);
		} else {
			text_add_bytes(&out, c++, 1);
		}
	}
	return arena_strdup(arena, text_get(&out));
}

static void add_line(struct text *file, const char *line)
{
	if (file->length && text_get(file)[file->length - 1] != '\n')
		text_add(file, "\n");
	text_format(file, "%s\n", line);
}

/* The user's line: his name is his number, unless he is ours, kept (--userns keep-id). */
static const char *passwd_line(const struct names *names, const char *home)
{
	const struct run_user *user = names->place->user;
	struct arena *arena = &names->plan->arena;
	const char *number = arena_format(arena, "%u", user->uid);
	const char *gid = arena_format(arena, "%u", user->gid), *name = NULL;
	if (run_kept_user(names->request, arena))
		name = run_own_name(arena);
	if (!name)
		name = number;
	const struct replacement words[] = {{"$USERNAME", name}, {"$UID", number}, {"$GID", gid},
		{"$NAME", "container user"}, {"$HOME", home}};
	const char *pattern = names->request->process.passwd_entry;
	if (!pattern)
		pattern = "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh";
	return fill_in(pattern, words, array_length(words), arena);
}

static int add_passwd(const struct names *names)
{
	const struct process_wishes *wishes = &names->request->process;
	const struct run_user *user = names->place->user;
	bool stranger = !user->known && user->uid != 0;
	autofree char *images = NULL;
	autofini(text_fini) struct text file = {};
	if (!stranger && wishes->host_users.count == 0 && !wishes->passwd_entry)
		return 0;
	(void)run_trees_read(names->place->trees, "/etc/passwd", FILE_MAX, &images);
	text_add(&file, images ? images : "");
	for (size_t i = 0; i < wishes->host_users.count; i++) {
		const char *line =
			run_host_passwd(wishes->host_users.items[i], &names->plan->arena);
		if (!line)
			return refuse(-EINVAL, "--hostuser %s: the host has no such user",
				wishes->host_users.items[i]);
		add_line(&file, line);
	}
	if (stranger)
		add_line(&file, passwd_line(names, names->plan->process.working_directory));
	return cover_with(names, "passwd", &file, "/etc/passwd");
}

static bool has_group(const char *groups, uint32_t gid)
{
	autofree char *copy = strdup(groups);
	char *rest = copy, *line;
	while (rest && (line = strsep(&rest, "\n"))) {
		(void)strsep(&line, ":");
		if (line)
			(void)strsep(&line, ":");
		const char *number = line ? strsep(&line, ":") : NULL;
		uint64_t value;
		if (number && parse_uint64(number, UINT32_MAX, &value) == 0 && value == gid)
			return true;
	}
	return false;
}

static int add_group(const struct names *names)
{
	const struct run_user *user = names->place->user;
	const char *pattern = names->request->process.group_entry;
	autofree char *images = NULL;
	autofini(text_fini) struct text file = {};
	if (user->gid == 0 && !pattern)
		return 0;
	(void)run_trees_read(names->place->trees, "/etc/group", FILE_MAX, &images);
	if (has_group(images ? images : "", user->gid))
		return 0;
	struct arena *arena = &names->plan->arena;
	const char *gid = arena_format(arena, "%u", user->gid);
	const char *member = user->name ? user->name : arena_format(arena, "%u", user->uid);
	/* Kept with the user (--userns keep-id), his group keeps its name. */
	const char *name = NULL;
	if (run_kept_user(names->request, arena) && user->gid == getgid())
		name = run_own_group(arena);
	const struct replacement words[] = {
		{"$GROUPNAME", name ? name : gid}, {"$GID", gid}, {"$USERLIST", member}};
	text_add(&file, images ? images : "");
	add_line(&file, fill_in(pattern ? pattern : "$GROUPNAME:x:$GID:$USERLIST", words,
				array_length(words), arena));
	return cover_with(names, "group", &file, "/etc/group");
}

/* ---- /etc/localtime
 * ------------------------------------------------------------------------------- */

static int add_zone(const struct names *names)
{
	const char *zone = names->request->process.timezone;
	if (text_empty(zone))
		return 0;
	bool local = text_equal(zone, "local");
	if (!local && (zone[0] == '/' || strstr(zone, "..")))
		return refuse(-EINVAL, "--tz %s is not the name of a time zone", zone);
	const char *path =
		local ? "/etc/localtime"
		      : arena_format(&names->plan->arena, "/usr/share/zoneinfo/%s", zone);
	char *real = realpath(path, NULL);
	if (!real && local)
		return 0; /* the host itself lives by UTC */
	if (!real) {
		int r = fail(-errno, "--tz %s: %s", zone, path);
		hint("names are those below /usr/share/zoneinfo of this host (package tzdata)");
		return r;
	}
	cover(names, arena_strdup(&names->plan->arena, real), "/etc/localtime", true);
	free(real);
	return 0;
}

int run_add_names(const struct run_place *place, struct plan *plan, struct run_plan_mounts *mounts)
{
	const struct names names = {place, place->request, plan, mounts};
	if (run_is_host(place->request))
		return add_servers(&names);
	int r = 0;
	if (!borrow(&names)) {
		r = add_hosts(&names);
		if (r == 0)
			r = add_servers(&names);
	}
	if (r == 0)
		r = add_hostname(&names);
	if (r == 0 && place->request->process.passwd)
		r = add_passwd(&names);
	if (r == 0 && place->request->process.passwd)
		r = add_group(&names);
	return r < 0 ? r : add_zone(&names);
}
