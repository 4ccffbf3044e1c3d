// SPDX-License-Identifier: Apache-2.0

/*
 * One table says what each word is, and whether something stands behind "=". Reading and writing
 * use it both ways.
 */

#include "plan/permission.h"

#include "base/error.h"
#include "base/text.h"

#include <ctype.h>

enum value_kind { NOTHING, MODE, PATH, HOST, PORT, NAME };

static const struct {
	char name[16];
	uint8_t value;
	bool optional;
	char meaning[80];
} kinds[PERMISSION_COUNT] = {
	[PERMISSION_HOME] = {"home", MODE, true, "all files of your home directory, keys too"},
	[PERMISSION_READ] = {"read", PATH, false, "read these files"},
	[PERMISSION_WRITE] = {"write", PATH, false, "change these files for good"},
	[PERMISSION_EXEC] = {"exec", PATH, false, "run programs from there"},
	[PERMISSION_NET] = {"net", HOST, true, "send and receive over the network"},
	[PERMISSION_LISTEN] = {"listen", PORT, false, "be reached from other machines"},
	[PERMISSION_DISPLAY] = {"display", NOTHING, true, "open windows; X11 also watches keys"},
	[PERMISSION_AUDIO] = {"audio", NOTHING, true, "play sound, and use the microphone"},
	[PERMISSION_GPU] = {"gpu", NOTHING, true, "use the graphics card"},
	[PERMISSION_CAMERA] = {"camera", NOTHING, true, "see through the camera"},
	[PERMISSION_USB] = {"usb", NOTHING, true, "talk to any device on USB"},
	[PERMISSION_DBUS] = {"dbus", NAME, false, "talk to another program over D-Bus"},
	[PERMISSION_SSH_AGENT] = {"ssh-agent", NOTHING, true, "log in elsewhere with your keys"},
	[PERMISSION_CLIPBOARD] = {"clipboard", NOTHING, true, "read and set the clipboard"},
	[PERMISSION_NOTIFICATIONS] = {"notifications", NOTHING, true, "show notifications"},
	[PERMISSION_ENV] = {"env", NAME, false, "know this variable, which may be a secret"},
	[PERMISSION_DEVICE] = {"device", PATH, false, "use this device"},
	[PERMISSION_PTRACE] = {"ptrace", NOTHING, true, "debug its own processes"},
	[PERMISSION_USERNS] = {"userns", NOTHING, true, "make namespaces of its own"},
};

const char *const permission_answer_names[] = {"allow", "deny", "ask"};

const char *permission_kind_name(enum permission_kind kind)
{
	return kinds[kind].name;
}

const char *permission_kind_meaning(enum permission_kind kind)
{
	return kinds[kind].meaning;
}

bool permission_has_path(enum permission_kind kind)
{
	return kinds[kind].value == PATH;
}

/* ---- paths --------------------------------------------------------------------- */

