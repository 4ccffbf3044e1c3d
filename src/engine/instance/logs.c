// SPDX-License-Identifier: Apache-2.0

/* What --log-driver and --log-opt mean. */

#include "engine/instance/logs.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#include <fcntl.h>

const char *logs_driver_name(enum logs_driver driver)
{
	static const char names[LOGS_DRIVER_COUNT][16] = {
		"k8s-file", "json-file", "journald", "none", "passthrough"};
	return names[driver];
}

/* "local" is Docker's own binary form; what is asked for by it is a file that is rotated. */
static int read_driver(const char *word, enum logs_driver *ret_driver)
{
	if (text_empty(word) || text_equal(word, "local") || text_equal(word, "file")) {
		*ret_driver = LOGS_K8S_FILE;
		return 0;
	}
	for (enum logs_driver driver = 0; driver < LOGS_DRIVER_COUNT; driver++)
		if (text_equal(word, logs_driver_name(driver))) {
			*ret_driver = driver;
			return 0;
		}
	int r = refuse(-EINVAL, "invalid log driver \"%s\"", word);
	hint("choose k8s-file, json-file, journald, none or passthrough");
	return r;
}

/* Options of Docker's and Podman's that change nothing here. */
static bool has_no_effect(const char *name)
{
	static const char names[][20] = {"labels", "labels-regex", "env", "env-regex", "mode",
		"max-buffer-size", "compress", "label"};
	for (size_t i = 0; i < array_length(names); i++)
		if (text_equal(name, names[i]))
			return true;
	return false;
}

static int read_option(const char *option, const struct logs_subject *subject, struct arena *arena,
	struct logs_settings *settings)
{
	const char *equals = strchr(option, '=');
	if (!equals)
		return refuse(-EINVAL, "--log-opt %s is not NAME=VALUE", option);
	const char *name = arena_strndup(arena, option, (size_t)(equals - option));
	const char *value = equals + 1;
	if (text_equal(name, "path")) {
		if (value[0] != '/')
			return refuse(-EINVAL, "--log-opt path=%s is not absolute", value);
		settings->path = value;
		return 0;
	}
	if (text_equal(name, "tag")) {
		settings->tag = value;
		return 0;
	}
	if (text_equal(name, "max-size")) {
		if (text_equal(value, "-1"))
			return 0;
		if (parse_size(value, &settings->max_size_bytes) < 0)
			return refuse(-EINVAL, "--log-opt max-size=%s is not a size", value);
		return 0;
	}
	if (text_equal(name, "max-file")) {
		uint64_t files;
		if (parse_uint64(value, 1000, &files) < 0 || files == 0)
			return refuse(
				-EINVAL, "--log-opt max-file=%s is not a number from 1", value);
		settings->max_files = (uint32_t)files;
		return 0;
	}
	if (has_no_effect(name))
		return 0;
	return refuse(-EINVAL, "unknown log option \"%s\"", name);
}

int logs_settings_read(const char *driver, const struct strings *options,
	const struct logs_subject *subject, struct arena *arena, struct logs_settings *ret_settings)
{
	struct logs_settings settings = {
		.max_files = 1,
		.id = subject->id,
		.name = subject->name,
		.image = subject->image,
	};
	int r = read_driver(driver, &settings.driver);
	for (size_t i = 0; r == 0 && i < options->count; i++)
		r = read_option(options->items[i], subject, arena, &settings);
	if (r < 0)
		return r;
	bool file = settings.driver == LOGS_K8S_FILE || settings.driver == LOGS_JSON_FILE;
	if (!file)
		settings.path = NULL;
	else if (!settings.path)
		settings.path = arena_format(arena, "%s/ctr.log", subject->directory);
	*ret_settings = settings;
	return 0;
}

int logs_prepare(const struct logs_settings *settings)
{
	if (!settings->path)
		return 0;
	autoclose int fd = open(settings->path,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat facts;
	if (fd < 0 || fstat(fd, &facts) < 0)
		return fail(-errno, "open the log %s", settings->path);
	return S_ISREG(facts.st_mode)
		       ? 0
		       : refuse(-EINVAL, "the log %s is not a regular file", settings->path);
}
