// SPDX-License-Identifier: Apache-2.0

/*
 * One container as a row. For templates the row has the fields of Docker's ps and of Podman's
 * (where both call one alike and mean different things, the manner decides); for --format json it
 * has exactly what the tool in question prints, since programs read that.
 */

#include "base/error.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "cli/units.h"
#include "engine/image/image.h"
#include "engine/instance/pod.h"
#include "engine/registry/reference.h"
#include "verbs/container/health.h"
#include "verbs/container/ports.h"
#include "verbs/container/ps.h"

#include <stdio.h>
#include <unistd.h>

/* ---- words ------------------------------------------------------------------------------ */

static int64_t moment(const char *text)
{
	int64_t ns;
	return moment_of_text(text, &ns) == 0 ? ns : 0;
}

static const char *ago(const char *text, const struct ps_manner *how, struct arena *arena)
{
	char out[UNITS_TEXT_MAX];
	moment_ago(moment(text), how->now_ns, out);
	return arena_strdup(arena, out);
}

static const char *up(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	char duration[UNITS_TEXT_MAX];
	int64_t started_ns = moment(instance->state.started_at);
	units_duration(how->now_ns > started_ns ? how->now_ns - started_ns : 0, duration);
	const char *ending = how->manner == MANNER_PODMAN ? " ago" : "";
	if (instance->state.status == INSTANCE_PAUSED)
		return arena_format(arena, "Up %s%s (Paused)", duration, ending);
	const char *health = container_health(instance, arena);
	if (!health[0])
		return arena_format(arena, "Up %s%s", duration, ending);
	bool starting = text_equal(health, "starting") && how->manner == MANNER_DOCKER;
	return arena_format(
		arena, "Up %s%s (%s%s)", duration, ending, starting ? "health: " : "", health);
}

const char *ps_status(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	const struct instance_state *state = &instance->state;
	switch (state->status) {
	case INSTANCE_RUNNING:
		return up(instance, how, arena);
	case INSTANCE_PAUSED:
		return how->manner == MANNER_PODMAN ? "Paused" : up(instance, how, arena);
	case INSTANCE_STOPPING:
		return how->manner == MANNER_PODMAN ? "Stopping" : up(instance, how, arena);
	case INSTANCE_EXITED:
		return arena_format(arena, "Exited (%d) %s", state->exit_code,
			ago(state->finished_at, how, arena));
	case INSTANCE_RESTARTING:
		return arena_format(arena, "Restarting (%d) %s", state->exit_code,
			ago(state->finished_at, how, arena));
	case INSTANCE_INITIALIZED:
		return "Initialized";
	case INSTANCE_DEAD:
		return "Dead";
	case INSTANCE_REMOVING:
		return "Removal In Progress";
	default:
		return "Created";
	}
}

/* Docker counts characters (20, the last an ellipsis), Podman 17 and three dots. */
/* Docker shows where a word with blanks begins and ends. */
static void add_word(struct text *text, const char *word, size_t i, const struct ps_manner *how)
{
	bool quoted = i > 0 && how->manner == MANNER_DOCKER && strchr(word, ' ');
	text_format(text, "%s%s%s%s", i ? " " : "", quoted ? "'" : "", word, quoted ? "'" : "");
}

static const char *short_command(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < instance->command.count; i++)
		add_word(&text, instance->command.items[i], i, how);
	const char *command = text_get(&text);
	bool podman = how->manner == MANNER_PODMAN;
	size_t most = podman ? 17 : 19, characters = 0, length = 0;
	while (!how->no_trunc && command[length] && characters < most) {
		size_t step = text_utf8_length(command + length);
		length += step ? step : 1;
		characters++;
	}
	bool cut = !how->no_trunc && command[length] != '\0';
	size_t kept = how->no_trunc ? strlen(command) : length;
	if (podman)
		return arena_format(arena, "%.*s%s", (int)kept, command, cut ? "..." : "");
	return arena_format(arena, "\"%.*s%s\"", (int)kept, command, cut ? "\u2026" : "");
}

static const char *short_id(const char *id, const struct ps_manner *how, struct arena *arena)
{
	if (how->no_trunc)
		return id;
	if (text_starts(id, "sha256:"))
		id += strlen("sha256:");
	return arena_strndup(arena, id, strnlen(id, 12)); /* there is none with --rootfs */
}

/* Docker shows "debian:12", Podman the whole name. */
static const char *image_word(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	if (!instance->image_name[0])
		return instance->image_id[0] ? short_id(instance->image_id, how, arena)
		       : instance->rootfs[0] ? instance->rootfs
					     : "@host";
	return how->manner == MANNER_PODMAN ? instance->image_name
					    : reference_familiar_name(instance->image_name, arena);
}

static const char *joined(const struct strings *words, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < words->count; i++)
		text_format(&text, "%s%s", i ? "," : "", words->items[i]);
	return arena_strdup(arena, text_get(&text));
}

static const char *labels_word(const struct instance *instance, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < instance->label_count; i++)
		text_format(&text, "%s%s=%s", i ? "," : "", instance->labels[i].key,
			instance->labels[i].value);
	return arena_strdup(arena, text_get(&text));
}

