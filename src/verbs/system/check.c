// SPDX-License-Identifier: Apache-2.0

/* `rung system check`: whether the store is whole, and what to do where it is not. */

#include "engine/image/check.h"
#include "engine/instance/check.h"
#include "verbs/image/common.h"

#include <stdio.h>

struct check_options {
	bool quick, repair, force, quiet;
	const char *max;
};

static const struct option check_options[] = {
	{"-f, --force", "", flag_in(check_options, force), .hidden = true},
	{"-m, --max=TIME", "", text_in(check_options, max), .hidden = true},
	{"-q, --quick", "do not read the layers", flag_in(check_options, quick)},
	{"-r, --repair", "remove what is damaged, so that it can be pulled or loaded again",
		flag_in(check_options, repair)},
	{},
};

static void tell(
	enum check_finding finding, const char *what, const char *why, bool repaired, void *)
{
	static const char *const kinds[] = {
		[CHECK_BAD_INDEX] = "damaged list",
		[CHECK_BAD_BLOB] = "damaged blob",
		[CHECK_BROKEN_IMAGE] = "broken image",
		[CHECK_DOUBTFUL_LAYER] = "doubtful layer",
		[CHECK_MISSING_SNAPSHOT] = "layer",
		[CHECK_GARBAGE] = "note",
	};
	printf("%s%s: %s: %s\n", repaired ? "repaired: " : "", kinds[finding], what, why);
}

static void tell_of_instance(
	enum instance_finding finding, const char *what, const char *why, bool repaired, void *)
{
	static const char *const kinds[] = {
		[INSTANCE_BAD_DOCUMENT] = "damaged document",
		[INSTANCE_LOST_STATE] = "lost state",
		[INSTANCE_LOST_NAME] = "lost name",
		[INSTANCE_STALE_NAME] = "stale name",
		[INSTANCE_FOREIGN] = "note",
	};
	printf("%s%s: %s: %s\n", repaired ? "repaired: " : "", kinds[finding], what, why);
}

static int check_images(struct invocation *invocation, struct check_result *ret_result)
{
	const struct check_options *options = options_of(invocation, check_options);
	autofini(store_fini) struct store store = STORE_NONE;
	int r = image_store_open(invocation, &store);
	return r < 0 ? r
		     : image_check(&store, options->quick, options->repair, tell, NULL, ret_result);
}

static int run(struct invocation *invocation)
{
	const struct check_options *options = options_of(invocation, check_options);
	struct check_result result = {};
	struct instance_check_result instances = {};
	int r = check_images(invocation, &result);
	if (r == 0)
		r = instance_check(
			options->repair, invocation->arena, tell_of_instance, NULL, &instances);
	if (r < 0)
		return wrap(r, "check the store");
	size_t repaired = result.repaired + instances.repaired;
	size_t left = result.faults + instances.faults - repaired;
	printf("%zu images, %zu blobs, %zu unpacked layers, %zu containers: ", result.images,
		result.blobs, result.snapshots, instances.containers);
	if (left > 0)
		printf("%zu faults\n", left);
	else
		puts(repaired ? "whole again" : "whole");
	if (left > 0 && !options->repair)
		fputs("hint: rung system check --repair removes what is damaged, and puts aside "
		      "what cannot be made again\n",
			stderr);
	return left > 0;
}

const struct verb verb_system_check = {
	.name = "check",
	.summary = "see whether the store is whole",
	.arguments = "",
	.failure_status = 125,
	verb_options(check_options),
	.run = run,
	.description =
		"Reads every blob and compares it with its digest, follows every image to its "
		"layers, reads what is kept of containers, pods, volumes and secrets, and tells "
		"what is damaged, missing or left over. The status is 0 where "
		"the store is whole (again), 1 where something is wrong.",
};
