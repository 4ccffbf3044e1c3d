// SPDX-License-Identifier: Apache-2.0

/*
 * Device rules for systemd, v1 only. There systemd writes devices.allow and
 * devices.deny of the scope again at every daemon-reload, and unless it was told a
 * policy it writes "allow all". In v2 our BPF program stays attached beside
 * systemd's, so it needs to know nothing.
 *
 * systemd thinks in nodes and names of drivers: "/dev/char/10:229", "char-pts" (from
 * /proc/devices), "char-*". It cannot say "deny this one of those"; a rule that
 * denies is left to the file that apply.c writes.
 */

#include "walls/cgroup/systemd.h"

#include "base/fs.h"
#include "walls/cgroup/bus_wire.h"
#include "walls/cgroup/internal.h"

#include <fcntl.h>
#include <stdio.h>

/* "136 pts" below "Character devices:" or "Block devices:". Returns 0 or the name's length. */
static size_t driver_name(const char *devices, char type, int64_t major, char *name, size_t size)
{
	const char *section =
		strstr(devices, type == 'b' ? "Block devices:" : "Character devices:");
	for (const char *line = section; line && (line = strchr(line, '\n')) && line[1] != '\n';) {
		char *end;
		long long number = strtoll(++line, &end, 10);
		if (*end != ' ')
			break;
		if (number == major)
			return (size_t)snprintf(
				name, size, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
	}
	return 0;
}

static void put_allowed(struct text *out, const struct plan_device_rule *rule, const char *devices)
{
	const char *kind = rule->type == 'b' ? "block" : "char";
	char node[96], name[48], access[4];
	if (rule->major < 0)
		snprintf(node, sizeof(node), "%s-*", kind);
	else if (rule->minor >= 0)
		snprintf(node, sizeof(node), "/dev/%s/%lld:%lld", kind, (long long)rule->major,
			(long long)rule->minor);
	else if (driver_name(devices, rule->type, rule->major, name, sizeof(name)))
		snprintf(node, sizeof(node), "%s-%s", kind, name);
	else
		return; /* no driver has this number: there is nothing to open */
	snprintf(access, sizeof(access), "%s%s%s", rule->read ? "r" : "", rule->write ? "w" : "",
		rule->mknod ? "m" : "");
	bus_put_struct(out);
	bus_put_string(out, node);
	bus_put_string(out, access);
}

static void put_rules(
	struct text *out, const struct plan_device_rule *rules, size_t count, const char *devices)
{
	for (size_t i = 0; i < count; i++) {
		struct plan_device_rule rule = rules[i];
		if (!rule.allow)
			continue;
		if (rule.type != 'a') {
			put_allowed(out, &rule, devices);
			continue;
		}
		rule.read = rule.write = rule.mknod = true;
		rule.major = rule.minor = -1;
		rule.type = 'c';
		put_allowed(out, &rule, devices);
		rule.type = 'b';
		put_allowed(out, &rule, devices);
	}
}

void systemd_property_devices(struct text *out, const struct plan_resources *resources)
{
	if (resources->device_rule_count == 0 || resources->device_rules[0].allow ||
		resources->device_rules[0].type != 'a')
		return;
	autofree char *listing = NULL;
	if (fs_read(AT_FDCWD, "/proc/devices", 64UL * 1024, &listing, NULL) < 0)
		listing = NULL;
	const char *devices = listing ? listing : "";
	systemd_property_string(out, "DevicePolicy", "strict");
	bus_put_struct(out);
	bus_put_string(out, "DeviceAllow");
	bus_put_signature(out, "a(ss)");
	struct bus_array array = bus_open_array(out, 8);
	put_rules(out, cgroup_default_devices, cgroup_default_device_count, devices);
	put_rules(out, resources->device_rules + 1, resources->device_rule_count - 1, devices);
	bus_close_array(out, array);
}