static const char *ports_word(const struct instance *instance, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	struct port_mapping *mappings;
	size_t count;
	if (ports_read(&instance->published, arena, &mappings, &count) < 0) {
		error_clear();
		return joined(&instance->published, arena);
	}
	ports_write(mappings, count, &text);
	return arena_strdup(arena, text_get(&text));
}

static const char *size_word(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	if (!how->size)
		return how->manner == MANNER_PODMAN ? "" : "0B";
	char own[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];
	uint64_t bytes = container_layer_bytes(instance, arena);
	units_size(bytes, own);
	units_size(bytes + container_image_bytes(instance, arena), all);
	return arena_format(arena, "%s (virtual %s)", own, all);
}

static const char *created_word(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	char out[MOMENT_TEXT_MAX];
	moment_local(moment(instance->created), how->manner == MANNER_PODMAN, out);
	return arena_strdup(arena, out);
}

static unsigned local_volumes(const struct instance *instance)
{
	unsigned count = 0;
	for (size_t i = 0; i < instance->volumes.count; i++)
		count += instance->volumes.items[i][0] != '/';
	return count;
}

static const char *pod_name(const struct instance *instance, struct arena *arena)
{
	struct pod pod;
	if (!instance->pod[0])
		return "";
	if (pod_load(instance->pod, arena, &pod) == 0)
		return pod.name;
	error_clear();
	return "";
}

static const char *pod_word(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena)
{
	return instance->pod[0] ? short_id(instance->pod, how, arena) : "";
}

/* ---- members -------------------------------------------------------------------------------- */

static void write_pairs(struct json_writer *writer, const char *key,
	const struct plan_key_value *pairs, size_t count)
{
	json_open(writer, key, '{');
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, pairs[i].key, pairs[i].value);
	json_close(writer);
}

/* "4026531835" of pid:[4026531835] */
static void write_namespaces(
	const struct instance *instance, const struct ps_manner *how, struct json_writer *writer)
{
	static const char *const names[][2] = {{"CGROUPNS", "cgroup"}, {"IPC", "ipc"},
		{"MNT", "mnt"}, {"NET", "net"}, {"PIDNS", "pid"}, {"USERNS", "user"},
		{"UTS", "uts"}};
	for (size_t i = 0; i < array_length(names); i++) {
		char path[64], target[64] = "";
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)instance->state.pid,
			names[i][1]);
		ssize_t length = how->namespaces && instance->state.pid
					 ? readlink(path, target, sizeof(target) - 1)
					 : 0;
		target[length > 0 ? length : 0] = '\0';
		char *bracket = strchr(target, '[');
		if (bracket)
			bracket[strcspn(bracket, "]")] = '\0';
		json_write_string(writer, names[i][0], bracket ? bracket + 1 : "");
	}
}

static void write_docker(const struct instance *instance, const struct ps_manner *how,
	struct arena *arena, struct json_writer *writer)
{
	json_write_string(writer, "Command", short_command(instance, how, arena));
	json_write_string(writer, "CreatedAt", created_word(instance, how, arena));
	json_write_string(writer, "ID", short_id(instance->id, how, arena));
	json_write_string(writer, "Image", image_word(instance, how, arena));
	json_write_string(writer, "Labels", labels_word(instance, arena));
	json_write_string(
		writer, "LocalVolumes", arena_format(arena, "%u", local_volumes(instance)));
	json_write_string(writer, "Mounts", joined(&instance->volumes, arena));
	json_write_string(writer, "Names", instance->name);
	json_write_string(writer, "Networks", joined(&instance->networks, arena));
	json_write_string(writer, "Ports", ports_word(instance, arena));
	json_write_string(writer, "RunningFor", ago(instance->created, how, arena));
	json_write_string(writer, "Size", size_word(instance, how, arena));
	json_write_string(writer, "State", instance_status_name(instance->state.status));
	json_write_string(writer, "Status", ps_status(instance, how, arena));
}

static void write_more_fields(const struct instance *instance, const struct ps_manner *how,
	struct arena *arena, struct json_writer *writer)
{
	const struct instance_state *state = &instance->state;
	json_write_string(writer, "ImageID", short_id(instance->image_id, how, arena));
	json_write_string(writer, "Pod", pod_word(instance, how, arena));
	json_write_string(writer, "PodName", pod_name(instance, arena));
	json_write_bool(writer, "IsInfra", instance->infra);
	json_write_bool(writer, "AutoRemove", instance->remove);
	json_write_bool(writer, "Exited", state->status == INSTANCE_EXITED);
	json_write_signed(writer, "ExitCode", state->exit_code);
	json_write_signed(writer, "ExitedAt", moment(state->finished_at) / 1000000000);
	json_write_signed(writer, "StartedAt", moment(state->started_at) / 1000000000);
	json_write_string(writer, "CreatedHuman", ago(instance->created, how, arena));
	json_write_signed(writer, "Pid", state->pid);
	json_write_unsigned(writer, "Restarts", state->restart_count);
	json_write_string(writer, "Health", container_health(instance, arena));
	json_write_string(writer, "Isolation", instance->isolation);
	write_pairs(writer, "Label", instance->labels, instance->label_count);
	write_namespaces(instance, how, writer);
}

