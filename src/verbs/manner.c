// SPDX-License-Identifier: Apache-2.0

#include "verbs/manner.h"

#include "base/text.h"

enum manner manner_of(const struct invocation *invocation)
{
	const char *name = invocation_program(invocation)->words;
	return text_equal(name, "podman") ? MANNER_PODMAN : MANNER_DOCKER;
}
