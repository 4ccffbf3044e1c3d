// SPDX-License-Identifier: Apache-2.0

/*
 * The columns of `rung top`: those of ps(1) by their POSIX and AIX names, and those that Podman
 * adds. Numbers and names are the container's own where it has namespaces of its own; columns that
 * begin with "h" are the host's.
 */

#include "base/fs.h"
#include "base/scope.h"
#include "plan/words.h"
#include "verbs/container/top.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

typedef void column_function(
	const struct top_view *view, const struct process_view *process, struct text *out);

struct top_column {
	char name[12], code[4], title[20];
	column_function *write;
};

/* ---- users and groups --------------------------------------------------------------------- */

void top_view_open(struct top_view *view, pid_t first)
{
	char path[64];
	autofree char *uptime = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)first);
	view->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	view->host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)first);
	if (fs_read(AT_FDCWD, path, FILE_MAX, &view->uid_map, NULL) < 0)
		view->uid_map = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)first);
	if (fs_read(AT_FDCWD, path, FILE_MAX, &view->gid_map, NULL) < 0)
		view->gid_map = NULL;
	if (fs_read(AT_FDCWD, "/proc/uptime", FILE_MAX, &uptime, NULL) == 0)
		view->uptime_s = strtod(uptime, NULL);
	view->ticks_per_s = sysconf(_SC_CLK_TCK);
}

void top_view_fini(struct top_view *view)
{
	scope_close(&view->host_fd);
	scope_close(&view->root_fd);
	free(view->uid_map);
	free(view->gid_map);
}

/* From our numbers to the container's (user_namespaces(7)); those that it has not stay. */
static unsigned inside(const char *map, unsigned id)
{
	for (const char *line = map; line && *line;) {
		unsigned inner, outer, count;
		if (sscanf(line, "%u %u %u", &inner, &outer, &count) == 3 && id >= outer &&
			id - outer < count)
			return inner + (id - outer);
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return id;
}

/* "name:x:0:…" in /etc/passwd or /etc/group of a tree. */
static void write_name(int root_fd, const char *file, unsigned id, struct text *out)
{
	autofree char *content = NULL;
	autoclose int fd = root_fd < 0 ? -1 : fs_open_in(root_fd, file, O_RDONLY, 0);
	if (fd >= 0 && fs_read_fd(fd, FILE_MAX, &content, NULL) == 0) {
		char *rest = content, *line;
		while ((line = strsep(&rest, "\n"))) {
			const char *name = strsep(&line, ":");
			if (!line || !strsep(&line, ":") || !line)
				continue;
			char *end;
			if (strtoul(line, &end, 10) == id && end != line && *end == ':') {
				text_add(out, name);
				return;
			}
		}
	}
	text_format(out, "%u", id);
}

static void write_user(const struct top_view *view, unsigned id, struct text *out)
{
	write_name(view->root_fd, "/etc/passwd", inside(view->uid_map, id), out);
}

static void write_group(const struct top_view *view, unsigned id, struct text *out)
{
	write_name(view->root_fd, "/etc/group", inside(view->gid_map, id), out);
}

/* ---- times ------------------------------------------------------------------------------------
 */

static double elapsed_s(const struct top_view *view, const struct process_view *process)
{
	double elapsed = view->uptime_s - (double)process->start_ticks / (double)view->ticks_per_s;
	return elapsed > 0 ? elapsed : 0;
}

static double processor_s(const struct top_view *view, const struct process_view *process)
{
	return (double)(process->user_ticks + process->system_ticks) / (double)view->ticks_per_s;
}

static double percent(const struct top_view *view, const struct process_view *process)
{
	double elapsed = elapsed_s(view, process);
	return elapsed > 0 ? 100 * processor_s(view, process) / elapsed : 0;
}

/* As Go prints durations: "1h2m3.5s". */
static void write_duration(double seconds, struct text *out)
{
	unsigned long whole = (unsigned long)seconds;
	if (whole >= 3600)
		text_format(out, "%luh", whole / 3600);
	if (whole >= 60)
		text_format(out, "%lum", whole / 60 % 60);
	char rest[32];
	(void)snprintf(rest, sizeof(rest), "%.6f", seconds - (double)(whole - whole % 60));
	size_t length = strlen(rest);
	while (length && rest[length - 1] == '0')
		length--;
	length -= length && rest[length - 1] == '.';
	text_format(out, "%.*ss", (int)length, rest);
}

static time_t started(const struct top_view *view, const struct process_view *process)
{
	return time(NULL) - (time_t)elapsed_s(view, process);
}

/* ---- columns ------------------------------------------------------------------------------------
 */

#define COLUMN(name) \
	static void column_##name( \
		const struct top_view *view, const struct process_view *process, struct text *out)