/* The fields of templates under Podman's manner that Docker's row has in another shape. */
static void write_podman_fields(const struct instance *instance, const struct ps_manner *how,
	struct arena *arena, struct json_writer *writer)
{
	json_write_string(writer, "Command", short_command(instance, how, arena));
	json_write_string(writer, "CreatedAt", created_word(instance, how, arena));
	json_write_string(writer, "Created", ago(instance->created, how, arena));
	json_write_string(writer, "ID", short_id(instance->id, how, arena));
	json_write_string(writer, "Image", image_word(instance, how, arena));
	write_pairs(writer, "Labels", instance->labels, instance->label_count);
	json_write_string(writer, "Mounts", joined(&instance->volumes, arena));
	json_write_string(writer, "Names", instance->name);
	json_write_string(writer, "Networks", joined(&instance->networks, arena));
	json_write_string(writer, "Ports", ports_word(instance, arena));
	json_write_string(writer, "RunningFor", ago(instance->created, how, arena));
	json_write_string(writer, "Size", size_word(instance, how, arena));
	json_write_string(writer, "State", ps_status(instance, how, arena)); /* the same there */
	json_write_string(writer, "Status", ps_status(instance, how, arena));
	json_write_string(
		writer, "LocalVolumes", arena_format(arena, "%u", local_volumes(instance)));
}

static void write_podman_ports(
	const struct instance *instance, struct arena *arena, struct json_writer *writer)
{
	struct port_mapping *mappings;
	size_t count = 0;
	if (ports_read(&instance->published, arena, &mappings, &count) < 0)
		error_clear();
	json_open(writer, "Ports", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(writer, NULL, '{');
		json_write_string(writer, "host_ip", mappings[i].address);
		json_write_unsigned(writer, "container_port", mappings[i].container);
		json_write_unsigned(writer, "host_port", mappings[i].host);
		json_write_unsigned(writer, "range", 1);
		json_write_string(writer, "protocol", mappings[i].protocol);
		json_close(writer);
	}
	json_close(writer);
}

/* `podman ps --format json` */
static void write_podman_json(const struct instance *instance, const struct ps_manner *how,
	struct arena *arena, struct json_writer *writer)
{
	const struct instance_state *state = &instance->state;
	const char *image_id = instance->image_id;
	const char *name = instance->name;
	const struct strings names = {&name, 1};
	json_write_bool(writer, "AutoRemove", instance->remove);
	json_write_strings(writer, "Command", &instance->command);
	json_write_string(writer, "CreatedAt", ago(instance->created, how, arena));
	json_write_bool(writer, "Exited", state->status == INSTANCE_EXITED);
	json_write_signed(writer, "ExitedAt", moment(state->finished_at) / 1000000000);
	json_write_signed(writer, "ExitCode", state->exit_code);
	json_write_string(writer, "Id", instance->id);
	json_write_string(writer, "Image", instance->image_name);
	json_write_string(writer, "ImageID",
		text_starts(image_id, "sha256:") ? image_id + strlen("sha256:") : image_id);
	json_write_bool(writer, "IsInfra", instance->infra);
	write_pairs(writer, "Labels", instance->labels, instance->label_count);
	json_write_strings(writer, "Mounts", &instance->volumes);
	json_write_strings(writer, "Names", &names);
	json_open(writer, "Namespaces", '{');
	json_close(writer);
	json_write_strings(writer, "Networks", &instance->networks);
	json_write_signed(writer, "Pid", state->pid);
	json_write_string(writer, "Pod", instance->pod);
	json_write_string(writer, "PodName", pod_name(instance, arena));
	write_podman_ports(instance, arena, writer);
	json_write_signed(writer, "StartedAt", moment(state->started_at) / 1000000000);
	json_write_string(writer, "State", instance_status_name(state->status));
	json_write_string(writer, "Status", ps_status(instance, how, arena));
	json_write_signed(writer, "Created", moment(instance->created) / 1000000000);
	if (how->size) {
		json_open(writer, "Size", '{');
		uint64_t own = container_layer_bytes(instance, arena);
		json_write_unsigned(
			writer, "rootFsSize", own + container_image_bytes(instance, arena));
		json_write_unsigned(writer, "rwSize", own);
		json_close(writer);
	}
}

void ps_row_write(const struct instance *instance, const struct ps_manner *how, struct arena *arena,
	struct json_writer *writer)
{
	json_open(writer, NULL, '{');
	if (how->json && how->manner == MANNER_PODMAN)
		write_podman_json(instance, how, arena, writer);
	else if (how->manner == MANNER_PODMAN)
		write_podman_fields(instance, how, arena, writer);
	else
		write_docker(instance, how, arena, writer);
	if (!how->json)
		write_more_fields(instance, how, arena, writer);
	json_close(writer);
}
