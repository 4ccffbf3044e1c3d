// SPDX-License-Identifier: Apache-2.0

/*
 * A container, as `inspect` shows it: what stands at the top, State, Config, Mounts. The limits
 * and wishes are in inspect_host.c.
 */

#include "base/error.h"
#include "base/scope.h"
#include "plan/words.h"
#include "rungs/container/record.h"
#include "verbs/container/health.h"
#include "verbs/container/inspect.h"
#include "verbs/container/ps.h"
#include "walls/signals.h"

#include <fcntl.h>
#include <unistd.h>

#define NEVER "0001-01-01T00:00:00Z" /* Go's zero time */

void inspect_text(struct json_writer *writer, const char *key, const char *value)
{
	json_write_string(writer, key, value ? value : "");
}

void inspect_list(struct json_writer *writer, const char *key, const struct strings *words)
{
	json_write_strings(writer, key, words); /* an empty list, for templates, and not null */
}

void inspect_pairs(struct json_writer *writer, const char *key, const struct plan_key_value *pairs,
	size_t count)
{
	json_open(writer, key, '{');
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, pairs[i].key, pairs[i].value);
	json_close(writer);
}

/* ---- State ------------------------------------------------------------------------------ */

static const char *status_word(const struct inspection *at)
{
	enum instance_status status = at->instance->state.status;
	/* Docker knows no other words; Podman has them too. */
	if (at->manner == MANNER_DOCKER && status == INSTANCE_STOPPING)
		return "running";
	if (at->manner == MANNER_DOCKER && status == INSTANCE_INITIALIZED)
		return "created";
	return instance_status_name(status);
}

static void write_state(const struct inspection *at)
{
	const struct instance_state *state = &at->instance->state;
	struct json_writer *writer = at->writer;
	json_open(writer, "State", '{');
	json_write_string(writer, "OciVersion", "1.0.2");
	json_write_string(writer, "Status", status_word(at));
	json_write_bool(writer, "Running",
		state->status == INSTANCE_RUNNING || state->status == INSTANCE_STOPPING ||
			(state->status == INSTANCE_PAUSED && at->manner == MANNER_DOCKER) ||
			(state->status == INSTANCE_RESTARTING && at->manner == MANNER_DOCKER));
	json_write_bool(writer, "Paused", state->status == INSTANCE_PAUSED);
	json_write_bool(writer, "Restarting", state->status == INSTANCE_RESTARTING);
	json_write_bool(writer, "OOMKilled", state->oom_killed);
	json_write_bool(writer, "Dead", state->status == INSTANCE_DEAD);
	json_write_signed(writer, "Pid", state->pid);
	json_write_signed(writer, "ConmonPid", state->monitor_pid);
	json_write_signed(writer, "ExitCode", state->exit_code);
	json_write_string(writer, "Error", state->error);
	json_write_string(writer, "StartedAt", state->started_at[0] ? state->started_at : NEVER);
	json_write_string(writer, "FinishedAt", state->finished_at[0] ? state->finished_at : NEVER);
	if (container_health(at->instance, at->arena)[0]) {
		json_open(writer, "Health", '{');
		container_health_write(at->instance, at->arena, writer);
		json_close(writer);
	} else if (at->manner == MANNER_PODMAN) {
		json_open(writer, "Health", '{');
		json_write_string(writer, "Status", "");
		json_write_signed(writer, "FailingStreak", 0);
		json_write_null(writer, "Log");
		json_close(writer);
	}
	json_close(writer);
}

/* ---- Mounts --------------------------------------------------------------------------------- */

static bool holds(const struct strings *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (text_equal(words->items[i], word))
			return true;
	return false;
}

static const char *propagation(const struct run_mount *mount)
{
	static const char words[][10] = {
		"private", "rprivate", "shared", "rshared", "slave", "rslave"};
	for (size_t i = 0; i < array_length(words); i++)
		if (holds(&mount->options, words[i]))
			return words[i];
	return mount->kind == RUN_MOUNT_BIND ? "rprivate" : "";
}

static const char *mode_word(const struct run_mount *mount, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < mount->options.count; i++)
		text_format(&text, "%s%s", i ? "," : "", mount->options.items[i]);
	return arena_strdup(arena, text_get(&text));
}

