// SPDX-License-Identifier: Apache-2.0

/* Foreign bytes as lines of a log: the first byte chooses the form. */

#include "base/text.h"
#include "engine/instance/logs_read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum logs_driver driver = data[0] & 1 ? LOGS_JSON_FILE : LOGS_K8S_FILE;
	autofini(text_fini) struct text scratch = {};
	struct logs_record record;
	/* A copy of exactly this size, so that reading behind it is seen. */
	autofree char *line = malloc(size);
	if (!line)
		return 0;
	memcpy(line, data + 1, size - 1);
	if (logs_record_read(driver, line, size - 1, &scratch, &record) < 0)
		return 0;
	if (strlen(record.time) != LOGS_TIME_LENGTH)
		abort();
	unsigned sum = 0;
	for (size_t i = 0; i < record.length; i++)
		sum += (unsigned char)record.bytes[i];
	return sum == 1 && record.length == 0 ? -1 : 0;
}
