// SPDX-License-Identifier: Apache-2.0

/* `rung port`: where the host reaches a container's ports. */

#include "base/error.h"
#include "base/scope.h"
#include "engine/instance/instance.h"
#include "verbs/container/container.h"
#include "verbs/container/ports.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>

struct port_options {
	bool all, latest;
};

static const struct option port_options[] = {
	{"-a, --all", "of all containers that run", flag_in(port_options, all)},
	{"-l, --latest", "of the container that was created last", flag_in(port_options, latest)},
	{},
};

static void print_address(const struct port_mapping *mapping)
{
	const char *address = mapping->address[0] ? mapping->address : "0.0.0.0";
	bool brackets = strchr(address, ':');
	printf("%s%s%s:%u\n", brackets ? "[" : "", address, brackets ? "]" : "", mapping->host);
}

/* "80", "80/tcp"; NULL: all. Returns how many were shown. */
static int show(const struct instance *instance, const char *wanted, struct arena *arena)
{
	struct port_mapping *mappings;
	size_t count;
	int r = ports_read(&instance->published, arena, &mappings, &count), shown = 0;
	if (r < 0)
		return r;
	const char *slash = wanted ? strchr(wanted, '/') : NULL;
	uint64_t number = 0;
	const char *digits =
		slash ? arena_strndup(arena, wanted, (size_t)(slash - wanted)) : wanted;
	if (wanted && parse_uint64(digits, UINT16_MAX, &number) < 0)
		return refuse(-EINVAL, "port %s: say NUMBER or NUMBER/PROTOCOL", wanted);
	for (size_t i = 0; i < count; i++) {
		const struct port_mapping *mapping = &mappings[i];
		if (wanted && (mapping->container != number ||
				      !text_equal(mapping->protocol, slash ? slash + 1 : "tcp")))
			continue;
		if (!wanted)
			printf("%u/%s -> ", mapping->container, mapping->protocol);
		print_address(mapping);
		shown++;
	}
	return shown;
}

static int show_all(struct arena *arena, bool latest)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	for (size_t i = latest && count ? count - 1 : 0; i < count && r >= 0; i++) {
		if (!latest && (!instance_is_alive(&instances[i]) || !instances[i].published.count))
			continue;
		if (!latest)
			puts(instances[i].id);
		r = show(&instances[i], NULL, arena);
	}
	return r < 0 ? r : 0;
}

static int run(struct invocation *invocation)
{
	const struct port_options *options = options_of(invocation, port_options);
	struct arena *arena = invocation->arena;
	if ((options->all || options->latest) == (invocation->argument_count > 0))
		return usage_error(invocation, "name one container, or say --all or --latest");
	if (options->all || options->latest)
		return show_all(arena, options->latest);
	struct instance instance;
	int r = instance_find(invocation->arguments[0], arena, &instance);
	if (r < 0)
		return r;
	const char *wanted = invocation->arguments[1];
	r = show(&instance, wanted, arena);
	if (r == 0 && wanted)
		return refuse(-ENOENT, "%s: port %s is not published", instance.name, wanted);
	return r < 0 ? r : 0;
}

const struct verb verb_port = {
	.name = "port",
	.summary = "show where a container's ports are published",
	.arguments = "[CONTAINER [PORT[/PROTOCOL]]]",
	verb_options(port_options),
	.completers = container_completers,
	.run = run,
};
