// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/filter.h"

#include "base/error.h"
#include "base/text.h"

int container_filter(const struct plan *plan, const struct plan_capabilities *capabilities,
	struct seccomp_program *ret_program)
{
	*ret_program = (struct seccomp_program){};
	if (plan->has_seccomp) {
		int r = seccomp_compile(&plan->seccomp, ret_program);
		return r < 0 ? wrap(r, "seccomp") : 0;
	}
	const char *policy = plan_annotation(plan, FILTER_ANNOTATION);
	if (!policy)
		return 0;
	if (!text_equal(policy, FILTER_ANNOTATION_DEFAULT))
		return refuse(-EINVAL,
			"annotation " FILTER_ANNOTATION ": \"%s\" is not \"default\"", policy);
	int r = seccomp_default(capabilities, ret_program);
	return r < 0 ? wrap(r, "seccomp") : 0;
}
