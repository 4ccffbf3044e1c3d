// SPDX-License-Identifier: Apache-2.0

/*
 * Files by descriptor, against trees that are made to mislead: links out of the tree,
 * magic links, links swapped while they are resolved, mount points, depth.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A directory of our own for each test: root/ is the tree, outside/ is what must stay. */
struct place {
	char path[64];
	int fd, root_fd;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	/* In memory where possible: thousands of files are made and removed. */
	bool memory = access("/dev/shm", W_OK) == 0;
	snprintf(place->path, sizeof(place->path), "%s/rung-test-fs-XXXXXX",
		memory ? "/dev/shm" : "/tmp");
	if (!mkdtemp(place->path))
		return -1;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(place->fd, "root", 0755);
	mkdirat(place->fd, "outside", 0755);
	close(openat(place->fd, "outside/secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	place->root_fd = openat(place->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->root_fd < 0 ? -1 : 0;
}

/* By rm(1), because fs_remove_tree() is what is tested. */
static int remove_place(void **state)
{
	struct place *place = *state;
	close(place->fd);
	close(place->root_fd);
	char command[200];
	snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -rf %s", place->path,
		place->path);
	int r = system(command);
	free(place);
	return r;
}

static void write_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_content(int dir_fd, const char *name, const char *wanted)
{
	autofree char *text = NULL;
	size_t length = 0;
	assert_int_equal(fs_read(dir_fd, name, 1 << 20, &text, &length), 0);
	assert_int_equal(length, strlen(wanted));
	assert_string_equal(text, wanted);
}

static bool exists(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How a descriptor's file is called now, seen from the place. */
static void assert_path(const struct place *place, int fd, const char *wanted)
{
	char path[PATH_MAX] = {}, full[PATH_MAX];
	assert_true(readlink(fd_path(fd).text, path, sizeof(path) - 1) > 0);
	snprintf(full, sizeof(full), "%s/%s", place->path, wanted);
	assert_string_equal(path, full);
}

static void test_open_in(void **state)
{
	struct place *place = *state;
	int root = place->root_fd;
	assert_int_equal(mkdirat(root, "a", 0755), 0);
	write_file(root, "a/file", "inside");
	write_file(root, "file", "top");
	static const struct {
		const char *target, *wanted;
	} links[] = {
		{"/a/file", "root/a/file"},            /* absolute: from the tree's root */
		{"../../../../a/file", "root/a/file"}, /* ".." stops there */
		{"a/../file", "root/file"},
		{"link1/../../../file", "root/file"},
	};
	for (size_t i = 0; i < array_length(links); i++) {
		(void)unlinkat(root, "link", 0);
		assert_int_equal(symlinkat(links[i].target, root, "link"), 0);
		(void)unlinkat(root, "link1", 0);
		assert_int_equal(symlinkat("/a", root, "link1"), 0);
		autoclose int fd = fs_open_in(root, "link", O_RDONLY, 0);
		assert_true(fd >= 0);
		assert_path(place, fd, links[i].wanted);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		autoclose int beneath = fs_open_beneath(root, "link", O_RDONLY, 0);
		assert_int_equal(beneath, -ELOOP);
	}
	autoclose int dots = fs_open_in(root, "../../..", O_PATH, 0);
	assert_path(place, dots, "root");
	autoclose int absolute = fs_open_in(root, "/a/../a/file", O_RDONLY, 0);
	assert_path(place, absolute, "root/a/file");
	assert_int_equal(fs_open_beneath(root, "../outside/secret", O_RDONLY, 0), -EXDEV);
	assert_int_equal(fs_open_beneath(root, "/etc/passwd", O_RDONLY, 0), -EXDEV);
	assert_int_equal(fs_open_in(root, "missing", O_RDONLY, 0), -ENOENT);
	assert_string_equal(error_text(), "open missing: No such file or directory");
	assert_int_equal(fs_open_in(root, "", O_RDONLY, 0), -ENOENT);

	char longest[PATH_MAX + 10];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(fs_open_in(root, longest, O_RDONLY, 0), -ENAMETOOLONG);
	longest[256] = '\0';
	assert_int_equal(fs_open_in(root, longest, O_CREAT | O_RDWR, 0600), -ENAMETOOLONG);
	longest[255] = '\0';
	autoclose int created = fs_open_in(root, longest, O_CREAT | O_RDWR, 0600);
	assert_true(created >= 0);
}

/* /proc/PID/fd and /proc/PID/root lead anywhere; CVE-2024-21626 and its family. */
static void test_magic_links(void **state)
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(proc >= 0);
	assert_int_equal(fs_open_in(proc, "self/root/etc", O_PATH, 0), -ELOOP);
	assert_int_equal(fs_open_in(proc, "self/cwd", O_PATH, 0), -ELOOP);
	assert_int_equal(fs_open_in(proc, "self/fd/0", O_PATH, 0), -ELOOP);
	assert_int_equal(fs_make_dirs_in(proc, "self/cwd/x", 0755), -ELOOP);
	autoclose int ordinary = fs_open_in(proc, "self/status", O_RDONLY, 0);
	assert_true(ordinary >= 0); /* "self" is an ordinary link */
}

static void test_make_dirs_in(void **state)
{
	struct place *place = *state;
	int root = place->root_fd;
	static const struct {
		const char *path, *wanted;
	} cases[] = {
		{"a", "root/a"},
		{"/b/c/d", "root/b/c/d"},
		{"b//c///d/", "root/b/c/d"},
		{"./e/./f", "root/e/f"},
		{"../../g/../h", "root/h"},
		{"/", "root"},
		{".", "root"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autoclose int fd = fs_make_dirs_in(root, cases[i].path, 0755);
		assert_true(fd >= 0);
		assert_path(place, fd, cases[i].wanted);
	}
	assert_int_equal(fs_make_dirs_in(root, "", 0755), -ENOENT);
	write_file(root, "file", "x");
	assert_int_equal(fs_make_dirs_in(root, "file", 0755), -ENOTDIR);
	assert_int_equal(fs_make_dirs_in(root, "file/below", 0755), -ENOTDIR);
	assert_content(root, "file", "x");

	/* What exists keeps its mode; what is made gets ours. */
	assert_int_equal(fchmodat(root, "a", 0700, 0), 0);
	close(fs_make_dirs_in(root, "a/new", 0711));
	struct stat status;
	assert_int_equal(fstatat(root, "a", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(fstatat(root, "a/new", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0711);
}

static void test_make_through_links(void **state)
{
	struct place *place = *state;
	int root = place->root_fd;
	char outside[PATH_MAX];
	snprintf(outside, sizeof(outside), "%s/outside", place->path);
	assert_int_equal(symlinkat(outside, root, "out"), 0);
	assert_int_equal(symlinkat("../../../../../run", root, "var-run"), 0);
	assert_int_equal(symlinkat("/run/resolve/stub", root, "resolv.conf"), 0);
	assert_int_equal(symlinkat("loop-b", root, "loop-a"), 0);
	assert_int_equal(symlinkat("loop-a", root, "loop-b"), 0);
	assert_int_equal(symlinkat("grow/x", root, "grow"), 0);

	/* A link to our own outside means the same path inside. */
	autoclose int fd = fs_make_dirs_in(root, "out/made", 0755);
	assert_true(fd >= 0);
	assert_false(exists(place->fd, "outside/made"));

	/* A link that leads nowhere yet: what it means is made, inside. */
	autoclose int run = fs_make_dirs_in(root, "var-run/secrets/token", 0755);
	assert_true(run >= 0);
	assert_path(place, run, "root/run/secrets/token");
	autoclose int file = fs_make_file_in(root, "resolv.conf", 0644);
	assert_true(file >= 0);
	assert_path(place, file, "root/run/resolve/stub");

	assert_int_equal(fs_make_dirs_in(root, "loop-a/x", 0755), -ELOOP);
	assert_int_equal(fs_make_dirs_in(root, "grow/y", 0755), -ELOOP);
	assert_int_equal(fs_make_file_in(root, "loop-b", 0644), -ELOOP);
}

static void test_make_file_in(void **state)
{
	struct place *place = *state;
	int root = place->root_fd;
	autoclose int fd = fs_make_file_in(root, "/etc/deep/hosts", 0640);
	assert_true(fd >= 0);
	assert_path(place, fd, "root/etc/deep/hosts");
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0640);

	write_file(root, "kept", "content");
	autoclose int kept = fs_make_file_in(root, "kept", 0600);
	assert_true(kept >= 0);
	assert_content(root, "kept", "content");
	assert_int_equal(fs_make_file_in(root, "kept/x", 0600), -ENOTDIR);
	assert_int_equal(fs_make_file_in(root, "new/", 0600), -EISDIR);
	assert_int_equal(fs_make_file_in(root, "", 0600), -ENOENT);

	/* A FIFO would hold whoever opens it for reading. */
	assert_int_equal(mknodat(root, "fifo", S_IFIFO | 0600, 0), 0);
	autoclose int fifo = fs_make_file_in(root, "fifo", 0600);
	assert_true(fifo >= 0);
}

/* ---- with somebody who swaps names while we resolve them -------------------- */

struct race {
	int root_fd;
	atomic_bool stop;
};

/* "swap" is a directory, then a link to the outside, then a directory … */
static void *swap_names(void *context)
{
	struct race *race = context;
	while (!atomic_load(&race->stop))
		(void)renameat2(race->root_fd, "swap", race->root_fd, "evil", RENAME_EXCHANGE);
	return NULL;
}

static void test_race(void **state)
{
	struct place *place = *state;
	struct race race = {.root_fd = place->root_fd};
	char outside[PATH_MAX];
	snprintf(outside, sizeof(outside), "%s/outside", place->path);
	assert_int_equal(mkdirat(place->root_fd, "swap", 0755), 0);
	assert_int_equal(symlinkat(outside, place->root_fd, "evil"), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, swap_names, &race), 0);

	unsigned made = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char path[64];
		snprintf(path, sizeof(path), "swap/d%u/e", i);
		autoclose int directory = fs_make_dirs_in(place->root_fd, path, 0755);
		made += directory >= 0;
		snprintf(path, sizeof(path), "swap/f%u", i);
		int file = fs_make_file_in(place->root_fd, path, 0644);
		if (file >= 0)
			close(file);
		autoclose int beneath = fs_open_beneath(place->root_fd, "swap/secret", O_RDONLY, 0);
		assert_true(beneath < 0);
		autoclose int in = fs_open_in(place->root_fd, "swap/secret", O_RDONLY, 0);
		assert_true(in < 0);
	}
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	assert_int_not_equal(made, 0);

	/* The outside holds what it held. */
	assert_int_equal(unlinkat(place->fd, "outside/secret", 0), 0);
	assert_int_equal(unlinkat(place->fd, "outside", AT_REMOVEDIR), 0);
}

static void *make_and_swap(void *context)
{
	struct race *race = context;
	for (unsigned i = 0; !atomic_load(&race->stop); i++) {
		char name[32];
		snprintf(name, sizeof(name), "tree/n%u", i % 64);
		(void)mkdirat(race->root_fd, "tree", 0755);
		(void)mkdirat(race->root_fd, name, 0755);
		(void)renameat2(race->root_fd, name, race->root_fd, "link", RENAME_EXCHANGE);
		(void)renameat2(race->root_fd, name, race->root_fd, "link", RENAME_EXCHANGE);
	}
	return NULL;
}

static void test_remove_race(void **state)
{
	struct place *place = *state;
	struct race race = {.root_fd = place->root_fd};
	char outside[PATH_MAX];
	snprintf(outside, sizeof(outside), "%s/outside", place->path);
	assert_int_equal(symlinkat(outside, place->root_fd, "link"), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, make_and_swap, &race), 0);
	for (unsigned i = 0; i < 100; i++)
		(void)!fs_remove_tree(place->root_fd, "tree"); /* may well lose against the maker */
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(fs_remove_tree(place->root_fd, "tree"), 0);
	assert_false(exists(place->root_fd, "tree"));
	assert_true(exists(place->fd, "outside/secret"));
}

/* ---- removal --------------------------------------------------------------- */

static void test_remove_tree(void **state)
{
	struct place *place = *state;
	int root = place->root_fd;
	assert_int_equal(fs_remove_tree(root, "missing"), 0);
	write_file(root, "file", "x");
	assert_int_equal(fs_remove_tree(root, "file"), 0);
	assert_false(exists(root, "file"));

	close(fs_make_dirs_in(root, "t/a/b", 0755));
	write_file(root, "t/a/b/f", "x");
	assert_int_equal(symlinkat("../../outside", root, "t/a/link"), 0);
	assert_int_equal(symlinkat(place->path, root, "t/absolute"), 0);
	assert_int_equal(mknodat(root, "t/fifo", S_IFIFO | 0600, 0), 0);
	assert_int_equal(fs_remove_tree(root, "t"), 0);
	assert_false(exists(root, "t"));
	assert_true(exists(place->fd, "outside/secret"));

	assert_int_equal(symlinkat("../outside", root, "link"), 0);
	assert_int_equal(fs_remove_tree(root, "link"), 0); /* the link, not what it leads to */
	assert_true(exists(place->fd, "outside/secret"));

	close(fs_make_dirs_in(root, "p/q", 0755));
	assert_int_equal(fs_remove_tree(place->fd, "root/p/q"), 0);
	assert_true(exists(root, "p"));
	assert_int_equal(fs_remove_tree(root, "p/."), -EINVAL);
	assert_int_equal(fs_remove_tree(root, "p/.."), -EINVAL);
	assert_int_equal(fs_remove_tree(root, ".."), -EINVAL);
	assert_int_equal(fs_remove_tree(root, "p/"), -EINVAL);
	assert_true(exists(root, "p"));
}

/* Deeper than descriptors, and than any path: only one name at a time reaches it. */
static void test_remove_deep(void **state)
{
	struct place *place = *state;
	int fd = openat(place->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "deep", 0755), 0);
		int below = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		if (i % 500 == 0)
			write_file(below, ".rung-tmp-deep-0", "a name that we use");
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(fs_remove_tree(place->root_fd, "deep"), 0);
	assert_false(exists(place->root_fd, "deep"));
}

