// SPDX-License-Identifier: Apache-2.0

/*
 * What is kept of a container, as a disk or a person may have spoilt it. The first byte says what
 * it is: "c" config.json, "s" state.json, "r" request.json. What is taken of a request is the same
 * again when it is written and read; a state that cannot be read spoils no container.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/instance/internal.h"
#include "plan/json.h"
#include "plan/json_write.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "{\"id\":\"" ID "\",\"name\":\"c\",\"created\":\"2020-02-03T04:05:06Z\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/tmp/rung-fuzz-instance-XXXXXX";

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void clean_up(void)
{
	(void)!fs_remove_tree(AT_FDCWD, root);
}

static int open_directory(void)
{
	static int fd = -1;
	if (fd >= 0)
		return fd;
	demand(mkdtemp(root) != NULL && atexit(clean_up) == 0);
	places_choose(root, root);
	log_configure(&(struct log_settings){.fd = -1, .level = LOG_ERROR, .program = "fuzz"});
	autofini(arena_fini) struct arena arena = {};
	const char *path = arena_format(&arena, "%s/containers/" ID, root);
	demand(fs_make_dirs(path, 0700) == 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(fd >= 0);
	return fd;
}

static void put(const char *name, const void *bytes, size_t length)
{
	int fd = openat(open_directory(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0 && fs_write_all(fd, bytes, length) == 0);
	(void)close(fd);
}

static void try_request(const struct instance *instance, struct arena *arena)
{
	struct run_request request, again = RUN_REQUEST_DEFAULTS;
	if (instance_load_request(instance, arena, &request) < 0) {
		demand(error_text()[0] != '\0');
		return;
	}
	autofini(text_fini) struct text first = {}, second = {};
	struct json_writer writer = {.out = &first, .compact = true};
	run_request_write(&request, &writer, NULL);
	autofini(json_document_fini) struct json_document document = {};
	demand(json_parse(text_get(&first), first.length, "request", arena, &document) == 0);
	demand(run_request_read(&document.top, arena, &again) == 0);
	writer = (struct json_writer){.out = &second, .compact = true};
	run_request_write(&again, &writer, NULL);
	demand(text_equal(text_get(&first), text_get(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || !strchr("csr", data[0]))
		return 0;
	autofini(arena_fini) struct arena arena = {};
	struct instance instance;
	error_clear();
	put("config.json", CONFIG, strlen(CONFIG));
	put("state.json", "{}", 2);
	put(data[0] == 'c'       ? "config.json"
		: data[0] == 's' ? "state.json"
				 : "request.json",
		data + 1, size - 1);
	int r = instance_read(ID, &arena, &instance);
	demand(r == 0 || data[0] == 'c');
	demand(r == 0 || error_text()[0] != '\0');
	if (r < 0)
		return 0;
	demand(instance.name && instance.image_id && instance.state.error &&
		instance.state.status < INSTANCE_STATUS_COUNT);
	if (data[0] == 'r')
		try_request(&instance, &arena);
	else
		demand(instance_write_state(&instance) == 0 &&
			instance_write_config(&instance, NULL) == 0 &&
			instance_read(ID, &arena, &instance) == 0);
	return 0;
}
