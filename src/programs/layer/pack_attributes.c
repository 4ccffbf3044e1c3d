// SPDX-License-Identifier: Apache-2.0

/* Extended attributes of files that go into an archive; see pack.h. */

#include "base/error.h"
#include "base/fs.h"
#include "pack.h"

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

/* lgetxattr(2) and its like take paths only: by the kernel's name of the directory. */
static void path_of(const struct pack_place *place, struct text *ret)
{
	text_format(ret, "%s/%s", fd_path(place->parent_fd).text, place->name);
}

static ssize_t read_attribute(
	const struct pack_place *place, const char *attribute, void *value, size_t room)
{
	if (place->fd >= 0)
		return fgetxattr(place->fd, attribute, value, room);
	autofini(text_fini) struct text path = {};
	path_of(place, &path);
	return lgetxattr(text_get(&path), attribute, value, room);
}

static ssize_t list(const struct pack_place *place, char *names, size_t room)
{
	if (place->fd >= 0)
		return flistxattr(place->fd, names, room);
	autofini(text_fini) struct text path = {};
	path_of(place, &path);
	return llistxattr(text_get(&path), names, room);
}

/*
 * Labels of SELinux, IMA and EVM are this machine's; what a file may do (security.capability) is
 * the file's own. Overlay's notes are about the place, not about the file.
 */
static bool is_wanted(const char *name)
{
	if (text_starts(name, "security."))
		return text_equal(name, "security.capability");
	return !text_starts(name, "trusted.overlay.") && !text_starts(name, "user.overlay.");
}

int pack_attributes(struct packer *packer, const struct pack_place *place, struct tar_entry *entry)
{
	ssize_t length = list(place, packer->names, sizeof(packer->names));
	/* ENOTSUP: a file system without; EPERM, EACCES: not for us to see. */
	if (length < 0)
		return errno == ENOTSUP || errno == EPERM || errno == EACCES
			       ? 0
			       : fail(-errno, "attributes of %s", report_show(entry->path).text);
	size_t used = 0, count = 0;
	for (const char *name = packer->names; name < packer->names + length;
		name += strlen(name) + 1) {
		if (!is_wanted(name))
			continue;
		char *value = packer->values + used;
		ssize_t size = read_attribute(place, name, value, sizeof(packer->values) - used);
		if (size < 0 || count == array_length(packer->attributes)) {
			report_skip(packer->report, "%s: attribute %s cannot be kept",
				report_show(entry->path).text, report_show(name).text);
			continue;
		}
		packer->attributes[count++] = (struct tar_attribute){name, value, (size_t)size};
		used += (size_t)size;
	}
	entry->attributes = packer->attributes;
	entry->attribute_count = count;
	return 0;
}

size_t pack_overlay_attribute(const struct packer *packer, const struct pack_place *place,
	const char *name, char *value, size_t room)
{
	if (!packer->command->overlay)
		return 0;
	char attribute[64];
	(void)snprintf(attribute, sizeof(attribute), "%s%s", packer->command->overlay, name);
	ssize_t length = read_attribute(place, attribute, value, room);
	return length > 0 ? (size_t)length : 0;
}
