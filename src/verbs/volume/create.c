// SPDX-License-Identifier: Apache-2.0

/* `rung volume create`: makes a volume before a container needs it. */

#include "verbs/volume/common.h"

#include <stdio.h>

struct volume_create_options {
	struct option_list labels, options;
	const char *driver;
	bool ignore;
	uint32_t uid, gid;
};

static const struct option volume_create_options[] = {
	{"-l, --label=NAME[=VALUE]", "a note on the volume",
		list_in(volume_create_options, labels)},
	{"-o, --opt=NAME=VALUE", "what is mounted: type=tmpfs|nfs|…, device=…, o=MOUNTOPTIONS",
		list_in(volume_create_options, options)},
	{"-d, --driver=NAME", "who keeps it", text_in(volume_create_options, driver),
		.fallback = "local"},
	{"--ignore", "a volume that exists already is no mistake",
		flag_in(volume_create_options, ignore)},
	{"--uid=UID", "who owns it", integer_in(volume_create_options, uid)},
	{"--gid=GID", "whose group it has", integer_in(volume_create_options, gid)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct volume_create_options *options = options_of(invocation, volume_create_options);
	struct arena *arena = invocation->arena;
	struct volume wanted = {.name = invocation->arguments[0],
		.driver = options->driver,
		.has_owner = option_given(invocation, &options->uid) ||
			     option_given(invocation, &options->gid),
		.uid = options->uid,
		.gid = options->gid};
	int r = volume_pairs(
		"--label", &options->labels, arena, &wanted.labels, &wanted.label_count);
	if (r == 0)
		r = volume_pairs(
			"--opt", &options->options, arena, &wanted.options, &wanted.option_count);
	if (r < 0)
		return r;
	/* Docker's answer to a volume that is there is its name. */
	bool existing = options->ignore || manner_of(invocation) == MANNER_DOCKER;
	struct volume volume;
	r = volume_create(places_data(arena), &wanted, existing, arena, &volume);
	if (r < 0)
		return r;
	event_write("volume", "create", volume.name, volume.name, NULL, 0);
	puts(volume.name);
	return 0;
}

const struct verb verb_volume_create = {
	.name = "create",
	.summary = "make a volume",
	.arguments = "[VOLUME]",
	verb_options(volume_create_options),
	.description =
		"Makes a volume and prints its name; without a name it gets a random one. "
		"Containers make the volumes that they name, so this is for those with labels or "
		"options.\n\n"
		"Options say what a container mounts instead of the volume's own directory: "
		"type=tmpfs with o=size=64m, device=/srv/data with o=bind, type=nfs with "
		"device=:/export and o=addr=HOST. Nothing is mounted before a container starts, "
		"and nothing on the host.",
	.examples = "Scratch space in memory\n"
		    "$ rung volume create --opt type=tmpfs --opt o=size=64m scratch\n",
	.run = run,
};