COLUMN(args)
{
	text_add(out, process->arguments);
}

COLUMN(comm)
{
	text_add(out, process->name);
}

COLUMN(pid)
{
	text_format(out, "%d", (int)process->inner_pid);
}

COLUMN(ppid)
{
	text_format(out, "%d", (int)process->inner_ppid);
}

COLUMN(pgid)
{
	text_format(out, "%d", (int)process->inner_pgid);
}

COLUMN(hpid)
{
	text_format(out, "%d", (int)process->pid);
}

COLUMN(hppid)
{
	text_format(out, "%d", (int)process->ppid);
}

COLUMN(user)
{
	write_user(view, process->euid, out);
}

COLUMN(ruser)
{
	write_user(view, process->uid, out);
}

COLUMN(group)
{
	write_group(view, process->egid, out);
}

COLUMN(rgroup)
{
	write_group(view, process->gid, out);
}

COLUMN(huser)
{
	write_name(view->host_fd, "/etc/passwd", process->euid, out);
}

COLUMN(hgroup)
{
	write_name(view->host_fd, "/etc/group", process->egid, out);
}

/* Supplementary ones, by number as /proc gives them, by name where they have one. */
static void write_groups(
	const struct process_view *process, struct text *out, int root_fd, const char *map)
{
	const char *separator = "";
	for (const char *at = process->groups; *at;) {
		char *end;
		unsigned id = (unsigned)strtoul(at, &end, 10);
		if (end == at)
			break;
		text_add(out, separator);
		write_name(root_fd, "/etc/group", map ? inside(map, id) : id, out);
		separator = ",";
		at = end + (*end == ' ');
	}
}

COLUMN(groups)
{
	write_groups(process, out, view->root_fd, view->gid_map);
}

COLUMN(hgroups)
{
	write_groups(process, out, view->host_fd, NULL);
}

COLUMN(nice)
{
	text_format(out, "%d", process->nice);
}

COLUMN(vsz)
{
	text_format(out, "%llu", (unsigned long long)(process->virtual_bytes / 1024));
}

COLUMN(rss)
{
	text_format(out, "%llu", (unsigned long long)(process->resident_bytes / 1024));
}

COLUMN(state)
{
	text_add_bytes(out, &process->state, 1);
}

COLUMN(tty)
{
	unsigned number = major(process->tty);
	if (process->tty == 0)
		text_add(out, "?");
	else if (number >= 136 && number <= 143) /* Documentation/admin-guide/devices.txt */
		text_format(out, "pts/%u", minor(process->tty) + (number - 136) * 256);
	else
		text_format(out, "tty%u", minor(process->tty));
}

COLUMN(pcpu)
{
	char number[32];
	(void)snprintf(number, sizeof(number), "%.3f", percent(view, process));
	text_add(out, number);
}

COLUMN(c)
{
	text_format(out, "%u", (unsigned)percent(view, process));
}

COLUMN(etime)
{
	write_duration(elapsed_s(view, process), out);
}

COLUMN(time)
{
	write_duration(processor_s(view, process), out);
}

