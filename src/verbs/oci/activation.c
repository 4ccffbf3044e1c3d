// SPDX-License-Identifier: Apache-2.0

/*
 * What a service manager hands to a service by environment variables, handed on to the container:
 * listening sockets (sd_listen_fds(3)) and the socket for "I am ready" (sd_notify(3)). Podman
 * relies on both for its --sdnotify and socket-activated containers.
 */

#include "base/log.h"
#include "verbs/oci/oci.h"

#include <linux/mount.h>

static void add_variable(struct plan *plan, const char *variable)
{
	struct strings *old = &plan->process.environment;
	struct strings all = {arena_new(&plan->arena, const char *, old->count + 2), 0};
	for (size_t i = 0; i < old->count; i++)
		all.items[all.count++] = old->items[i];
	all.items[all.count++] = variable;
	*old = all;
}

/* The first process of its own pid namespace is number 1, and that is who the sockets are for. */
static void pass_listeners(struct plan *plan)
{
	const char *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	uint64_t number;
	if (!count || parse_uint64(count, 1000, &number) < 0 || number == 0)
		return;
	add_variable(plan, arena_format(&plan->arena, "LISTEN_FDS=%s", count));
	if (names)
		add_variable(plan, arena_format(&plan->arena, "LISTEN_FDNAMES=%s", names));
	if (plan_new_namespace(plan, PLAN_NS_PID))
		add_variable(plan, "LISTEN_PID=1");
}

static void add_mount(struct plan *plan, const struct plan_mount *mount)
{
	struct plan_mount *all = arena_new(&plan->arena, struct plan_mount, plan->mount_count + 1);
	for (size_t i = 0; i < plan->mount_count; i++)
		all[i] = plan->mounts[i];
	all[plan->mount_count] = *mount;
	plan->mounts = all;
	plan->mount_count++;
}

static void pass_notify_socket(struct plan *plan)
{
	static const char place[] = "/run/notify/notify.sock";
	const char *path = getenv("NOTIFY_SOCKET");
	if (text_empty(path) || !plan->namespaces[PLAN_NS_MOUNT].wanted)
		return;
	if (path[0] != '/') {
		warn("NOTIFY_SOCKET=%s is not a file: the container cannot notify", path);
		return;
	}
	add_mount(plan, &(struct plan_mount){.destination = place,
				.source = arena_strdup(&plan->arena, path),
				.type = "bind",
				.bind = true,
				.attributes_set =
					MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
	add_variable(plan, arena_format(&plan->arena, "NOTIFY_SOCKET=%s", place));
}

void oci_pass_activation(struct plan *plan)
{
	if (!plan->has_process)
		return;
	pass_listeners(plan);
	pass_notify_socket(plan);
}
