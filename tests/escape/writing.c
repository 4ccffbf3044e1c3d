// SPDX-License-Identifier: Apache-2.0

/*
 * Changing what was not granted: files granted for reading alone, the system, and the kernel's
 * settings in /proc and /sys, which go by the user id: root in a user namespace of its own is
 * still root to them, so only a mount can keep it off. Settings are opened, never written.
 */

#include "escape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum verdict attempt_write_shown(void)
{
	return scribble(in_world("shown/file"));
}

enum verdict attempt_create_in_shown(void)
{
	const char *paths[] = {in_world("shown/new"), in_world("shown/directory"),
		in_world("shown/link"), in_world("shown/pipe")};
	bool made = open(paths[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644) >= 0 ||
		    mkdir(paths[1], 0755) == 0 || symlink("x", paths[2]) == 0 ||
		    mknod(paths[3], S_IFIFO | 0644, 0) == 0 ||
		    unlink(in_world("shown/file")) == 0 || truncate(in_world("shown/file"), 0) == 0;
	return made ? done("made or removed in a directory granted for reading")
		    : held("%s", paths[0]);
}

enum verdict attempt_hard_link(void)
{
	const char *from = in_world("shown/file"), *to = in_world("given/hard");
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (link(from, to) < 0 &&
		linkat(AT_FDCWD, text("/proc/self/fd/%d", fd), AT_FDCWD, to, AT_SYMLINK_FOLLOW) <
			0 &&
		linkat(fd, "", AT_FDCWD, to, AT_EMPTY_PATH) < 0)
		return held("link");
	return scribble(to);
}

enum verdict attempt_rename_out(void)
{
	const char *to = in_world("given/moved");
	if (rename(in_world("shown/file"), to) < 0 && rename(in_world("shown"), to) < 0)
		return held("rename");
	return done("moved away");
}

enum verdict attempt_open_again(void)
{
	int fd = open(in_world("shown/file"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return held("shown/file");
	return scribble(text("/proc/self/fd/%d", fd));
}

enum verdict attempt_change_mode(void)
{
	if (chmod(in_world("shown/file"), 0777) < 0)
		return held("chmod");
	return done("the mode is another");
}

enum verdict attempt_change_attribute(void)
{
	const char *path = in_world("shown/file");
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	bool first = setxattr(path, "user.scribble", SCRIBBLE, strlen(SCRIBBLE), 0) == 0;
	bool second = utimensat(AT_FDCWD, path, times, 0) == 0;
	return first || second ? done("an attribute was set") : held("setxattr");
}

/* Dirty COW's road: /proc/self/mem ignores the protection of pages. */
enum verdict attempt_own_memory(void)
{
	int fd = open(in_world("shown/file"), O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0 || map == MAP_FAILED || memory < 0)
		return held("mapping");
	if (pwrite(memory, SCRIBBLE, strlen(SCRIBBLE), (off_t)(size_t)map) < 0)
		return impossible("the kernel refuses to write a shared read-only mapping");
	return done("written through the mapping");
}

enum verdict attempt_system_file(void)
{
	const char *path = text("/usr/rung-escape-%s", world("pid"));
	if (open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) < 0)
		return held("%s", path);
	/* It tells at the outside by the name it was told, where nobody else makes one. */
	unlink(path);
	return escaped("a file was made in /usr");
}

enum verdict attempt_configuration(void)
{
	return open_to_write("/etc/passwd");
}

enum verdict attempt_core_pattern(void)
{
	return open_to_write("/proc/sys/kernel/core_pattern");
}

enum verdict attempt_module_loader(void)
{
	if (access("/proc/sys", F_OK) == 0 && access("/proc/sys/kernel/modprobe", F_OK) < 0)
		return impossible("/proc/sys/kernel/modprobe");
	return open_to_write("/proc/sys/kernel/modprobe");
}

enum verdict attempt_hotplug_helper(void)
{
	if (access("/sys/kernel/mm", F_OK) == 0 && access("/sys/kernel/uevent_helper", F_OK) < 0)
		return impossible("/sys/kernel/uevent_helper");
	return open_to_write("/sys/kernel/uevent_helper");
}

enum verdict attempt_magic_request(void)
{
	if (access("/proc/sys", F_OK) == 0 && access("/proc/sysrq-trigger", F_OK) < 0)
		return impossible("/proc/sysrq-trigger");
	return open_to_write("/proc/sysrq-trigger");
}

static const char *writable;

static int note_writable(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	/* Settings of namespaces the walled-in program has for itself are its own to change. */
	static const char *own[] = {"/proc/sys/net", "/proc/sys/kernel/hostname",
		"/proc/sys/kernel/domainname", "/proc/sys/kernel/sem", "/proc/sys/kernel/shm",
		"/proc/sys/kernel/msg", "/proc/sys/kernel/auto_msgmni", "/proc/sys/fs/mqueue",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/user", "/proc/sys/kernel/pid_max"};
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strncmp(path, own[i], strlen(own[i])) == 0)
			return 0;
	if (kind != FTW_F || !(about->st_mode & 0222) || walk->level > 12)
		return 0;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	close(fd);
	writable = text("%s", path);
	return 1;
}

static enum verdict any_writable(const char *const *tops)
{
	for (; *tops; tops++)
		if (nftw(*tops, note_writable, 64, FTW_PHYS) == 1)
			return escaped("open for writing: %s", writable);
	errno = 0;
	return held("nothing there can be written");
}

enum verdict attempt_any_sysctl(void)
{
	static const char *const tops[] = {"/proc/sys", NULL};
	return any_writable(tops);
}

enum verdict attempt_any_sysfs(void)
{
	static const char *const tops[] = {
		"/sys/kernel/mm", "/sys/power", "/sys/module", "/sys/kernel", NULL};
	return any_writable(tops);
}

enum verdict attempt_interrupts(void)
{
	return open_to_write("/proc/irq/default_smp_affinity");
}

/* Calls back with each hierarchy of version 1 and the top of version 2. */
static enum verdict each_cgroup(bool (*try)(const char *hierarchy), const char *what)
{
	const char *top = "/sys/fs/cgroup";
	int last_error = ENOENT;
	if (try(top))
		return escaped("%s in %s", what, top);
	DIR *directory = opendir(top);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		const char *hierarchy = text("%s/%s", top, entry->d_name);
		if (try(hierarchy))
			return escaped("%s in %s", what, hierarchy);
		last_error = errno;
	}
	errno = last_error;
	return held("%s", top);
}

static bool make_cgroup(const char *hierarchy)
{
	if (access(text("%s/cgroup.procs", hierarchy), F_OK) < 0)
		return false;
	const char *path = text("%s/rung-escape-%s", hierarchy, world("pid"));
	return mkdir(path, 0755) == 0 && rmdir(path) == 0;
}

enum verdict attempt_make_cgroup(void)
{
	return each_cgroup(make_cgroup, "a cgroup was made");
}

static bool open_release_agent(const char *hierarchy)
{
	return open(text("%s/release_agent", hierarchy), O_WRONLY | O_CLOEXEC) >= 0;
}

enum verdict attempt_release_agent(void)
{
	return each_cgroup(open_release_agent, "release_agent is open for writing");
}

enum verdict attempt_kernel_core(void)
{
	char bytes[4] = "";
	if (access("/proc/kcore", F_OK) < 0 && access("/proc/sys", F_OK) == 0)
		return impossible("/proc/kcore");
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return held("/proc/kcore");
	return memcmp(bytes, "\177ELF", 4) == 0 ? escaped("the kernel's memory is open")
						: held("/proc/kcore is something else");
}

enum verdict attempt_binary_format(void)
{
	if (access("/proc/sys/fs", F_OK) == 0 &&
		access("/proc/sys/fs/binfmt_misc/register", F_OK) < 0)
		return impossible("/proc/sys/fs/binfmt_misc");
	return open_to_write("/proc/sys/fs/binfmt_misc/register");
}
