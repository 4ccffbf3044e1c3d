// SPDX-License-Identifier: Apache-2.0

/* `rung load`: images out of a file, a pipe or a directory. */

#include "engine/image/archive.h"
#include "verbs/image/common.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct load_options {
	const char *input;
	bool quiet;
};

static const struct option load_options[] = {
	{"-i, --input=FILE", "read FILE (or a directory) instead of standard input",
		text_in(load_options, input)},
	{"-q, --quiet", "say only what was loaded", flag_in(load_options, quiet)},
	{},
};

static int load(struct invocation *invocation, struct store *store, const char *input,
	struct archive_images *ret)
{
	struct arena *arena = invocation->arena;
	bool local = manner_of(invocation) == MANNER_PODMAN;
	struct stat about;
	autoclose int fd = -1;
	if (!input || text_equal(input, "-")) {
		if (isatty(STDIN_FILENO)) {
			int r = refuse(-EINVAL, "standard input is a terminal");
			hint("name the file: rung load -i FILE");
			return r;
		}
		return archive_load(store, STDIN_FILENO, local, arena, ret);
	}
	fd = open(input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &about) < 0)
		return fail(-errno, "%s", input);
	if (S_ISDIR(about.st_mode))
		return archive_load_directory(store, input, local, arena, ret);
	return archive_load(store, fd, local, arena, ret);
}

static void tell(struct invocation *invocation, const struct archive_images *loaded)
{
	struct arena *arena = invocation->arena;
	for (size_t i = 0; i < loaded->count; i++) {
		const struct archive_image *image = &loaded->images[i];
		if (image->names.count == 0)
			printf(manner_of(invocation) == MANNER_PODMAN ? "Loaded image: %s\n"
								      : "Loaded image ID: %s\n",
				image->id);
		for (size_t n = 0; n < image->names.count; n++)
			printf("Loaded image: %s\n",
				image_shown_name(invocation, image->names.items[n], arena));
		event_write("image", "load", image->id,
			image->names.count ? image->names.items[0] : NULL, NULL, 0);
	}
}

static int run(struct invocation *invocation)
{
	const struct load_options *options = options_of(invocation, load_options);
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct archive_images loaded = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r == 0)
		r = load(invocation, &store, options->input, &loaded);
	if (r < 0)
		return wrap(r, "load");
	tell(invocation, &loaded);
	close_now(lock);
	image_collect_pending(&store);
	return 0;
}

const struct verb verb_load = {
	.name = "load",
	.summary = "bring images out of an archive",
	.arguments = "",
	.failure_status = 125,
	verb_options(load_options),
	.run = run,
	.description =
		"Reads what rung, Docker, Podman, buildah or skopeo saved: a docker-archive "
		"or an oci-archive, also compressed, or the directory of an OCI image layout.",
	.examples = "From another machine\n$ ssh other rung save web | rung load\n",
};
