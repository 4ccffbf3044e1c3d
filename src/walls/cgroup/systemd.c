// SPDX-License-Identifier: Apache-2.0

/*
 * The systemd driver: a container is a transient scope (systemd.scope(5)), made
 * around its first process and handed over to us ("Delegate"): systemd owns where
 * it is, we own what is in its files (systemd's CGROUP_DELEGATION.md).
 *
 * In: a plan and a process. Out: a running scope. Steps: listen for jobs that
 * end, StartTransientUnit, wait for its job; then the v1 hierarchies that systemd
 * did not put the process into, and v2 controllers it does not share out by itself.
 *
 * What can go wrong: no bus (told with what to start), a unit of that name left
 * over from before (its failure is forgotten and the start tried once more), a
 * systemd that puts the scope elsewhere than expected (refused: the record would lie).
 *
 * Root asks the system's systemd; everybody else, and root of a user namespace, the
 * user's own.
 */

#include "walls/cgroup/systemd.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/bus.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define JOB_TIMEOUT_MS 30000

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define PROPERTY_ANNOTATION "org.systemd.property."

/* ---- where ----------------------------------------------------------------------- */

/* The manager's own cgroup: PID 1's without its init.scope, or user@UID.service. */
static const char *manager_root(bool user, struct arena *arena)
{
	static const char *const trees[] = {"", "name=systemd"};
	if (!user) {
		for (size_t i = 0; i < array_length(trees); i++) {
			char *path = (char *)process_cgroup_path("1", trees[i], arena);
			if (path && text_ends(path, "/init.scope")) {
				path[strlen(path) - strlen("/init.scope")] = '\0';
				return path;
			}
		}
		return "";
	}
	char service[48];
	unsigned user_id = outer_user();
	snprintf(service, sizeof(service), "/user@%u.service", user_id);
	for (size_t i = 0; i < array_length(trees); i++) {
		char *path = (char *)process_cgroup_path("self", trees[i], arena);
		/* In a user namespace our uid is another one than the path's. */
		char *found = path ? strstr(path, "/user@") : NULL;
		char *end = found ? strstr(found, ".service") : NULL;
		if (end) {
			end[strlen(".service")] = '\0';
			return path;
		}
	}
	return arena_format(arena, "/user.slice/user-%u.slice%s", user_id, service);
}

int cgroup_systemd_locate(const char *cgroups_path, const char *id, struct arena *arena,
	struct cgroup_location *location, const char **ret_path)
{
	const char *slice, *unit, *below;
	bool user = geteuid() != 0 || in_user_namespace();
	int r = systemd_unit_names(cgroups_path, id, user, arena, &slice, &unit);
	if (r < 0)
		return r;
	bool own_slice = text_ends(unit, ".slice");
	r = systemd_slice_path(own_slice ? unit : slice, arena, &below);
	if (r < 0)
		return r;
	location->slice = slice;
	location->scope = unit;
	location->user_manager = user;
	*ret_path =
		own_slice ? arena_format(arena, "%s%s", manager_root(user, arena), below)
			  : arena_format(arena, "%s%s/%s", manager_root(user, arena), below, unit);
	return cgroup_path_check(*ret_path);
}

/* ---- jobs --------------------------------------------------------------------------- */

/* Jobs that ended while we waited for something else; one of them may be ours. */
struct jobs {
	struct arena arena;
	struct job {
		const char *path, *result;
		struct job *next;
	} * ended;
};

static void jobs_fini(struct jobs *jobs)
{
	arena_fini(&jobs->arena);
}

/* JobRemoved(u id, o job, s unit, s result) */
static void job_removed(const struct bus_message *signal, void *context)
{
	struct jobs *jobs = context;
	if (!text_equal(signal->member, "JobRemoved") || !text_equal(signal->signature, "uoss"))
		return;
	struct bus_reader body = {signal->body, signal->body_length, 0, false};
	(void)bus_get_u32(&body);
	const char *path = bus_get_string(&body);
	(void)bus_get_string(&body);
	const char *result = bus_get_string(&body);
	if (body.bad)
		return;
	struct job *job = arena_new(&jobs->arena, struct job, 1);
	*job = (struct job){
		arena_strdup(&jobs->arena, path), arena_strdup(&jobs->arena, result), jobs->ended};
	jobs->ended = job;
}