void inspect_mounts(const struct inspection *at)
{
	static const char kinds[][8] = {"bind", "volume", "tmpfs", "image", "devpts"};
	struct json_writer *writer = at->writer;
	json_open(writer, "Mounts", '[');
	for (size_t i = 0; i < at->request->resolved.mount_count; i++) {
		const struct run_mount *mount = &at->request->resolved.mounts[i];
		json_open(writer, NULL, '{');
		json_write_string(writer, "Type", kinds[mount->kind]);
		if (mount->name)
			json_write_string(writer, "Name", mount->name);
		inspect_text(writer, "Source", mount->source);
		json_write_string(writer, "Destination", mount->destination);
		json_write_string(writer, "Driver", mount->kind == RUN_MOUNT_VOLUME ? "local" : "");
		json_write_string(writer, "Mode",
			at->manner == MANNER_DOCKER ? mode_word(mount, at->arena) : "");
		json_write_strings(writer, "Options", &mount->options);
		json_write_bool(writer, "RW",
			!holds(&mount->options, "ro") && !holds(&mount->options, "readonly"));
		json_write_string(writer, "Propagation", propagation(mount));
		json_close(writer);
	}
	json_close(writer);
}

/* ---- Config -----------------------------------------------------------------------------------
 */

static bool attaches(const struct inspection *at, const char *stream)
{
	return holds(&at->request->process.attach, stream);
}

static void write_healthcheck(const struct inspection *at)
{
	const struct run_health *health = &at->request->resolved.health;
	struct json_writer *writer = at->writer;
	if (health->test.count == 0)
		return;
	json_open(writer, "Healthcheck", '{');
	json_write_strings(writer, "Test", &health->test);
	if (health->start_period_ns)
		json_write_signed(writer, "StartPeriod", health->start_period_ns);
	if (health->start_interval_ns && health->start_interval_ns != RUN_HEALTH_START_INTERVAL_NS)
		json_write_signed(writer, "StartInterval", health->start_interval_ns);
	json_write_signed(writer, "Interval", health->interval_ns);
	json_write_signed(writer, "Timeout", health->timeout_ns);
	json_write_signed(writer, "Retries", health->retries);
	json_close(writer);
}

static void write_entrypoint(const struct inspection *at)
{
	const struct strings *entrypoint = &at->request->resolved.entrypoint;
	if (at->manner == MANNER_DOCKER) {
		inspect_list(at->writer, "Entrypoint", entrypoint);
		return;
	}
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < entrypoint->count; i++)
		text_format(&text, "%s%s", i ? " " : "", entrypoint->items[i]);
	json_write_string(at->writer, "Entrypoint", text_get(&text));
}

static void write_stop(const struct inspection *at)
{
	const char *name = at->instance->stop_signal;
	int number = signal_by_name(name);
	if (at->manner == MANNER_PODMAN && number > 0)
		json_write_signed(at->writer, "StopSignal", number);
	else
		json_write_string(at->writer, "StopSignal", name);
	json_write_signed(at->writer, "StopTimeout", at->instance->stop_timeout_s);
}

/* Ports become an object of empty objects: {"80/tcp":{}}. */
static void write_exposed(const struct inspection *at)
{
	const struct strings *ports = &at->request->resolved.exposed_ports;
	if (ports->count == 0)
		return;
	json_open(at->writer, "ExposedPorts", '{');
	for (size_t i = 0; i < ports->count; i++) {
		json_open(at->writer, ports->items[i], '{');
		json_close(at->writer);
	}
	json_close(at->writer);
}

