// SPDX-License-Identifier: Apache-2.0

#include "verbs/verbs.h"

int main(int argc, char **argv)
{
	return cli_main(&verb_rung, argc, argv);
}
