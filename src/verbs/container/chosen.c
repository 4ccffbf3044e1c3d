// SPDX-License-Identifier: Apache-2.0

#include "verbs/container/chosen.h"

#include "base/error.h"

int chosen_find(const struct invocation *invocation, bool latest, struct instance *ret_instance,
	struct strings *ret_rest)
{
	struct strings rest = {invocation->arguments, invocation->argument_count};
	if (latest) {
		struct instance *all;
		size_t count;
		int r = instance_list(invocation->arena, &all, &count);
		if (r < 0)
			return r;
		if (count == 0)
			return refuse(-ENOENT, "there is no container");
		*ret_instance = all[count - 1];
	} else {
		if (rest.count == 0)
			return usage_error(invocation, "name a container");
		int r = instance_find(rest.items[0], invocation->arena, ret_instance);
		if (r < 0)
			return r;
		rest.items++;
		rest.count--;
	}
	if (ret_rest)
		*ret_rest = rest;
	else if (rest.count)
		return usage_error(invocation, "one container at a time");
	return 0;
}
