// SPDX-License-Identifier: Apache-2.0

/* `rung volume export` and `import`: a volume's files as a tar archive. */

#include "verbs/volume/common.h"
#include "verbs/whole_file.h"

#include "base/fs.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <unistd.h>

struct volume_export_options {
	const char *output;
};

static const struct option volume_export_options[] = {
	{"-o, --output=FILE", "where the archive goes; standard output otherwise",
		text_in(volume_export_options, output)},
	{},
};

static int open_volume(struct invocation *invocation, struct volume *ret_volume)
{
	int r = volume_find(places_data(invocation->arena), invocation->arguments[0],
		invocation->arena, ret_volume);
	if (r < 0)
		return r;
	if (!volume_is_plain(ret_volume))
		return refuse(-EOPNOTSUPP,
			"volume %s is mounted by its containers alone (type=, device=)",
			ret_volume->name);
	int fd = open(ret_volume->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "volume %s", ret_volume->name) : fd;
}

static int export(struct invocation *invocation)
{
	const char *path = options_of(invocation, volume_export_options)->output;
	struct volume volume;
	autoclose int tree = open_volume(invocation, &volume);
	if (tree < 0)
		return tree;
	struct whole_file file = WHOLE_FILE_NONE;
	if (!path && isatty(STDOUT_FILENO))
		return usage_error(
			invocation, "an archive is nothing for a terminal: --output FILE");
	int r = path ? whole_file_open(path, 0600, invocation->arena, &file) : 0;
	if (r < 0)
		return r;
	const struct layer_archive archive = {.tree_fd = tree,
		.output_fd = path ? file.fd : STDOUT_FILENO,
		.compression = LAYER_PLAIN,
		.user_namespace_fd = -1};
	r = whole_file_finish(&file, layer_archive(&archive, NULL));
	return r < 0 ? wrap(r, "export volume %s", volume.name) : 0;
}

const struct verb verb_volume_export = {
	.name = "export",
	.summary = "write a volume's files as an archive",
	.arguments = "VOLUME",
	verb_options(volume_export_options),
	.description = "Writes all files of a volume as a tar archive, with owners, attributes "
		       "and times.",
	.examples = "Carry it to another machine\n"
		    "$ rung volume export data | ssh other rung volume import data -\n",
	.run = export,
};

static int import(struct invocation *invocation)
{
	const char *path = invocation->arguments[1];
	struct volume volume;
	autoclose int tree = open_volume(invocation, &volume);
	if (tree < 0)
		return tree;
	autoclose int input = -1;
	bool standard = text_equal(path, "-");
	if (!standard) {
		input = open(path, O_RDONLY | O_CLOEXEC);
		if (input < 0)
			return fail(-errno, "%s", path);
	}
	const struct layer_extract extract = {.input_fd = standard ? STDIN_FILENO : input,
		.tree_fd = tree,
		.user_namespace_fd = -1};
	int r = layer_extract(&extract, NULL);
	return r < 0 ? wrap(r, "import into volume %s", volume.name) : 0;
}

const struct verb verb_volume_import = {
	.name = "import",
	.summary = "put the files of an archive into a volume",
	.arguments = "VOLUME FILE",
	.description = "Unpacks a tar archive, also a compressed one, into a volume that exists; "
		       "files of the same name are replaced, others stay. FILE may be -, standard "
		       "input.",
	.run = import,
};
