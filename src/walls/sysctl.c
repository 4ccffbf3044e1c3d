// SPDX-License-Identifier: Apache-2.0

/*
 * A parameter that is not namespaced would change the host. Which namespace a name belongs to is
 * kernel knowledge (ipc_namespaces(7), network_namespaces(7), uts_namespaces(7)).
 */

#include "walls/sysctl.h"

#include "base/error.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>

/* A trailing dot stands for everything below. */
static const struct {
	const char *name;
	enum plan_namespace kind;
} owners[] = {
	{"kernel.msgmax", PLAN_NS_IPC},
	{"kernel.msgmnb", PLAN_NS_IPC},
	{"kernel.msgmni", PLAN_NS_IPC},
	{"kernel.sem", PLAN_NS_IPC},
	{"kernel.shmall", PLAN_NS_IPC},
	{"kernel.shmmax", PLAN_NS_IPC},
	{"kernel.shmmni", PLAN_NS_IPC},
	{"kernel.shm_rmid_forced", PLAN_NS_IPC},
	{"kernel.msg_next_id", PLAN_NS_IPC},
	{"kernel.sem_next_id", PLAN_NS_IPC},
	{"kernel.shm_next_id", PLAN_NS_IPC},
	{"fs.mqueue.", PLAN_NS_IPC},
	{"net.", PLAN_NS_NETWORK},
	{"kernel.domainname", PLAN_NS_UTS},
	{"kernel.hostname", PLAN_NS_UTS},
	{"user.", PLAN_NS_USER},
};

static bool belongs(const char *name, const char *owner)
{
	return text_ends(owner, ".") ? text_starts(name, owner) : text_equal(name, owner);
}

/* "net/ipv4/ip_forward" and "net.ipv4.ip_forward" are the same; the first form keeps dots. */
static void to_path(const char *name, char *path, size_t size)
{
	bool slashes = strchr(name, '/') && strcspn(name, "/") < strcspn(name, ".");
	snprintf(path, size, "%s", name);
	if (slashes)
		return;
	for (char *c = path; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
}

static void to_dots(const char *name, char *dots, size_t size)
{
	to_path(name, dots, size);
	for (char *c = dots; *c; c++)
		if (*c == '/')
			*c = '.';
}

static int check(const struct plan *plan, const char *name)
{
	char dots[256];
	to_dots(name, dots, sizeof(dots));
	if (strlen(name) >= sizeof(dots) || strstr(name, ".."))
		return refuse(-EINVAL, "sysctl \"%s\" is not a name of a kernel parameter", name);
	for (size_t i = 0; i < array_length(owners); i++) {
		if (!belongs(dots, owners[i].name))
			continue;
		if (plan->namespaces[owners[i].kind].wanted)
			return 0;
		return refuse(-EINVAL,
			"sysctl %s: the container has no %s namespace of its own, this would "
			"change the host",
			name, plan_namespace_facts[owners[i].kind].oci_name);
	}
	return refuse(-EINVAL, "sysctl %s is not namespaced: it would change the host", name);
}

int sysctl_check(const struct plan *plan)
{
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		int r = check(plan, plan->sysctls[i].key);
		if (r < 0)
			return r;
	}
	return 0;
}

int sysctl_write(const struct plan *plan, int proc_fd)
{
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		char path[272] = "sys/";
		to_path(plan->sysctls[i].key, path + 4, sizeof(path) - 4);
		autoclose int fd = fs_open_beneath(proc_fd, path, O_WRONLY, 0);
		if (fd < 0)
			return wrap(fd, "sysctl %s", plan->sysctls[i].key);
		const char *value = plan->sysctls[i].value;
		if (write(fd, value, strlen(value)) < 0)
			return fail(-errno, "sysctl %s=%s", plan->sysctls[i].key, value);
	}
	return 0;
}
