// SPDX-License-Identifier: Apache-2.0

#include "verbs/dialogue.h"

#include "base/error.h"

#include <stdio.h>

void tell_failure(const struct invocation *invocation)
{
	(void)fflush(stdout);
	fprintf(stderr, "%s: %s\n", invocation_program(invocation)->words, error_text());
	if (error_hint()[0])
		fprintf(stderr, "hint: %s\n", error_hint());
	error_clear();
}

bool confirm(bool force, const char *warning)
{
	if (force)
		return true;
	printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", warning);
	(void)fflush(stdout);
	char answer[16] = "";
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