static void test_remove_wide(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkdirat(place->root_fd, "wide", 0755), 0);
	for (unsigned i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "wide/%u", i);
		assert_int_equal(mkdirat(place->root_fd, name, 0755), 0);
	}
	assert_int_equal(fs_remove_tree(place->root_fd, "wide"), 0);
	assert_false(exists(place->root_fd, "wide"));
}

/* In a child, because it gives up root. */
static int in_child(int (*body)(struct place *), struct place *place)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(body(place));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int remove_without_root(struct place *place)
{
	if (fchownat(place->fd, "root", 65534, 65534, 0) < 0 || setgid(65534) < 0 ||
		setuid(65534) < 0)
		return 1;
	int root = place->root_fd;
	close(fs_make_dirs_in(root, "cache/mod/unreadable", 0755));
	close(fs_make_dirs_in(root, "cache/mod/unreadable/x", 0755));
	if (fchmodat(root, "cache/mod/unreadable/x", 0555, 0) < 0 ||
		fchmodat(root, "cache/mod/unreadable", 0, 0) < 0 ||
		fchmodat(root, "cache/mod", 0555, 0) < 0)
		return 2;
	if (fs_remove_tree(root, "cache") < 0)
		return 3;
	/* What is around the tree is left as it is. */
	close(fs_make_dirs_in(root, "around/tree", 0755));
	if (fchmodat(root, "around", 0555, 0) < 0)
		return 4;
	struct stat status;
	if (fs_remove_tree(root, "around/tree") != -EACCES ||
		fstatat(root, "around", &status, 0) < 0 || (status.st_mode & 07777) != 0555)
		return 5;
	return 0;
}