static const char *result_of(const struct jobs *jobs, const char *path)
{
	for (const struct job *job = jobs->ended; job; job = job->next)
		if (text_equal(job->path, path))
			return job->result;
	return NULL;
}

static int wait_for_job(
	struct bus *bus, const struct jobs *jobs, const char *path, const char *unit)
{
	struct clock_deadline deadline = clock_deadline_in(JOB_TIMEOUT_MS);
	const char *result;
	while (!(result = result_of(jobs, path))) {
		int r = bus_dispatch(bus, clock_left_ms(&deadline));
		if (r < 0)
			return fail(r, "wait for systemd's job for %s", unit);
	}
	if (text_equal(result, "done"))
		return 0;
	int r = refuse(-EIO, "systemd's job for %s ended as \"%s\"", unit, result);
	hint("`systemctl status %s` and `journalctl -u %s` may say why", unit, unit);
	return r;
}

/* ---- the manager's methods ------------------------------------------------------------ */

static int manager_call(struct bus *bus, const char *method, const char *signature,
	const struct text *body, struct bus_message *ret_reply)
{
	return bus_call(bus,
		&(struct bus_message){
			.path = SYSTEMD_PATH,
			.interface = SYSTEMD_MANAGER,
			.member = method,
			.destination = SYSTEMD_NAME,
			.signature = signature,
			.body = body ? (const uint8_t *)body->bytes : NULL,
			.body_length = body ? body->length : 0,
		},
		ret_reply);
}

/* systemd sends signals only while somebody has subscribed, the bus only what is matched. */
static int listen_for_jobs(struct bus *bus, struct jobs *jobs)
{
	bus->handler = job_removed;
	bus->context = jobs;
	struct bus_message reply;
	int r = 0;
	if (!bus->direct) {
		autofini(text_fini) struct text rule = {};
		bus_put_string(&rule, "type='signal',sender='" SYSTEMD_NAME "',path='" SYSTEMD_PATH
				      "',interface='" SYSTEMD_MANAGER "',member='JobRemoved'");
		r = bus_call(bus,
			&(struct bus_message){
				.path = "/org/freedesktop/DBus",
				.interface = "org.freedesktop.DBus",
				.member = "AddMatch",
				.destination = "org.freedesktop.DBus",
				.signature = "s",
				.body = (const uint8_t *)rule.bytes,
				.body_length = rule.length,
			},
			&reply);
	}
	return r < 0 ? r : manager_call(bus, "Subscribe", NULL, NULL, &reply);
}

static int call_for_job(struct bus *bus, const char *method, const char *signature,
	const struct text *body, const struct jobs *jobs, const char *unit)
{
	struct bus_message reply;
	int r = manager_call(bus, method, signature, body, &reply);
	if (r < 0)
		return r;
	struct bus_reader reader = {reply.body, reply.body_length, 0, false};
	autofini(arena_fini) struct arena arena = {};
	const char *job = arena_strdup(&arena, bus_get_string(&reader));
	if (reader.bad || !text_equal(reply.signature, "o"))
		return refuse(-EBADMSG, "%s: systemd did not answer with a job", method);
	return wait_for_job(bus, jobs, job, unit);
}

static int call_with_unit(struct bus *bus, const char *method, const char *unit)
{
	autofini(text_fini) struct text body = {};
	struct bus_message reply;
	bus_put_string(&body, unit);
	return manager_call(bus, method, "s", &body, &reply);
}

static bool answered(const struct bus *bus, int r, const char *name)
{
	return r == -EREMOTEIO && text_starts(bus->error_name, SYSTEMD_NAME ".") &&
	       text_equal(bus->error_name + strlen(SYSTEMD_NAME "."), name);
}

/* ---- start ------------------------------------------------------------------------------ */