COLUMN(cputime)
{
	unsigned long seconds = (unsigned long)processor_s(view, process);
	text_format(out, "%02lu:%02lu:%02lu", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

COLUMN(stime)
{
	char text[64] = "";
	time_t moment = started(view, process);
	struct tm local;
	if (localtime_r(&moment, &local))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &local);
	text_add(out, text);
}

/* Today the hour, later the day, as ps(1) does. */
COLUMN(start)
{
	char text[32] = "";
	time_t moment = started(view, process);
	struct tm local;
	if (localtime_r(&moment, &local))
		(void)strftime(
			text, sizeof(text), time(NULL) - moment < 86400 ? "%H:%M" : "%b%d", &local);
	text_add(out, text);
}

static void write_capabilities(uint64_t bits, struct text *out)
{
	autofree char *last = NULL;
	unsigned count = 0, all = 0;
	if (fs_read(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, &last, NULL) == 0)
		all = (unsigned)strtoul(last, NULL, 10) + 1;
	if (all && all < 64 && bits == (1ULL << all) - 1) {
		text_add(out, "full");
		return;
	}
	for (unsigned i = 0; i < 64; i++) {
		const char *name =
			bits & (1ULL << i) ? words_name(&capability_words, 1ULL << i) : NULL;
		if (name)
			text_format(out, "%s%s", count++ ? "," : "",
				text_starts(name, "CAP_") ? name + 4 : name);
	}
	if (!count)
		text_add(out, "none");
}

COLUMN(capinh)
{
	write_capabilities(process->capabilities[0], out);
}

COLUMN(capprm)
{
	write_capabilities(process->capabilities[1], out);
}

COLUMN(capeff)
{
	write_capabilities(process->capabilities[2], out);
}

COLUMN(capbnd)
{
	write_capabilities(process->capabilities[3], out);
}

COLUMN(capamb)
{
	write_capabilities(process->capabilities[4], out);
}

COLUMN(seccomp)
{
	static const char words[][12] = {"disabled", "strict", "filter"};
	text_add(out, process->seccomp < array_length(words) ? words[process->seccomp] : "?");
}

COLUMN(label)
{
	char path[64];
	autofree char *label = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/attr/current", (int)process->pid);
	if (fs_read(AT_FDCWD, path, 4096, &label, NULL) < 0) {
		text_add(out, "?");
		return;
	}
	label[strcspn(label, "\n")] = '\0';
	text_add(out, label);
}

static const struct top_column columns[] = {
	{"args", "%a", "COMMAND", column_args},
	{"cmd", "", "CMD", column_args},
	{"comm", "%c", "COMMAND", column_comm},
	{"pid", "%p", "PID", column_pid},
	{"ppid", "%P", "PPID", column_ppid},
	{"pgid", "%r", "PGID", column_pgid},
	{"hpid", "", "HPID", column_hpid},
	{"hppid", "", "PPID", column_hppid},
	{"ef-uid", "", "UID", column_huser}, /* as `ps -ef` heads them */
	{"ef-pid", "", "PID", column_hpid},
	{"user", "%U", "USER", column_user},
	{"ruser", "%u", "RUSER", column_ruser},
	{"group", "%G", "GROUP", column_group},
	{"rgroup", "%g", "RGROUP", column_rgroup},
	{"groups", "", "GROUPS", column_groups},
	{"huser", "", "HUSER", column_huser},
	{"hgroup", "", "HGROUP", column_hgroup},
	{"hgroups", "", "HGROUPS", column_hgroups},
	{"nice", "%n", "NI", column_nice},
	{"vsz", "%z", "VSZ", column_vsz},
	{"rss", "", "RSS", column_rss},
	{"state", "", "STATE", column_state},
	{"tty", "%y", "TTY", column_tty},
	{"pcpu", "%C", "%CPU", column_pcpu},
	{"c", "", "C", column_c},
	{"etime", "%t", "ELAPSED", column_etime},
	{"time", "%x", "TIME", column_time},
	{"cputime", "", "TIME", column_cputime},
	{"stime", "", "STIME", column_stime},
	{"start", "", "STIME", column_start},
	{"capinh", "", "INHERITED CAPS", column_capinh},
	{"capprm", "", "PERMITTED CAPS", column_capprm},
	{"capeff", "", "EFFECTIVE CAPS", column_capeff},
	{"capbnd", "", "BOUNDING CAPS", column_capbnd},
	{"capamb", "", "AMBIENT CAPS", column_capamb},
	{"seccomp", "", "SECCOMP", column_seccomp},
	{"label", "", "LABEL", column_label},
};

const struct top_column *top_column_find(const char *name)
{
	for (size_t i = 0; i < array_length(columns); i++)
		if (text_equal(columns[i].name, name) ||
			(columns[i].code[0] && text_equal(columns[i].code, name)))
			return &columns[i];
	return NULL;
}

const char *top_column_title(const struct top_column *column)
{
	return column->title;
}

void top_column_write(const struct top_column *column, const struct top_view *view,
	const struct process_view *process, struct text *out)
{
	column->write(view, process, out);
}
