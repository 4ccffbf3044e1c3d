// SPDX-License-Identifier: Apache-2.0

/* `rung oci features`: what this runtime can do (features.md, features-linux.md of the spec). */

#include "plan/oci.h"
#include "rungs/container/checkpoint.h"
#include "verbs/oci/oci.h"
#include "walls/capabilities.h"
#include "walls/seccomp.h"

#include <stdio.h>

static const char *const mount_option_names[] = {"acl", "async", "atime", "bind", "defaults",
	"dest-nofollow", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime", "loud",
	"mand", "noacl", "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime",
	"nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private", "ratime",
	"rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "rnoatime", "rnodev",
	"rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro",
	"rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime", "rsuid",
	"rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "src-nofollow",
	"strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable", "idmap", "ridmap",
	NULL};

static void list_member(struct text *out, const char *key, const char *const *names)
{
	text_format(out, ",\"%s\":[", key);
	for (size_t i = 0; names[i]; i++) {
		text_add(out, i ? "," : "");
		text_json_string(out, names[i]);
	}
	text_add(out, "]");
}

static void write_namespaces(struct text *out)
{
	const char *names[PLAN_NS_COUNT + 1] = {};
	for (size_t i = 0; i < PLAN_NS_COUNT; i++)
		names[i] = plan_namespace_facts[i].oci_name;
	text_add(out, "\"linux\":{\"namespaces\":[");
	for (size_t i = 0; names[i]; i++)
		text_format(out, "%s\"%s\"", i ? "," : "", names[i]);
	text_add(out, "]");
}

static void write_capabilities(struct text *out)
{
	const char *names[65] = {};
	for (int i = 0; i <= capabilities_last() && i < 64 && plan_capability_name(i); i++)
		names[i] = plan_capability_name(i);
	list_member(out, "capabilities", names);
}

static void write_seccomp(struct text *out)
{
	text_add(out, ",\"seccomp\":{\"enabled\":true");
	list_member(out, "actions", seccomp_action_names);
	list_member(out, "operators", seccomp_operator_names);
	list_member(out, "archs", seccomp_architecture_names);
	list_member(out, "knownFlags", seccomp_flag_names);
	const char *flags[16] = {};
	size_t count = 0;
	for (size_t i = 0; seccomp_flag_names[i] && count < 15; i++)
		flags[count++] = seccomp_flag_names[i];
	list_member(out, "supportedFlags", flags);
	text_add(out, "}");
}

static void write_annotations(const struct invocation *invocation, struct text *out)
{
	bool checkpoint = container_can_checkpoint(oci_criu(invocation));
	text_format(out,
		",\"annotations\":{\"org.opencontainers.runc.checkpoint.enabled\":\"%s\","
		"\"org.rung.version\":\"" RUNG_VERSION "\"}",
		checkpoint ? "true" : "false");
}

static int run(struct invocation *invocation)
{
	autofini(text_fini) struct text out = {};
	text_add(&out, "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\"");
	const char *hooks[PLAN_HOOK_COUNT + 1] = {};
	memcpy(hooks, plan_hook_names, sizeof(plan_hook_names));
	list_member(&out, "hooks", hooks);
	list_member(&out, "mountOptions", mount_option_names);
	text_add(&out, ",");
	write_namespaces(&out);
	write_capabilities(&out);
	text_add(&out, ",\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":true,\"systemdUser\":true,"
		       "\"rdma\":true}");
	write_seccomp(&out);
	text_add(&out,
		",\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":true},"
		"\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true},"
		"\"memoryPolicy\":{\"modes\":[\"MPOL_DEFAULT\",\"MPOL_BIND\",\"MPOL_INTERLEAVE\","
		"\"MPOL_WEIGHTED_INTERLEAVE\",\"MPOL_PREFERRED\",\"MPOL_PREFERRED_MANY\","
		"\"MPOL_LOCAL\"],\"flags\":[\"MPOL_F_NUMA_BALANCING\",\"MPOL_F_RELATIVE_NODES\","
		"\"MPOL_F_STATIC_NODES\"]},"
		"\"mountExtensions\":{\"idmap\":{\"enabled\":true}},"
		"\"netDevices\":{\"enabled\":true}}");
	write_annotations(invocation, &out);
	text_add(&out, ",\"potentiallyUnsafeConfigAnnotations\":[\"org.systemd.property.\"]}");
	puts(text_get(&out));
	return 0;
}

const struct verb verb_oci_features = {
	.name = "features",
	.summary = "show what this runtime can do, as JSON",
	.arguments = "",
	.run = run,
};