void inspect_config(const struct inspection *at)
{
	const struct run_request *request = at->request;
	const struct run_resolved *resolved = &request->resolved;
	struct json_writer *writer = at->writer;
	json_open(writer, "Config", '{');
	inspect_text(writer, "Hostname", resolved->hostname);
	inspect_text(writer, "Domainname", request->namespaces.domainname);
	inspect_text(writer, "User", resolved->user);
	json_write_bool(writer, "AttachStdin", attaches(at, "stdin"));
	json_write_bool(writer, "AttachStdout", attaches(at, "stdout"));
	json_write_bool(writer, "AttachStderr", attaches(at, "stderr"));
	write_exposed(at);
	json_write_bool(writer, "Tty", request->process.terminal);
	json_write_bool(writer, "OpenStdin", request->process.interactive);
	json_write_bool(writer, "StdinOnce", request->process.interactive);
	json_write_strings(writer, "Env", &resolved->environment);
	inspect_list(writer, "Cmd", &resolved->command);
	write_healthcheck(at);
	inspect_text(writer, "Image",
		at->manner == MANNER_PODMAN && at->instance->image_name[0]
			? at->instance->image_name
			: request->image_name);
	json_open(writer, "Volumes", '{');
	json_close(writer);
	inspect_text(writer, "WorkingDir", resolved->working_directory);
	write_entrypoint(at);
	json_open(writer, "OnBuild", '[');
	json_close(writer);
	if (at->manner == MANNER_PODMAN && at->instance->label_count == 0)
		json_write_null(writer, "Labels");
	else
		inspect_pairs(writer, "Labels", at->instance->labels, at->instance->label_count);
	json_open(writer, "Annotations", '{');
	for (size_t i = 0; i < request->life.annotations.count; i++) {
		const char *word = request->life.annotations.items[i], *equals = strchr(word, '=');
		const char *key =
			equals ? arena_strndup(at->arena, word, (size_t)(equals - word)) : word;
		json_write_string(writer, key, equals ? equals + 1 : "");
	}
	json_close(writer);
	write_stop(at);
	json_write_string(writer, "HealthcheckOnFailureAction",
		resolved->health.on_failure ? resolved->health.on_failure : "none");
	json_write_string(
		writer, "Umask", request->process.umask ? request->process.umask : "0022");
	json_write_unsigned(writer, "Timeout", at->instance->timeout_s);
	json_write_bool(writer, "Passwd", request->process.passwd);
	json_write_string(writer, "sdNotifyMode",
		request->life.sdnotify ? request->life.sdnotify : "container");
	json_open(writer, "Secrets", '[');
	for (size_t i = 0; i < resolved->secret_count; i++) {
		const struct run_secret *secret = &resolved->secrets[i];
		json_open(writer, NULL, '{');
		inspect_text(writer, "Name", secret->name);
		inspect_text(writer, "ID", secret->id);
		json_write_unsigned(writer, "UID", secret->uid);
		json_write_unsigned(writer, "GID", secret->gid);
		json_write_unsigned(writer, "Mode", secret->mode);
		json_close(writer);
	}
	json_close(writer);
	json_close(writer);
}

/* ---- the top ----------------------------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_capabilities(struct json_writer *writer, const char *key, uint64_t bits)
{
	const char *names[64];
	size_t count = 0;
	for (unsigned i = 0; i < 64; i++) {
		const char *name =
			bits & (1ULL << i) ? words_name(&capability_words, 1ULL << i) : NULL;
		if (name)
			names[count++] = name;
	}
	qsort(names, count, sizeof(*names), compare_names);
	json_open(writer, key, '[');
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, NULL, names[i]);
	json_close(writer);
}

/* What the running one was made with; of one that does not run nobody can say yet. */
static void write_plan(const struct inspection *at)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	autofini(plan_fini) struct plan plan = {};
	bool known = at->instance->state.pid > 0 &&
		     container_load(at->instance->record_root, at->instance->id, &record) == 0 &&
		     container_load_plan(&record, &plan) == 0;
	error_clear();
	const struct plan_process *process = &plan.process;
	struct json_writer *writer = at->writer;
	inspect_text(writer, "AppArmorProfile", known ? process->apparmor_profile : "");
	inspect_text(writer, "ProcessLabel", known ? process->selinux_label : "");
	inspect_text(writer, "MountLabel", known ? plan.mount_label : "");
	write_capabilities(writer, "EffectiveCaps", known ? process->capabilities.effective : 0);
	write_capabilities(writer, "BoundingCaps", known ? process->capabilities.bounding : 0);
	const struct cgroup_place *place =
		known && record.cgroup.place_count ? &record.cgroup.places[0] : NULL;
	inspect_text(writer, "CgroupPath", place ? place->path : "");
}

