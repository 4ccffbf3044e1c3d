// SPDX-License-Identifier: Apache-2.0

/*
 * resctrl (Documentation/arch/x86/resctrl.rst) is a file system of its own: a directory is a class
 * of service, its "schemata" file says how much of the caches and the memory bandwidth its "tasks"
 * may use. A class named by closID may be shared and stays; one named after the container is ours.
 */

#include "walls/intel_rdt.h"

#include "base/error.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>

#define RESCTRL "/sys/fs/resctrl"

static int write_line(int class_fd, const char *file, const char *line)
{
	autofini(text_fini) struct text text = {};
	text_format(&text, "%s\n", line);
	int r = fs_write_existing(class_fd, file, text_get(&text));
	return r < 0 ? fail(r, "Intel RDT: write \"%s\" to %s", line, file) : 0;
}

static int write_schemata(const struct plan_intel_rdt *rdt, int class_fd)
{
	int r = 0;
	if (!text_empty(rdt->l3_cache_schema))
		r = write_line(class_fd, "schemata", rdt->l3_cache_schema);
	if (r == 0 && !text_empty(rdt->memory_bandwidth_schema))
		r = write_line(class_fd, "schemata", rdt->memory_bandwidth_schema);
	for (size_t i = 0; r == 0 && i < rdt->schemata.count; i++)
		r = write_line(class_fd, "schemata", rdt->schemata.items[i]);
	return r;
}

static int open_class(int resctrl, const char *name)
{
	if (strchr(name, '/') || text_equal(name, "..") || text_empty(name))
		return refuse(-EINVAL, "Intel RDT: class \"%s\" is not a name", name);
	if (mkdirat(resctrl, name, 0755) < 0 && errno != EEXIST)
		return fail(-errno, "Intel RDT: create class %s", name);
	int fd = openat(resctrl, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "Intel RDT: open class %s", name) : fd;
}

static int enable_monitoring(int class_fd, const char *id, pid_t pid)
{
	autofini(text_fini) struct text group = {};
	text_format(&group, "mon_groups/%s", id);
	if (mkdirat(class_fd, text_get(&group), 0755) < 0 && errno != EEXIST)
		return fail(-errno, "Intel RDT: create the monitoring group of %s", id);
	char task[16];
	snprintf(task, sizeof(task), "%d", (int)pid);
	text_add(&group, "/tasks");
	return write_line(class_fd, text_get(&group), task);
}

int intel_rdt_enter(const struct plan_intel_rdt *rdt, const char *id, pid_t pid)
{
	if (!rdt->given)
		return 0;
	autoclose int resctrl = open(RESCTRL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (resctrl < 0 || faccessat(resctrl, "schemata", F_OK, 0) < 0) {
		int r = refuse(-EOPNOTSUPP, "Intel RDT: no resctrl file system at " RESCTRL);
		hint("mount -t resctrl resctrl " RESCTRL ", on a processor that has it");
		return r;
	}
	autoclose int class_fd = rdt->class_id && text_equal(rdt->class_id, "/")
					 ? fcntl(resctrl, F_DUPFD_CLOEXEC, 3)
					 : open_class(resctrl, rdt->class_id ? rdt->class_id : id);
	if (class_fd < 0)
		return class_fd;
	char task[16];
	snprintf(task, sizeof(task), "%d", (int)pid);
	int r = write_schemata(rdt, class_fd);
	if (r == 0)
		r = write_line(class_fd, "tasks", task);
	if (r == 0 && rdt->enable_monitoring)
		r = enable_monitoring(class_fd, id, pid);
	return r;
}

void intel_rdt_remove(const struct plan_intel_rdt *rdt, const char *id)
{
	if (!rdt->given)
		return;
	autofini(text_fini) struct text path = {};
	if (!rdt->class_id)
		text_format(&path, RESCTRL "/%s", id);
	else if (rdt->enable_monitoring)
		text_format(&path, RESCTRL "/%s/mon_groups/%s", rdt->class_id, id);
	if (path.length)
		(void)rmdir(text_get(&path));
}
