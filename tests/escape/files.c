// SPDX-License-Identifier: Apache-2.0

/*
 * Reading what was not granted: by its path, by the side doors of /proc, by descriptors and
 * directories that came along, by handles. The secret lies at TOP/secret, TOP/home and its .ssh.
 */

#include "escape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum verdict attempt_home_secret(void)
{
	return read_secret(AT_FDCWD, in_world("home/letter"));
}

enum verdict attempt_home_names(void)
{
	DIR *directory = opendir(in_world("home"));
	if (!directory)
		return held("%s", in_world("home"));
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, "letter") == 0)
			return escaped("the names of the home are there");
	errno = 0;
	return held("the home is another");
}

enum verdict attempt_ssh_keys(void)
{
	return read_secret(AT_FDCWD, in_world("home/.ssh/id_secret"));
}

enum verdict attempt_dot_dot(void)
{
	char path[4096] = "";
	for (int i = 0; i < 64; i++)
		strcat(path, "../");
	return read_secret(AT_FDCWD, strcat(path, in_world("secret")));
}

/* The starter stood in TOP. A working directory outside of the root is "(unreachable)". */
enum verdict attempt_working_directory(void)
{
	const char *paths[] = {"secret", "./secret", "../secret", "/proc/self/cwd/secret"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return read_secret_from(fd, paths[i]);
	}
	return held("the working directory");
}

/* Processes that may be looked through: the bystander, the parent, whatever is there. */
static enum verdict through_proc(const char *name, const char *below)
{
	DIR *directory = opendir("/proc");
	if (!directory)
		return held("/proc");
	int last_error = ENOENT;
	for (struct dirent *entry; (entry = readdir(directory));) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		/* A process that came later is none of ours; the own ones prove nothing. */
		if (pid <= 0 || pid == getpid())
			continue;
		if (pid != world_number("pid") && pid != getppid() && pid != 1)
			continue;
		int fd = open(text("/proc/%d/%s%s", pid, name, below), O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return read_secret_from(fd, text("/proc/PID/%s%s", name, below));
		last_error = errno;
	}
	errno = last_error;
	return held("/proc/PID/%s", name);
}

enum verdict attempt_proc_root(void)
{
	return through_proc("root", in_world("secret"));
}

enum verdict attempt_proc_cwd(void)
{
	return through_proc("cwd", "/secret");
}

enum verdict attempt_proc_fd(void)
{
	return through_proc("fd/", world("secret_fd"));
}

enum verdict attempt_left_directory(void)
{
	for (int fd = 3; fd < 256; fd++) {
		int found = openat(fd, "secret", O_RDONLY | O_CLOEXEC);
		if (found >= 0)
			return read_secret_from(found, text("descriptor %d", fd));
	}
	return held("descriptors 3 to 255");
}

enum verdict attempt_left_secret(void)
{
	char bytes[256];
	for (int fd = 3; fd < 256; fd++) {
		ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
		if (size > 0)
			return find_secret(bytes, (size_t)size, text("descriptor %d", fd));
	}
	return held("descriptors 3 to 255");
}

/* Runs the tool ("escape tool" prints the secret) and reads what it prints. */
static enum verdict run_tool(int directory, const char *path, int flags, const char *what)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, 0) < 0)
		return held("pipe");
	pid_t child = fork();
	if (child == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		char *words[] = {"escape", "tool", NULL}, *environment[] = {NULL};
		syscall(SYS_execveat, directory, path, words, environment, flags);
		_exit(errno);
	}
	close(pipe_fds[1]);
	char bytes[256];
	ssize_t size = read(pipe_fds[0], bytes, sizeof(bytes));
	int status = 0;
	waitpid(child, &status, 0);
	if (size > 0)
		return find_secret(bytes, (size_t)size, what);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return held("%s", what);
}

enum verdict attempt_left_program(void)
{
	return run_tool(LEFT_PROGRAM, "", AT_EMPTY_PATH, "execveat of a descriptor");
}

