// SPDX-License-Identifier: Apache-2.0

/*
 * What a program of a desktop needs: sockets of the person's session, devices, and the variables
 * that say where they are. Each word shows these and nothing beside them.
 *
 * How strong the wall stays is decided by who listens at the other end. A Wayland compositor shows
 * a client nothing of the others; an X server shows it every key that is typed, unless it takes the
 * client for an untrusted one (the SECURITY extension, by a cookie that xauth(1) makes).
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/log.h"
#include "engine/sandbox/compose.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void show(struct composing *composing, const char *path, bool writable)
{
	if (!exists(path))
		return;
	struct plan_mount *mount = compose_add_mount(composing, path);
	mount->type = "bind";
	mount->source = path;
	mount->bind = mount->recursive = true;
	mount->recursive_set =
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (writable ? 0 : MOUNT_ATTR_RDONLY);
}

static void set_variable(struct composing *composing, const char *name, const char *value)
{
	composing->variables[composing->variable_count++] =
		arena_format(composing->arena, "%s=%s", name, value);
}

static void keep_variable(struct composing *composing, const char *name)
{
	const char *value = getenv(name);
	if (!text_empty(value))
		set_variable(composing, name, value);
}

/* A socket of the session, where the program looks for it: in its own runtime directory. */
static bool show_from_runtime(struct composing *composing, const char *name)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (text_empty(runtime) || strchr(name, '.') == name)
		return false;
	const char *source = arena_format(composing->arena, "%s/%s", runtime, name);
	if (!exists(source))
		return false;
	struct plan_mount *mount = compose_add_mount(
		composing, arena_format(composing->arena, "%s/%s", composing->runtime, name));
	mount->type = "bind";
	mount->source = source;
	mount->bind = mount->recursive = true;
	mount->recursive_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	return true;
}

/* /dev/video0, /dev/video1, … */
static void show_devices(struct composing *composing, const char *directory, const char *prefix)
{
	DIR *stream = opendir(directory);
	unsigned left = COMPOSE_DEVICES_MAX;
	const struct dirent *entry;
	while (stream && left && (entry = readdir(stream)))
		if (text_starts(entry->d_name, prefix) && entry->d_name[0] != '.') {
			show(composing,
				arena_format(composing->arena, "%s/%s", directory, entry->d_name),
				true);
			left--;
		}
	if (stream)
		closedir(stream);
}

/* ---- one word each ----------------------------------------------------------------------- */

static void show_audio(struct composing *composing)
{
	(void)show_from_runtime(composing, "pipewire-0");
	if (show_from_runtime(composing, "pulse/native"))
		set_variable(composing, "PULSE_SERVER",
			arena_format(composing->arena, "unix:%s/pulse/native", composing->runtime));
	show(composing, "/dev/snd", true);
}

static void show_gpu(struct composing *composing)
{
	show(composing, "/dev/dri", true);
	show_devices(composing, "/dev", "nvidia");
	show(composing, "/dev/kfd", true);
	show(composing, "/sys/dev/char", false);
	show(composing, "/sys/class/drm", false);
	show(composing, "/sys/devices/pci0000:00", false);
	show(composing, "/sys/bus/pci", false);
	keep_variable(composing, "__GLX_VENDOR_LIBRARY_NAME");
	keep_variable(composing, "LIBGL_ALWAYS_SOFTWARE");
}

static void show_camera(struct composing *composing)
{
	show_devices(composing, "/dev", "video");
	show_devices(composing, "/dev", "media");
	show(composing, "/sys/class/video4linux", false);
}

static void show_usb(struct composing *composing)
{
	show(composing, "/dev/bus/usb", true);
	show(composing, "/sys/bus/usb", false);
	show(composing, "/sys/devices", false);
	show(composing, "/run/udev", false);
}

static void show_ssh_agent(struct composing *composing)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	if (text_empty(path) || path[0] != '/' || !exists(path))
		return;
	const char *inside =
		arena_format(composing->arena, "%s/ssh-agent.sock", composing->runtime);
	struct plan_mount *mount = compose_add_mount(composing, inside);
	mount->type = "bind";
	mount->source = path;
	mount->bind = true;
	mount->attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	set_variable(composing, "SSH_AUTH_SOCK", inside);
}

/* ---- display --------------------------------------------------------------------------------- */

static bool show_wayland(struct composing *composing)
{
	const char *name = getenv("WAYLAND_DISPLAY");
	if (text_empty(name) || strchr(name, '/') || !show_from_runtime(composing, name))
		return false;
	set_variable(composing, "WAYLAND_DISPLAY", name);
	return true;
}

/* ":0", ":0.0", "unix:0" → 0; -1 for displays of other machines. */
static int display_number(const char *display)
{
	const char *colon = strchr(display, ':');
	char *end;
	if (!colon || (colon != display && strncmp(display, "unix:", 5) != 0))
		return -1;
	long number = strtol(colon + 1, &end, 10);
	return end == colon + 1 || number < 0 || number > 65535 ? -1 : (int)number;
}

