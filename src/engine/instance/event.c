// SPDX-License-Identifier: Apache-2.0

/* What happened to an instance, for `rung events`. */

#include "engine/event/event.h"
#include "engine/instance/internal.h"

#include <stdio.h>

void instance_event(const struct instance *instance, const char *action,
	const struct plan_key_value *extra, size_t extra_count)
{
	autofini(arena_fini) struct arena arena = {};
	size_t count = 0;
	struct plan_key_value *all =
		arena_new(&arena, struct plan_key_value, instance->label_count + extra_count + 1);
	all[count++] = (struct plan_key_value){"image", instance->image_name};
	for (size_t i = 0; i < instance->label_count; i++)
		all[count++] = instance->labels[i];
	for (size_t i = 0; i < extra_count; i++)
		all[count++] = extra[i];
	event_write("container", action, instance->id, instance->name, all, count);
}

void instance_event_end(const struct instance *instance, int exit_code)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", exit_code);
	const struct plan_key_value extra = {"exitCode", number};
	instance_event(instance, "die", &extra, 1);
}
