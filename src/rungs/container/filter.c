// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/filter.h"

#include "base/error.h"
#include "base/text.h"

/*
 * The filter is loaded by who goes under it, and the listener travels to its owner by sendmsg(2)
 * from there: that one call would wait for an answer from somebody who has not got the question.
 * What comes later, execve(2) and close(2) too, the owner can answer. (runc refuses write
 * likewise.)
 */
static int check_listener(const struct plan_seccomp *profile)
{
	if (!plan_seccomp_notifies(profile, "sendmsg"))
		return 0;
	int r = refuse(-EINVAL, "seccomp: SCMP_ACT_NOTIFY cannot be used for sendmsg, by which the "
				"listener is handed over");
	hint("give sendmsg another action");
	return r;
}

int container_filter(const struct plan *plan, const struct plan_capabilities *capabilities,
	struct seccomp_program *ret_program)
{
	*ret_program = (struct seccomp_program){};
	if (plan->has_seccomp) {
		int r = seccomp_compile(&plan->seccomp, ret_program);
		return r < 0 ? wrap(r, "seccomp") : check_listener(&plan->seccomp);
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
