// SPDX-License-Identifier: Apache-2.0

/* Everything begins at the door: src/cli finds the verb in src/verbs and runs it. */

#include "verbs/verbs.h"

int main(int argc, char **argv)
{
	return cli_main(verb_program(argc > 0 ? argv[0] : NULL), argc, argv);
}
