// SPDX-License-Identifier: Apache-2.0

#include "cli/complete.h"

#include "base/error.h"

#include <errno.h>

int completion_script(const struct invocation *invocation, const char *shell)
{
	return refuse(-ENOSYS, "no completion for %s yet", shell);
}
