// SPDX-License-Identifier: Apache-2.0

/* A plan as config.json: the tables of the chapters, read in the other direction. */

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