/* It speaks to the server with the cookies of $XAUTHORITY, whatever file it works on. */
static int run_xauth(struct arena *arena, const char *authority, const char *const *arguments)
{
	const char *const environment[] = {arena_format(arena, "XAUTHORITY=%s", authority), NULL};
	autofini(text_fini) struct text said = {};
	const struct process_spawn spawn = {.program = "/usr/bin/xauth",
		.arguments = arguments,
		.environment = environment,
		.output = &said,
		.timeout_ms = 3000};
	int status = -1;
	int r = process_spawn(&spawn, &status);
	error_clear();
	return r < 0 ? r : status;
}

/* xauth(1) asks the server, with the person's cookie, for one of an untrusted client. */
static const char *untrusted_cookie(
	struct composing *composing, const char *trusted, const char *display)
{
	const char *path = composing->wishes->state_path;
	if (!path || !trusted || !exists("/usr/bin/xauth"))
		return NULL;
	const char *file = arena_format(composing->arena, "%s.xauthority", path);
	const char *const extract[] = {"xauth", "-q", "extract", file, display, NULL};
	/* Seconds without a client until it is void; 0, for never, is void at once in practice. */
	const char *const generate[] = {
		"xauth", "-q", "generate", display, ".", "untrusted", "timeout", "604800", NULL};
	if (run_xauth(composing->arena, trusted, extract) == 0 && exists(file) &&
		run_xauth(composing->arena, file, generate) == 0)
		return file;
	(void)unlink(file);
	return NULL;
}

static const char *trusted_cookie(const struct composing *composing)
{
	const char *file = getenv("XAUTHORITY");
	if (text_empty(file) && composing->home)
		file = arena_format(composing->arena, "%s/.Xauthority", composing->home);
	return !text_empty(file) && exists(file) ? file : NULL;
}

static void show_x11(struct composing *composing, bool wayland)
{
	const char *display = getenv("DISPLAY");
	int number = text_empty(display) ? -1 : display_number(display);
	const char *socket = arena_format(composing->arena, "/tmp/.X11-unix/X%d", number);
	if (number < 0 || !exists(socket))
		return;
	const char *trusted = trusted_cookie(composing);
	const char *cookie = untrusted_cookie(composing, trusted, display);
	if (!cookie && wayland)
		return; /* the safer one is there; the other would take its worth away */
	if (!cookie) {
		warn("display: this X server tells clients apart by nothing: the program can "
		     "watch the keyboard and the windows of others");
		cookie = trusted;
	}
	show(composing, socket, true);
	set_variable(composing, "DISPLAY", arena_format(composing->arena, ":%d", number));
	if (!cookie)
		return;
	const char *inside = arena_format(composing->arena, "%s/xauthority", composing->runtime);
	struct plan_mount *mount = compose_add_mount(composing, inside);
	mount->type = "bind";
	mount->source = cookie;
	mount->bind = true;
	mount->attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	set_variable(composing, "XAUTHORITY", inside);
}

/* ---- D-Bus --------------------------------------------------------------------------------------
 */

/* The proxies' sockets are made by bus.c; here they are put where programs look. */
static void show_buses(struct composing *composing)
{
	static const struct {
		const char *file, *variable;
	} buses[] = {
		{"bus", "DBUS_SESSION_BUS_ADDRESS"}, {"system-bus", "DBUS_SYSTEM_BUS_ADDRESS"}};
	const char *path = composing->wishes->state_path;
	for (size_t i = 0; path && i < array_length(buses); i++) {
		const char *source = arena_format(composing->arena, "%s.%s", path, buses[i].file);
		const char *inside =
			arena_format(composing->arena, "%s/%s", composing->runtime, buses[i].file);
		if (!exists(source))
			continue;
		struct plan_mount *mount = compose_add_mount(composing, inside);
		mount->type = "bind";
		mount->source = source;
		mount->bind = true;
		set_variable(composing, buses[i].variable,
			arena_format(composing->arena, "unix:path=%s", inside));
	}
}

void compose_desktop(struct composing *composing)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	if (permissions_allow(permissions, PERMISSION_AUDIO))
		show_audio(composing);
	if (permissions_allow(permissions, PERMISSION_GPU))
		show_gpu(composing);
	if (permissions_allow(permissions, PERMISSION_CAMERA))
		show_camera(composing);
	if (permissions_allow(permissions, PERMISSION_USB))
		show_usb(composing);
	if (permissions_allow(permissions, PERMISSION_SSH_AGENT))
		show_ssh_agent(composing);
	if (permissions_allow(permissions, PERMISSION_DISPLAY))
		show_x11(composing, show_wayland(composing));
	if (permissions->count)
		show_buses(composing);
}
