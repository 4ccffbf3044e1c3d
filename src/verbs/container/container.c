// SPDX-License-Identifier: Apache-2.0

/* `rung container`: the verbs of containers under one noun, as Docker and Podman have them too. */

#include "verbs/container/container.h"
#include "base/error.h"
#include "cli/complete.h"
#include "engine/instance/instance.h"
#include "verbs/verbs.h"

#define CONTAINER_DECLARE_(name) extern const struct verb verb_##name;
#define CONTAINER_DECLARE_AS_(word, name) CONTAINER_DECLARE_(name)
CONTAINER_INNER_VERBS(CONTAINER_DECLARE_, CONTAINER_DECLARE_AS_)

/* NOLINTBEGIN(bugprone-macro-parentheses): names, not expressions */
#define CONTAINER_ENTRY_(name) {.verb = &verb_##name},
#define CONTAINER_ENTRY_AS_(word, name) {.verb = &verb_##name, .as = word},
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct verb_entry entries[] = {
	CONTAINER_INNER_VERBS(CONTAINER_ENTRY_, CONTAINER_ENTRY_AS_){},
};

/* The Tab key: names, with what each is doing. */
static void complete(const struct invocation *invocation, struct completions *completions)
{
	struct instance *instances;
	size_t count;
	if (instance_list(invocation->arena, &instances, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, instances[i].name,
			instance_status_name(instances[i].state.status));
	error_clear();
}

const struct completer container_completers[] = {{"CONTAINER", complete}, {}};

const struct verb verb_container = {
	.name = "container",
	.summary = "containers: start them, look at them, remove them",
	.verbs = entries,
	.completers = container_completers,
};