enum verdict attempt_hidden_program(void)
{
	return run_tool(AT_FDCWD, in_world("tool"), 0, "a hidden program");
}

/* The wall must hold for a program that no file system ever saw. */
enum verdict attempt_memfd_program(void)
{
	int copy = memfd_create("program", 0), own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (copy < 0 || own < 0)
		return held("memfd_create");
	char bytes[65536];
	for (ssize_t size; (size = read(own, bytes, sizeof(bytes))) > 0;)
		if (write(copy, bytes, (size_t)size) != size)
			return held("copying the program");
	char *words[] = {
		"escape", "try", "home_secret", (char *)text("top=%s", world("top")), NULL};
	char *environment[] = {NULL};
	syscall(SYS_execveat, copy, "", words, environment, AT_EMPTY_PATH);
	return held("execveat");
}

enum verdict attempt_file_handle(void)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = {.handle = {.handle_type = (int)world_number("handle_type")}};
	for (const char *digits = world("handle");
		*digits && file.handle.handle_bytes < MAX_HANDLE_SZ; digits += 2)
		sscanf(digits, "%2hhx", &file.handle.f_handle[file.handle.handle_bytes++]);
	const char *places[] = {"/", "/usr", "/etc", "/tmp"};
	int last_error = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int mount = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int fd = open_by_handle_at(mount, &file.handle, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return read_secret_from(fd, "a file handle");
		last_error = errno;
		close(mount);
	}
	errno = last_error;
	return held("open_by_handle_at");
}

enum verdict attempt_handle_of_hidden(void)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, in_world("secret"), &file.handle, &mount_id, 0) < 0)
		return held("name_to_handle_at");
	return escaped("the handle of a hidden file is known");
}

enum verdict attempt_symlink_out(void)
{
	const char *link = in_world("given/link");
	if (symlink(in_world("secret"), link) < 0)
		return held("symlink");
	return read_secret(AT_FDCWD, link);
}

/* What is looked up by name twice could be another thing the second time. */
enum verdict attempt_exchange_race(void)
{
	if (mkdir(in_world("given/plain"), 0755) < 0 ||
		symlink(world("top"), in_world("given/turned")) < 0)
		return held("preparing the exchange");
	pid_t racer = fork();
	if (racer == 0)
		for (;;)
			renameat2(AT_FDCWD, in_world("given/plain"), AT_FDCWD,
				in_world("given/turned"), RENAME_EXCHANGE);
	int fd = -1;
	for (int i = 0; i < 2000 && fd < 0; i++)
		fd = open(in_world("given/plain/secret"), O_RDONLY | O_CLOEXEC);
	int error = errno;
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	errno = error;
	return read_secret_from(fd, "a directory that is now this, now that");
}

enum verdict attempt_watch_hidden(void)
{
	int fd = inotify_init1(IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, in_world("home/letter"), IN_ALL_EVENTS) < 0)
		return held("inotify_add_watch");
	return escaped("what happens in the home is seen");
}

enum verdict attempt_watch_file_system(void)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_REPORT_FID, O_RDONLY);
	if (fd < 0)
		return errno == ENOSYS ? impossible("fanotify_init") : held("fanotify_init");
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "/usr") < 0)
		return held("fanotify_mark");
	return escaped("what happens on the whole file system is seen");
}

enum verdict attempt_parent_program(void)
{
	int fd = open(text("/proc/%d/exe", getppid()), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return held("/proc/PPID/exe");
	return escaped("the parent's program is open");
}

/* The classic: the working directory stays outside while the root moves further in. */
enum verdict attempt_chroot_break(void)
{
	int before = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chroot("/proc") < 0)
		return held("chroot");
	if (fchdir(before) < 0)
		return held("fchdir");
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return held("..");
	if (chroot(".") < 0)
		return held("chroot");
	return read_secret(AT_FDCWD, in_world("secret"));
}