bool path_is_below(const char *path, const char *tree)
{
	size_t length = strlen(tree);
	if (length == 1) /* "/" */
		return true;
	return strncmp(path, tree, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Removes empty parts, "." and "..", which stops at the root. */
static void normalize(char *path)
{
	char *out = path;
	const char *in = path;
	while (*in) {
		in += strspn(in, "/");
		size_t length = strcspn(in, "/");
		if (length == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (length > 0 && !(length == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, length);
			out += length;
		}
		in += length;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

int path_clean(const char *path, const struct permission_place *place, struct arena *arena,
	const char **ret_path)
{
	char *whole;
	if (text_empty(path))
		return refuse(-EINVAL, "a path is missing");
	if (path[0] == '/') {
		whole = arena_format(arena, "%s", path);
	} else if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
		if (!place->home)
			return refuse(-EINVAL, "%s: there is no home directory", path);
		whole = arena_format(arena, "%s/%s", place->home, path + 1);
	} else {
		if (!place->directory)
			return refuse(-EINVAL, "%s: a path must begin with / or ~/", path);
		whole = arena_format(arena, "%s/%s", place->directory, path);
	}
	normalize(whole);
	*ret_path = whole;
	return 0;
}

/* ---- values ---------------------------------------------------------------------- */

static int read_port(const char *text, const char *word, uint16_t *ret_port)
{
	uint64_t port;
	if (parse_uint64(text, UINT16_MAX, &port) < 0 || port == 0)
		return refuse(-EINVAL, "%s: a port is a number from 1 to 65535", word);
	*ret_port = (uint16_t)port;
	return 0;
}

static bool is_host_letter(char c)
{
	return isalnum((unsigned char)c) || strchr("-._*:/%", c);
}

/* "host", "host:80", "10.0.0.0/8:80", "::1", "[::1]:80" */
static int read_host(
	const char *value, const char *word, struct arena *arena, struct permission *permission)
{
	const char *host = value, *port = NULL;
	size_t length = strlen(value);
	if (value[0] == '[') {
		const char *end = strchr(value, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return refuse(-EINVAL, "%s: write [ADDRESS]:PORT", word);
		host = value + 1;
		length = (size_t)(end - host);
		port = end[1] ? end + 2 : NULL;
	} else {
		const char *colon = strchr(value, ':');
		if (colon && !strchr(colon + 1, ':')) {
			length = (size_t)(colon - value);
			port = colon + 1;
		}
	}
	char *lower = arena_strndup(arena, host, length);
	for (char *c = lower; *c; c++) {
		if (!is_host_letter(*c))
			return refuse(-EINVAL, "%s: that is no host name or address", word);
		*c = (char)tolower((unsigned char)*c);
	}
	if (length == 0)
		return refuse(-EINVAL, "%s: a host is missing", word);
	permission->value = text_equal(lower, "*") ? NULL : lower;
	return port ? read_port(port, word, &permission->port) : 0;
}

static int read_name(
	const char *value, const char *word, struct arena *arena, struct permission *permission)
{
	for (const char *c = value; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '=')
			return refuse(-EINVAL, "%s: that is no name", word);
	permission->value = arena_strdup(arena, value);
	return 0;
}

static int read_value(const char *value, const char *word, const struct permission_place *place,
	struct arena *arena, struct permission *permission)
{
	switch ((enum value_kind)kinds[permission->kind].value) {
	case PATH:
		return path_clean(value, place, arena, &permission->value);
	case HOST:
		return read_host(value, word, arena, permission);
	case PORT:
		return read_port(value, word, &permission->port);
	case NAME:
		return read_name(value, word, arena, permission);
	default:
		return refuse(-EINVAL, "%s: nothing stands behind %s", word,
			kinds[permission->kind].name);
	}
}

/* ---- words ----------------------------------------------------------------------- */

static int find_kind(const char *word, size_t length, enum permission_kind *ret_kind)
{
	for (int i = 0; i < PERMISSION_COUNT; i++)
		if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, word, length) == 0) {
			*ret_kind = (enum permission_kind)i;
			return 0;
		}
	int r = refuse(-EINVAL, "unknown permission \"%.*s\"", (int)length, word);
	hint("permissions are home, read=PATH, write=PATH, exec=PATH, net[=HOST[:PORT]], "
	     "listen=PORT, display, audio, gpu, camera, usb, dbus=NAME, ssh-agent, clipboard, "
	     "notifications, env=NAME, device=PATH, ptrace and userns");
	return r;
}

int permission_parse(const char *word, enum permission_answer answer,
	const struct permission_place *place, struct arena *arena, struct permission *ret)
{
	struct permission permission = {.answer = answer};
	size_t length = strcspn(word, "=:");
	int r = find_kind(word, length, &permission.kind);
	if (r < 0)
		return r;
	const char *rest = word + length;
	if (kinds[permission.kind].value == MODE && text_equal(rest, ":ro"))
		permission.read_only = true;
	else if (rest[0] == '=' && rest[1])
		r = read_value(rest + 1, word, place, arena, &permission);
	else if (rest[0] || !kinds[permission.kind].optional)
		r = refuse(-EINVAL, "%s: write %s=%s", word, kinds[permission.kind].name,
			permission_has_path(permission.kind) ? "PATH" : "VALUE");
	if (r < 0)
		return r;
	*ret = permission;
	return 0;
}

const char *permission_word(const struct permission *permission, struct arena *arena)
{
	const char *name = kinds[permission->kind].name, *value = permission->value;
	bool brackets = value && permission->kind == PERMISSION_NET && strchr(value, ':');
	if (permission->kind == PERMISSION_LISTEN)
		return arena_format(arena, "%s=%u", name, permission->port);
	if (permission->kind == PERMISSION_NET && permission->port)
		return arena_format(arena, "%s=%s%s%s:%u", name, brackets ? "[" : "",
			value ? value : "*", brackets ? "]" : "", permission->port);
	if (value)
		return arena_format(arena, "%s=%s", name, value);
	return permission->read_only ? arena_format(arena, "%s:ro", name) : name;
}

/* ---- lists -------------------------------------------------------------------------- */

void permissions_add(
	struct permissions *permissions, const struct permission *permission, struct arena *arena)
{
	/* Room doubles at the powers of two. */
	size_t count = permissions->count;
	if ((count & (count - 1)) == 0) {
		struct permission *items =
			arena_new(arena, struct permission, count ? count * 2 : 1);
		if (count)
			memcpy(items, permissions->items, count * sizeof(*items));
		permissions->items = items;
	}
	permissions->items[permissions->count++] = *permission;
}

const struct permission *permissions_find(
	const struct permissions *permissions, enum permission_kind kind, const char *value)
{
	for (size_t i = permissions->count; i-- > 0;) {
		const struct permission *item = &permissions->items[i];
		if (item->kind == kind &&
			(item->value == value ||
				(item->value && value && text_equal(item->value, value))))
			return item;
	}
	return NULL;
}

bool permissions_allow(const struct permissions *permissions, enum permission_kind kind)
{
	const struct permission *found = permissions_find(permissions, kind, NULL);
	return found && found->answer == PERMISSION_ALLOW;
}