static void test_remove_without_permissions(void **state)
{
	if (geteuid() != 0)
		skip();
	struct place *place = *state;
	assert_int_equal(chmod(place->path, 0755), 0);
	assert_int_equal(in_child(remove_without_root, place), 0);
}

/* mount(2): its header and the kernel's exclude each other. */
static long bind_mount(const char *source, const char *target, unsigned long flags)
{
	return syscall(SYS_mount, source, target, NULL, flags, NULL);
}

static int remove_mount_points(struct place *place)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 77;
	if (bind_mount(NULL, "/", MS_REC | MS_PRIVATE) < 0 || chdir(place->path) < 0)
		return 1;
	/* The place's own descriptors are of the mount namespace that we have left. */
	int root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fchdir(root) < 0)
		return 1;
	close(fs_make_dirs_in(root, "m/n", 0755));
	close(fs_make_dirs_in(root, "top", 0755));
	char outside[PATH_MAX];
	snprintf(outside, sizeof(outside), "%s/outside", place->path);
	/* Of the same file system, so that only the mount tells. */
	if (bind_mount(outside, "m/n", MS_BIND) < 0 || bind_mount(outside, "top", MS_BIND) < 0)
		return 2;
	if (fs_remove_tree(root, "m") != -EBUSY || fs_remove_tree(root, "top") != -EBUSY)
		return 3;
	return exists(place->fd, "outside/secret") ? 0 : 4;
}

