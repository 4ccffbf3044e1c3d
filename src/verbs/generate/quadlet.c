// SPDX-License-Identifier: Apache-2.0

/*
 * `rung quadlet`: files that describe containers, volumes, pods and images become services. In:
 * *.container, *.volume, *.pod, *.image. Out: one .service each, and the links that [Install] asks
 * for; or all mistakes, each as FILE:LINE, and a status that is not 0.
 *
 * systemd calls it at boot under the name of a generator, with three directories
 * (systemd.generator(7)); a person calls it to see and to check.
 */

#include "verbs/generate/quadlet.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct quadlet_options {
	const char *output;
	bool user, dry_run;
};

static const struct option quadlet_options[] = {
	{"-o, --output=DIR", "write the services there instead of to standard output",
		text_in(quadlet_options, output)},
	{"--user", "an ordinary user's files, where none are named",
		flag_in(quadlet_options, user)},
	{"-n, --dry-run, --dryrun", "only look for mistakes", flag_in(quadlet_options, dry_run)},
	{},
};

struct generating {
	struct invocation *invocation;
	const char *output; /* NULL: standard output */
	bool dry_run;
	int mistakes;
	size_t count;
};

static void complain(void *context)
{
	struct generating *generating = context;
	tell_failure(generating->invocation);
}

/* ---- one file ------------------------------------------------------------------------------ */

static int save(const struct generating *generating, const char *service, const struct text *unit)
{
	const char *path =
		arena_format(generating->invocation->arena, "%s/%s", generating->output, service);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text_get(unit), unit->length) != (ssize_t)unit->length)
		return fail(-errno, "write %s", path);
	return 0;
}

/* What `systemctl enable` would do, which is not for units that are made at every boot. */
static int link_unit(const struct generating *generating, const struct unit_file *file,
	const char *service, const char *key, const char *ending)
{
	struct arena *arena = generating->invocation->arena;
	const char *targets = unit_value(file, "Install", key);
	char *rest = arena_strdup(arena, targets ? targets : ""), *target;
	while ((target = strsep(&rest, " "))) {
		if (*target == '\0' || strchr(target, '/'))
			continue;
		const char *directory =
			arena_format(arena, "%s/%s.%s", generating->output, target, ending);
		const char *path = arena_format(arena, "%s/%s", directory, service);
		int r = fs_make_dirs(directory, 0755);
		(void)unlink(path);
		if (r == 0 && symlink(arena_format(arena, "../%s", service), path) < 0)
			r = fail(-errno, "link %s", path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int generate(struct generating *generating, const char *path)
{
	struct arena *arena = generating->invocation->arena;
	autofini(text_fini) struct text unit = {};
	struct unit_file file;
	int r = unit_read(path, arena, &file);
	if (r == 0)
		r = quadlet_write(&file, arena, complain, generating, &unit);
	if (r < 0)
		return r;
	generating->count++;
	generating->mistakes += r;
	if (r > 0 || generating->dry_run)
		return 0;
	const char *service = quadlet_service(&file, arena);
	if (!generating->output) {
		printf("---%s---\n%s\n", service, text_get(&unit));
		return 0;
	}
	r = save(generating, service, &unit);
	if (r == 0)
		r = link_unit(generating, &file, service, "WantedBy", "wants");
	return r == 0 ? link_unit(generating, &file, service, "RequiredBy", "requires") : r;
}

/* A file that cannot be used does not keep the others from being made. */
static void try_file(struct generating *generating, const char *path)
{
	if (generate(generating, path) < 0) {
		generating->mistakes++;
		tell_failure(generating->invocation);
	}
}

/* ---- directories
 * --------------------------------------------------------------------------------- */

static bool is_ours(const char *name)
{
	static const char endings[][12] = {
		".container", ".volume", ".pod", ".image", ".network", ".kube", ".build"};
	for (size_t i = 0; i < array_length(endings); i++)
		if (name[0] != '.' && text_ends(name, endings[i]))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void try_directory(struct generating *generating, const char *path)
{
	struct arena *arena = generating->invocation->arena;
	DIR *stream = opendir(path);
	const struct dirent *entry;
	const char *names[512];
	size_t count = 0;
	while (stream && count < array_length(names) && (entry = readdir(stream)))
		if (is_ours(entry->d_name))
			names[count++] = arena_format(arena, "%s/%s", path, entry->d_name);
	if (stream)
		closedir(stream);
	qsort(names, count, sizeof(*names), compare);
	for (size_t i = 0; i < count; i++)
		try_file(generating, names[i]);
}

static void try_usual_places(struct generating *generating, bool user)
{
	struct arena *arena = generating->invocation->arena;
	const char *configuration = getenv("XDG_CONFIG_HOME"), *home = places_home();
	if (!user) {
		try_directory(generating, "/run/containers/systemd");
		try_directory(generating, "/etc/containers/systemd");
		try_directory(generating, "/usr/share/containers/systemd");
		return;
	}
	if (!text_empty(configuration))
		try_directory(
			generating, arena_format(arena, "%s/containers/systemd", configuration));
	else if (home)
		try_directory(
			generating, arena_format(arena, "%s/.config/containers/systemd", home));
	try_directory(generating,
		arena_format(arena, "/etc/containers/systemd/users/%u", (unsigned)getuid()));
	try_directory(generating, "/etc/containers/systemd/users");
}

static int run(struct invocation *invocation)
{
	const struct quadlet_options *options = options_of(invocation, quadlet_options);
	struct generating generating = {
		.invocation = invocation, .output = options->output, .dry_run = options->dry_run};
	bool generator = strstr(invocation->words, "-generator") != NULL;
	if (generator) {
		if (invocation->argument_count == 0)
			return usage_error(invocation, "systemd calls this with directories");
		generating.output = invocation->arguments[0];
		try_usual_places(&generating, strstr(invocation->words, "user") != NULL);
		return generating.mistakes ? 1 : 0;
	}
	if (generating.output) {
		int r = fs_make_dirs(generating.output, 0755);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < invocation->argument_count; i++) {
		struct stat about;
		const char *path = invocation->arguments[i];
		if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
			try_directory(&generating, path);
		else
			try_file(&generating, path);
	}
	if (invocation->argument_count == 0)
		try_usual_places(&generating, options->user || getuid() != 0);
	return generating.mistakes ? invocation->failure_status : 0;
}

const struct verb verb_quadlet = {
	.name = "quadlet",
	.programs = "rung-generator,rung-user-generator",
	.summary = "turn .container, .volume, .pod and .image files into services",
	.arguments = "[FILE|DIR...]",
	verb_options(quadlet_options),
	.description =
		"Reads files in the form of Podman's Quadlet and prints the systemd services that "
		"they mean, or writes them to a directory. Every mistake is told with file and "
		"line; a file with mistakes gives no service, and the status is then not 0. "
		"Without a FILE it reads /etc/containers/systemd, or for an ordinary user "
		"~/.config/containers/systemd.\n\n"
		"Linked as rung-generator into /usr/lib/systemd/system-generators, or as "
		"rung-user-generator into /usr/lib/systemd/user-generators, systemd calls it at "
		"boot and at every daemon-reload.",
	.examples = "Check files before the machine does\n"
		    "$ rung quadlet --dry-run /etc/containers/systemd\n",
	.run = run,
};
