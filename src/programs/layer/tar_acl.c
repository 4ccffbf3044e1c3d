// SPDX-License-Identifier: Apache-2.0

/*
 * ACLs as text, which star, GNU tar (--acls) and bsdtar write: "user::rw-,user:1000:r--,group::r--,
 * mask::r--,other::---", with the number as a fourth field where the second is a name. The kernel
 * takes them as the value of an attribute: a version, then tag, permissions and id of each entry in
 * little endian, in the order of their tags (include/uapi/linux/posix_acl_xattr.h).
 */

#include "tar.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define ENTRIES_MAX 256
#define NO_ID UINT32_MAX

struct acl_entry {
	uint16_t tag, permissions;
	uint32_t id;
};

/* The tags of entries with an id are twice those without, but for mask and other. */
enum { TAG_USER_OBJECT = 1, TAG_USER = 2, TAG_GROUP_OBJECT = 4, TAG_GROUP = 8 };
enum { TAG_MASK = 0x10, TAG_OTHER = 0x20 };

static int read_id(const char *name, const char *number, uint32_t *ret)
{
	uint64_t id;
	const char *word = number && isdigit((unsigned char)number[0]) ? number : name;
	int r = parse_uint64(word, UINT32_MAX - 1, &id);
	if (r == 0)
		*ret = (uint32_t)id;
	return r;
}

static int read_entry(char *text, struct acl_entry *ret)
{
	text[strcspn(text, "\t#")] = '\0'; /* what is effective, a comment */
	char *rest = text, *tag = strsep(&rest, ":"), *name = rest ? strsep(&rest, ":") : NULL;
	char *permissions = rest ? strsep(&rest, ":") : NULL;
	if (!permissions)
		return -EINVAL;
	bool named = name[0] != '\0';
	*ret = (struct acl_entry){.id = NO_ID};
	if (text_equal(tag, "user"))
		ret->tag = named ? TAG_USER : TAG_USER_OBJECT;
	else if (text_equal(tag, "group"))
		ret->tag = named ? TAG_GROUP : TAG_GROUP_OBJECT;
	else if (text_equal(tag, "mask") && !named)
		ret->tag = TAG_MASK;
	else if (text_equal(tag, "other") && !named)
		ret->tag = TAG_OTHER;
	else
		return -EINVAL;
	for (const char *c = permissions; *c; c++) {
		const char *bits = "xwr", *bit = strchr(bits, *c);
		if (!bit && *c != '-')
			return -EINVAL;
		if (bit)
			ret->permissions |= (uint16_t)(1 << (bit - bits));
	}
	return named ? read_id(name, rest, &ret->id) : 0;
}

static int compare(const void *a, const void *b)
{
	const struct acl_entry *one = a, *other = b;
	if (one->tag != other->tag)
		return one->tag < other->tag ? -1 : 1;
	return one->id < other->id ? -1 : one->id > other->id;
}

static void put(unsigned char **at, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*(*at)++ = (unsigned char)(value >> (8 * i));
}

int tar_acl_value(char *text, size_t room, size_t *ret_length)
{
	struct acl_entry entries[ENTRIES_MAX];
	size_t count = 0;
	autofree char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	char *rest = copy, *word;
	while ((word = strsep(&rest, ",\n"))) {
		if (word[0] == '\0')
			continue;
		if (count == ENTRIES_MAX || read_entry(word, &entries[count++]) < 0)
			return -EINVAL;
	}
	if (count == 0 || 4 + 8 * count > room)
		return -EINVAL;
	qsort(entries, count, sizeof(entries[0]), compare);
	unsigned char *at = (unsigned char *)text;
	put(&at, 2, 4);
	for (size_t i = 0; i < count; i++) {
		put(&at, entries[i].tag, 2);
		put(&at, entries[i].permissions, 2);
		put(&at, entries[i].id, 4);
	}
	*ret_length = 4 + 8 * count;
	return 0;
}