static void test_remove_mount_points(void **state)
{
	int r = in_child(remove_mount_points, *state);
	if (r == 77)
		skip(); /* no mount namespaces for us */
	assert_int_equal(r, 0);
	struct place *place = *state;
	assert_true(exists(place->fd, "outside/secret"));
	/* Mounted in the child only, so here it goes. */
	assert_int_equal(fs_remove_tree(place->root_fd, "top"), 0);
}

/* ---- reading, writing, replacing -------------------------------------------- */

static void test_read(void **state)
{
	struct place *place = *state;
	write_file(place->fd, "empty", "");
	assert_content(place->fd, "empty", "");
	write_file(place->fd, "five", "12345");
	char *text = (char *)1;
	assert_int_equal(fs_read(place->fd, "five", 4, &text, NULL), -EFBIG);
	assert_int_equal(fs_read(place->fd, "missing", 4, &text, NULL), -ENOENT);
	assert_int_equal(fs_read(place->fd, "root", 4, &text, NULL), -EISDIR);
	assert_ptr_equal(text, (char *)1); /* untouched */
	assert_int_equal(fs_read(place->fd, "five", 5, &text, NULL), 0);
	assert_string_equal(text, "12345");
	free(text);

	/* Around the sizes at which the buffer grows. */
	static char big[70000];
	memset(big, 'y', sizeof(big) - 1);
	static const size_t lengths[] = {4095, 4096, 4097, 16383, 16384, 16385, 65536, 69999};
	for (size_t i = 0; i < array_length(lengths); i++) {
		big[lengths[i]] = '\0';
		write_file(place->fd, "big", big);
		assert_content(place->fd, "big", big);
		big[lengths[i]] = 'y';
	}
	/* /proc files tell no size. */
	assert_int_equal(fs_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL), 0);
	assert_non_null(strstr(text, "Pid:"));
	free(text);
}