static void write_graph_driver(const struct inspection *at)
{
	struct json_writer *writer = at->writer;
	const char *layer = arena_format(at->arena, "%s/layer", at->instance->directory);
	json_open(writer, "GraphDriver", '{');
	json_open(writer, "Data", '{');
	json_write_string(writer, "UpperDir", arena_format(at->arena, "%s/upper", layer));
	json_write_string(writer, "WorkDir", arena_format(at->arena, "%s/work", layer));
	json_write_string(writer, "MergedDir",
		at->instance->state.pid
			? arena_format(at->arena, "/proc/%d/root", (int)at->instance->state.pid)
			: "");
	json_close(writer);
	json_write_string(writer, "Name", "overlay");
	json_close(writer);
}

static const char *file_of(const struct inspection *at, const char *name)
{
	const char *path = arena_format(at->arena, "%s/%s", at->instance->directory, name);
	if (access(path, F_OK) == 0)
		return path;
	path = arena_format(at->arena, "%s/layer/%s", at->instance->directory, name);
	return access(path, F_OK) == 0 ? path : "";
}

static void write_command(const struct inspection *at)
{
	const struct strings *command = &at->instance->command;
	inspect_text(at->writer, "Path", command->count ? command->items[0] : "");
	const struct strings arguments = {
		command->items + (command->count > 0), command->count - (command->count > 0)};
	json_write_strings(at->writer, "Args", &arguments);
}

static void write_image(const struct inspection *at)
{
	const char *id = at->instance->image_id;
	bool bare = at->manner == MANNER_PODMAN && text_starts(id, "sha256:");
	json_write_string(at->writer, "Image", bare ? id + strlen("sha256:") : id);
	json_write_string(at->writer, "ImageName", at->instance->image_name);
	json_write_string(at->writer, "Rootfs", at->instance->rootfs);
}

static void write_top(const struct inspection *at)
{
	const struct instance *instance = at->instance;
	struct json_writer *writer = at->writer;
	bool docker = at->manner == MANNER_DOCKER;
	json_write_string(writer, "ResolvConfPath", file_of(at, "resolv.conf"));
	json_write_string(writer, "HostnamePath", file_of(at, "hostname"));
	json_write_string(writer, "HostsPath", file_of(at, "hosts"));
	json_write_string(writer, "StaticDir", instance->directory);
	json_write_string(writer, "LogPath", file_of(at, "ctr.log"));
	json_write_string(writer, "OCIRuntime", instance->runtime[0] ? instance->runtime : "rung");
	inspect_text(writer, "ConmonPidFile", at->request->life.conmon_pidfile);
	json_write_string(writer, "PidFile", instance->pidfile);
	json_write_string(writer, "Name",
		docker ? arena_format(at->arena, "/%s", instance->name) : instance->name);
	json_write_unsigned(writer, "RestartCount", instance->state.restart_count);
	json_write_string(writer, "Driver", docker ? "overlay2" : "overlay");
	json_write_string(writer, "Platform", "linux");
	json_write_string(writer, "Isolation", instance->isolation);
	write_plan(at);
	json_open(writer, "ExecIDs", '[');
	json_close(writer);
	json_write_strings(writer, "Dependencies", &instance->depends);
	json_write_string(writer, "Pod", instance->pod);
	json_write_string(writer, "Namespace", "");
	json_write_bool(writer, "IsInfra", instance->infra);
	json_write_bool(writer, "IsService", false);
}

int container_inspect_write(const struct instance *instance, enum manner manner, bool size,
	struct arena *arena, struct json_writer *writer)
{
	struct run_request request = {};
	int r = instance_load_request(instance, arena, &request);
	if (r < 0)
		return wrap(r, "inspect %s", instance->name);
	const struct inspection at = {instance, &request, manner, size, arena, writer};
	json_open(writer, NULL, '{');
	json_write_string(writer, "Id", instance->id);
	json_write_string(writer, "Created", instance->created);
	write_command(&at);
	write_state(&at);
	write_image(&at);
	write_top(&at);
	inspect_host_config(&at);
	write_graph_driver(&at);
	if (size) {
		uint64_t own = container_layer_bytes(instance, arena);
		json_write_unsigned(writer, "SizeRw", own);
		json_write_unsigned(
			writer, "SizeRootFs", own + container_image_bytes(instance, arena));
	}
	inspect_mounts(&at);
	inspect_config(&at);
	inspect_network_settings(&at);
	json_close(writer);
	return 0;
}
