// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "plan/chapters.h"
#include "plan/oci.h"

void plan_write(const struct plan *plan, struct text *out)
{
	struct json_writer writer = {.out = out};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &plan_shape, plan);
	json_close(&writer);
	text_add(out, "\n");
}