static void test_write(void **state)
{
	struct place *place = *state;
	assert_int_equal(fs_write_existing(place->fd, "missing", "x"), -ENOENT);
	assert_false(exists(place->fd, "missing"));
	write_file(place->fd, "there", "abcdef");
	assert_int_equal(fs_write_existing(place->fd, "there", "xy"), 0);
	assert_content(place->fd, "there", "xycdef"); /* not truncated */
	autoclose int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(fs_write_all(full, "x", 1), -ENOSPC);
	assert_int_equal(fs_write_all(full, "", 0), 0);
	assert_int_equal(fs_write_all(-1, "x", 1), -EBADF);
}

static unsigned count_entries(int dir_fd)
{
	char command[64];
	snprintf(command, sizeof(command), "ls -A /proc/%d/fd/%d | wc -l", (int)getpid(), dir_fd);
	FILE *pipe = popen(command, "re");
	unsigned count = 0;
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	return count;
}

static void test_replace(void **state)
{
	struct place *place = *state;
	unsigned before = count_entries(place->fd);
	assert_int_equal(fs_replace(place->fd, "state", "one", 3, 0600), 0);
	assert_content(place->fd, "state", "one");
	autoclose int old = openat(place->fd, "state", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_replace(place->fd, "state", "", 0, 0600), 0);
	assert_content(place->fd, "state", "");
	char kept[4] = {};
	assert_int_equal(read(old, kept, 3), 3); /* who had the old one still has it */
	assert_string_equal(kept, "one");

	/* A link is replaced, not written through. */
	assert_int_equal(symlinkat("outside/secret", place->fd, "link"), 0);
	assert_int_equal(fs_replace(place->fd, "link", "new", 3, 0600), 0);
	assert_content(place->fd, "outside/secret", "");
	assert_content(place->fd, "link", "new");

	char name[257];
	memset(name, 'n', sizeof(name));
	name[255] = '\0'; /* as long as a name may be */
	assert_int_equal(fs_replace(place->fd, name, "x", 1, 0600), 0);
	name[255] = 'n', name[256] = '\0';
	assert_int_equal(fs_replace(place->fd, name, "x", 1, 0600), -ENAMETOOLONG);
	assert_int_equal(fs_replace(place->fd, "root", "x", 1, 0600), -EISDIR);
	assert_int_equal(fs_replace(-1, "x", "x", 1, 0600), -EBADF);
	assert_int_equal(count_entries(place->fd), before + 3); /* nothing temporary stays */
}

static void test_make_dirs(void **state)
{
	struct place *place = *state;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/x/y//z", place->path);
	assert_int_equal(fs_make_dirs(path, 0755), 0);
	assert_true(exists(place->fd, "x/y/z"));
	assert_int_equal(fs_make_dirs(path, 0755), 0);
	assert_int_equal(fs_make_dirs("/", 0755), 0);
	assert_int_equal(fs_make_dirs("", 0755), -ENOENT);
	snprintf(path, sizeof(path), "%s/outside/secret", place->path);
	assert_int_equal(fs_make_dirs(path, 0755), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/outside/secret/below", place->path);
	assert_int_equal(fs_make_dirs(path, 0755), -ENOTDIR);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_in),
		TEST(test_magic_links),
		TEST(test_make_dirs_in),
		TEST(test_make_through_links),
		TEST(test_make_file_in),
		TEST(test_race),
		TEST(test_remove_race),
		TEST(test_remove_tree),
		TEST(test_remove_deep),
		TEST(test_remove_wide),
		TEST(test_remove_without_permissions),
		TEST(test_remove_mount_points),
		TEST(test_read),
		TEST(test_write),
		TEST(test_replace),
		TEST(test_make_dirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
