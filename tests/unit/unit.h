// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What every unit test includes: cmocka wants four headers before its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka calls a macro so; the name is base/error.h's. What cmocka builds on it is made anew. */
#undef fail
#undef fail_msg
#define fail_msg(text, ...) \
	do { \
		print_error("ERROR: " text "\n", ##__VA_ARGS__); \
		_fail(__FILE__, __LINE__); \
	} while (0)