static int put_annotations(struct text *out, const struct plan *plan)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < plan->annotation_count; i++) {
		const struct plan_key_value *pair = &plan->annotations[i];
		if (text_starts(pair->key, PROPERTY_ANNOTATION))
			r = systemd_property_annotation(
				out, pair->key + strlen(PROPERTY_ANNOTATION), pair->value);
	}
	return r;
}

static bool memory_is_v2(const struct cgroup_location *location)
{
	return !cgroup_v1_place(location, CONTROLLER_MEMORY) && cgroup_v2_place(location);
}

static int put_properties(struct text *out, const struct cgroup_location *location,
	const struct plan *plan, pid_t pid)
{
	bool scope = cgroup_is_scope(location), v2 = memory_is_v2(location);
	systemd_property_string(out, "Description", "rung container");
	if (scope) {
		systemd_property_string(out, "Slice", location->slice);
		systemd_property_bool(out, "Delegate", true);
		systemd_property_pids(out, pid);
		/* A scope that failed leaves no trace to be cleaned up by hand (systemd 236). */
		systemd_property_string(out, "CollectMode", "inactive-or-failed");
	} else {
		systemd_property_string(out, "Wants", location->slice);
	}
	systemd_property_bool(out, "MemoryAccounting", true);
	systemd_property_bool(out, "CPUAccounting", true);
	systemd_property_bool(out, "TasksAccounting", true);
	systemd_property_bool(out, v2 ? "IOAccounting" : "BlockIOAccounting", true);
	/* Else it would be stopped before file systems are unmounted, and wait for sysinit. */
	systemd_property_bool(out, "DefaultDependencies", false);
	if (cgroup_v1_place(location, CONTROLLER_DEVICES) && scope)
		systemd_property_devices(out, &plan->resources);
	int r = systemd_property_limits(out, &plan->resources, v2);
	return r < 0 ? r : put_annotations(out, plan);
}

/* StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) auxiliary units) → o job */
static int start_unit(struct bus *bus, const struct jobs *jobs,
	const struct cgroup_location *location, const struct plan *plan, pid_t pid)
{
	autofini(text_fini) struct text body = {};
	bus_put_string(&body, location->scope);
	bus_put_string(&body, "fail");
	struct bus_array properties = bus_open_array(&body, 8);
	int r = put_properties(&body, location, plan, pid);
	if (r < 0)
		return r;
	bus_close_array(&body, properties);
	bus_close_array(&body, bus_open_array(&body, 8));
	r = call_for_job(
		bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, jobs, location->scope);
	if (!answered(bus, r, "UnitExists"))
		return r;
	/* Loaded, though dead: a scope that failed earlier. One that is alive stays "exists". */
	(void)call_with_unit(bus, "ResetFailedUnit", location->scope);
	r = call_for_job(
		bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, jobs, location->scope);
	if (answered(bus, r, "UnitExists")) {
		r = refuse(-EEXIST, "systemd already has a unit %s", location->scope);
		hint("another container uses this cgroupsPath; or `systemctl stop %s`",
			location->scope);
	}
	return r;
}

static int open_bus(const struct cgroup_location *location, struct bus *bus, struct jobs *jobs)
{
	int r = bus_connect(location->user_manager, bus);
	if (r < 0)
		return r;
	r = listen_for_jobs(bus, jobs);
	if (r < 0)
		bus_fini(bus);
	return r;
}

/* The record says where the container is; if systemd thinks otherwise, it must not stand. */
static int check_place(const struct cgroup_location *location, pid_t pid)
{
	autofini(arena_fini) struct arena arena = {};
	const struct cgroup_place *place = cgroup_v2_place(location);
	const char *tree = place ? "" : "name=systemd";
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	const char *actual = process_cgroup_path(text, tree, &arena);
	if (!place && location->place_count > 0)
		place = &location->places[0];
	if (!actual || !place || text_equal(actual, place->path))
		return 0;
	return refuse(
		-EXDEV, "systemd put the container into %s instead of %s", actual, place->path);
}

