// SPDX-License-Identifier: Apache-2.0

/* `rung system check`: whether the store is whole, and what to do where it is not. */

#include "engine/image/check.h"
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

static int run(struct invocation *invocation)
{
	const struct check_options *options = options_of(invocation, check_options);
	autofini(store_fini) struct store store = STORE_NONE;
	struct check_result result = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_check(&store, options->quick, options->repair, tell, NULL, &result);
	if (r < 0)
		return wrap(r, "check the store");
	size_t left = result.faults - result.repaired;
	printf("%zu images, %zu blobs, %zu unpacked layers: ", result.images, result.blobs,
		result.snapshots);
	if (left > 0)
		printf("%zu faults\n", left);
	else
		puts(result.repaired ? "whole again" : "whole");
	if (left > 0 && !options->repair)
		fputs("hint: rung system check --repair removes what is damaged\n", stderr);
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
		"layers, and tells what is damaged, missing or left over. The status is 0 where "
		"the store is whole (again), 1 where something is wrong.",
};
