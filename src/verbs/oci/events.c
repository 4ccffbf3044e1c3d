// SPDX-License-Identifier: Apache-2.0

/*
 * `rung oci events`: one JSON object a line, in the form that runc prints: statistics every so
 * often, and "oom" when the kernel has killed for lack of memory.
 */

#include "base/clock.h"
#include "base/error.h"
#include "verbs/oci/oci.h"

#include <poll.h>
#include <stdio.h>

struct events_options {
	bool stats;
	int64_t interval_ns;
};

static const struct option events_options[] = {
	{"--stats", "show statistics once and end", flag_in(events_options, stats)},
	{"--interval=TIME", "time between statistics", duration_in(events_options, interval_ns)},
	{},
};

static int print_stats(const struct container_record *record)
{
	autofini(text_fini) struct text out = {};
	text_add(&out, "{\"type\":\"stats\",\"id\":");
	text_json_string(&out, record->id);
	text_add(&out, ",\"data\":");
	int r = cgroup_stats_write(&record->cgroup, &out);
	if (r < 0)
		return wrap(r, "statistics of container %s", record->id);
	text_add(&out, "}");
	puts(text_get(&out));
	return fflush(stdout) < 0 ? fail(-errno, "write") : 0;
}

static int print_oom(const struct container_record *record)
{
	autofini(text_fini) struct text out = {};
	text_add(&out, "{\"type\":\"oom\",\"id\":");
	text_json_string(&out, record->id);
	text_add(&out, "}");
	puts(text_get(&out));
	return fflush(stdout) < 0 ? fail(-errno, "write") : 0;
}

struct watch {
	const struct container_record *record;
	int pidfd, oom_fd;
	uint64_t kills;
};

static int look_for_oom(struct watch *watch)
{
	uint64_t kills;
	int r = cgroup_oom_news(&watch->record->cgroup, watch->oom_fd, watch->kills, &kills);
	if (r < 0)
		return r;
	for (; watch->kills < kills && r == 0; watch->kills++)
		r = print_oom(watch->record);
	return r;
}

static int follow(struct watch *watch, int64_t interval_ms)
{
	int64_t next_ms = clock_monotonic_ms() + interval_ms;
	for (;;) {
		int64_t left_ms = next_ms - clock_monotonic_ms();
		struct pollfd fds[] = {{.fd = watch->pidfd, .events = POLLIN},
			{.fd = watch->oom_fd, .events = POLLIN}};
		if (poll(fds, 2, left_ms > 0 ? (int)left_ms : 0) < 0 && errno != EINTR)
			return fail(-errno, "wait for events");
		int r = fds[1].revents ? look_for_oom(watch) : 0;
		if (r < 0 || fds[0].revents)
			return r;
		if (clock_monotonic_ms() < next_ms)
			continue;
		next_ms += interval_ms;
		r = print_stats(watch->record);
		if (r < 0)
			return r;
	}
}

static int run(struct invocation *invocation)
{
	const struct events_options *options = options_of(invocation, events_options);
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(oci_state_root(invocation), invocation->arguments[0], &record);
	if (r < 0)
		return r;
	enum container_status status = container_status(&record);
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
		return refuse(
			-ESRCH, "container %s is %s", record.id, container_status_name(status));
	if (options->stats)
		return print_stats(&record);
	if (options->interval_ns < 1000000)
		return usage_error(invocation, "--interval must be at least a millisecond");
	autoclose int pidfd = process_open(&record.init);
	autoclose int oom_fd = cgroup_oom_watch(&record.cgroup);
	if (oom_fd < 0)
		error_clear(); /* no memory controller: statistics all the same */
	struct watch watch = {.record = &record, .pidfd = pidfd, .oom_fd = oom_fd};
	if (cgroup_oom_count(&record.cgroup, &watch.kills) < 0)
		error_clear();
	return follow(&watch, options->interval_ns / 1000000);
}

const struct verb verb_oci_events = {
	.name = "events",
	.summary = "show statistics and out-of-memory kills, as JSON",
	.arguments = "CONTAINER",
	verb_options(events_options),
	.defaults = &(const struct events_options){.interval_ns = 5000000000},
	.run = run,
};
