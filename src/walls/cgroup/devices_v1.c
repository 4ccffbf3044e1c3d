// SPDX-License-Identifier: Apache-2.0

/*
 * Device rules, v1: devices.allow and devices.deny, one rule a write, in order.
 * The kernel keeps a default and a list of exceptions, which is just what the
 * specification's "first deny all, then allow" needs.
 *
 * After the rules come the devices every container has (config-linux.md "Default
 * Devices") and mknod of anything: making a node is harmless where opening it is not
 * allowed, and package managers and image builders do it. runc and crun agree.
 */

#include "base/error.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

const struct plan_device_rule cgroup_default_devices[] = {
	{true, 'c', -1, -1, .mknod = true}, {true, 'b', -1, -1, .mknod = true},
	{true, 'c', 1, 3, true, true, true},    /* null */
	{true, 'c', 1, 5, true, true, true},    /* zero */
	{true, 'c', 1, 7, true, true, true},    /* full */
	{true, 'c', 1, 8, true, true, true},    /* random */
	{true, 'c', 1, 9, true, true, true},    /* urandom */
	{true, 'c', 5, 0, true, true, true},    /* tty */
	{true, 'c', 5, 1, true, true, true},    /* console */
	{true, 'c', 5, 2, true, true, true},    /* ptmx */
	{true, 'c', 136, -1, true, true, true}, /* pts/N: majors 136..143, but devpts uses one */
};
const size_t cgroup_default_device_count = array_length(cgroup_default_devices);

static void number(char *out, size_t size, int64_t value)
{
	if (value < 0)
		snprintf(out, size, "*");
	else
		snprintf(out, size, "%lld", (long long)value);
}

static void rule_text(const struct plan_device_rule *rule, char *out, size_t size)
{
	char major[24], minor[24];
	if (rule->type == 'a') { /* the kernel takes "a" as everything, whatever follows */
		snprintf(out, size, "a");
		return;
	}
	number(major, sizeof(major), rule->major);
	number(minor, sizeof(minor), rule->minor);
	snprintf(out, size, "%c %s:%s %s%s%s", rule->type, major, minor, rule->read ? "r" : "",
		rule->write ? "w" : "", rule->mknod ? "m" : "");
}

struct device_files {
	const struct cgroup_directory *directory;
	int allow_fd, deny_fd;
};

static void device_files_fini(struct device_files *files)
{
	scope_close(&files->allow_fd);
	scope_close(&files->deny_fd);
}

static int write_rule(struct device_files *files, const struct plan_device_rule *rule)
{
	char text[64];
	const char *file = rule->allow ? "devices.allow" : "devices.deny";
	int *fd = rule->allow ? &files->allow_fd : &files->deny_fd;
	if (rule->type != 'a' && !rule->read && !rule->write && !rule->mknod)
		return 0;
	rule_text(rule, text, sizeof(text));
	if (*fd < 0)
		*fd = openat(files->directory->fd, file, O_WRONLY | O_CLOEXEC);
	if (*fd >= 0 && write(*fd, text, strlen(text)) >= 0)
		return 0;
	return cgroup_write_failed(files->directory, "device rules", file, text, -errno);
}

int cgroup_apply_devices_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	autofini(device_files_fini) struct device_files files = {directory, -1, -1};
	int r = 0;
	for (size_t i = 0; r == 0 && i < resources->device_rule_count; i++)
		r = write_rule(&files, &resources->device_rules[i]);
	for (size_t i = 0; r == 0 && i < cgroup_default_device_count; i++)
		r = write_rule(&files, &cgroup_default_devices[i]);
	if (r == -EPERM && in_user_namespace()) {
		error_clear();
		step("device rules left out: not allowed in a user namespace");
		return 0;
	}
	return r;
}