/* v2: what systemd's Delegate= does not bring, though a limit needs it (hugetlb, rdma, misc). */
static int share_the_rest(const struct cgroup_location *location, const struct plan *plan)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	unsigned required = 0;
	int r = cgroup_unified_controllers(&plan->resources, &required);
	if (r < 0 || !place)
		return r;
	required |= cgroup_required(&plan->resources);
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (cgroup_v1_place(location, (enum cgroup_controller)c))
			required &= ~CONTROLLER_BIT(c);
	autoclose int mount_fd =
		open(place->mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (mount_fd < 0)
		return fail(-errno, "open cgroup mount %s", place->mount_point);
	return cgroup_share_controllers(mount_fd, place, required, required);
}

int cgroup_systemd_enter(const struct cgroup_location *location, const struct plan *plan, pid_t pid)
{
	struct bus bus;
	autofini(jobs_fini) struct jobs jobs = {};
	int r = open_bus(location, &bus, &jobs);
	if (r < 0)
		return r;
	r = start_unit(&bus, &jobs, location, plan, pid);
	bus_fini(&bus);
	if (r < 0)
		return wrap(r, "start systemd unit %s", location->scope);
	step("systemd unit %s started", location->scope);
	if (cgroup_is_scope(location))
		r = check_place(location, pid);
	for (size_t i = 0; r == 0 && i < location->place_count; i++) {
		size_t made;
		if (!place_is_v2(&location->places[i]))
			r = cgroup_place_make(&location->places[i], &made);
	}
	return r == 0 ? share_the_rest(location, plan) : r;
}

/* AttachProcessesToUnit(s unit, s cgroup below it, au pids) */
int cgroup_systemd_attach(const struct cgroup_location *location, pid_t pid)
{
	struct bus bus;
	int r = bus_connect(location->user_manager, &bus);
	if (r < 0)
		return r;
	autofini(text_fini) struct text body = {};
	struct bus_message reply;
	bus_put_string(&body, location->scope);
	bus_put_string(&body, "");
	struct bus_array pids = bus_open_array(&body, 4);
	bus_put_u32(&body, (uint32_t)pid);
	bus_close_array(&body, pids);
	r = manager_call(&bus, "AttachProcessesToUnit", "ssau", &body, &reply);
	bus_fini(&bus);
	return r < 0 ? wrap(r, "join systemd unit %s", location->scope) : 0;
}

/* ---- change and stop ------------------------------------------------------------------------ */

int cgroup_systemd_update(
	const struct cgroup_location *location, const struct plan_resources *resources)
{
	autofini(text_fini) struct text body = {};
	struct bus_message reply;
	bus_put_string(&body, location->scope);
	bus_put_bool(&body, true); /* until it ends, not in a file */
	struct bus_array properties = bus_open_array(&body, 8);
	size_t empty = body.length;
	int r = systemd_property_limits(&body, resources, memory_is_v2(location));
	if (r < 0 || body.length == empty)
		return r;
	bus_close_array(&body, properties);
	struct bus bus;
	r = bus_connect(location->user_manager, &bus);
	if (r < 0)
		return r;
	r = manager_call(&bus, "SetUnitProperties", "sba(sv)", &body, &reply);
	bus_fini(&bus);
	return r < 0 ? wrap(r, "change systemd unit %s", location->scope) : 0;
}

int cgroup_systemd_stop(const struct cgroup_location *location)
{
	struct bus bus;
	autofini(jobs_fini) struct jobs jobs = {};
	int r = open_bus(location, &bus, &jobs);
	if (r < 0)
		return wrap(r, "stop systemd unit %s", location->scope);
	autofini(text_fini) struct text body = {};
	bus_put_string(&body, location->scope);
	bus_put_string(&body, "replace");
	r = call_for_job(&bus, "StopUnit", "ss", &body, &jobs, location->scope);
	/* Emptied scopes end by themselves, often before we ask. */
	bool gone = answered(&bus, r, "NoSuchUnit");
	if (r == 0 && call_with_unit(&bus, "ResetFailedUnit", location->scope) < 0)
		gone = true; /* CollectMode= has done it */
	bus_fini(&bus);
	if (gone) {
		error_clear();
		return 0;
	}
	return r < 0 ? wrap(r, "stop systemd unit %s", location->scope) : 0;
}
