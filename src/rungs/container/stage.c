// SPDX-License-Identifier: Apache-2.0

/*
 * In: what is left to do for one process, and descriptors for it. Out: the stage running in our
 * place. The handoff block is built in one pass: add() appends bytes and returns their offset, so
 * whatever points at them is written after them.
 */

#include "rungs/container/stage.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/memory_file.h"
#include "rungs/container/handoff.h"
#include "walls/capabilities.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/prctl.h>

/* The stage's ELF file, linked in (src/rungs/meson.build). */
extern const unsigned char stage_program[];
extern const unsigned stage_program_length;

int stage_open(void)
{
	autoclose int fd = memory_file("rung-stage", true);
	if (fd < 0) {
		int r = fail(fd, "create a memory file for the stage");
		hint("sysctl vm.memfd_noexec=2 forbids it; rung needs 0 or 1");
		return r;
	}
	int r = fs_write_all(fd, stage_program, stage_program_length);
	if (r < 0)
		return fail(r, "write the stage");
	r = memory_file_seal(fd);
	return r < 0 ? fail(r, "seal the stage") : take_fd(fd);
}

/* ---- the block -------------------------------------------------------------- */

static uint32_t add(struct text *block, const void *bytes, size_t length)
{
	static const char padding[8];
	text_add_bytes(block, padding, -block->length & 7);
	uint32_t offset = (uint32_t)block->length;
	text_add_bytes(block, bytes, length);
	return offset;
}

static uint32_t add_text(struct text *block, const char *text)
{
	if (!text)
		return 0;
	uint32_t offset = (uint32_t)block->length;
	text_add_bytes(block, text, strlen(text) + 1);
	return offset;
}

/* @extra: one more string in front of the end; NULL for none. */
static struct handoff_strings add_strings(
	struct text *block, const struct strings *strings, const char *extra)
{
	size_t count = strings->count + (extra != NULL);
	autofree uint32_t *offsets = calloc(count + 1, sizeof(*offsets));
	if (!offsets)
		memory_exhausted();
	for (size_t i = 0; i < strings->count; i++)
		offsets[i] = add_text(block, strings->items[i]);
	if (extra)
		offsets[strings->count] = add_text(block, extra);
	uint32_t where = add(block, offsets, count * sizeof(*offsets));
	return (struct handoff_strings){where, (uint32_t)count};
}

static void add_hooks(
	struct text *block, const struct stage_request *request, struct handoff *handoff)
{
	if (request->hook_count == 0)
		return;
	autofree struct handoff_hook *hooks = calloc(request->hook_count, sizeof(*hooks));
	if (!hooks)
		memory_exhausted();
	for (size_t i = 0; i < request->hook_count; i++) {
		const struct plan_hook *hook = &request->hooks[i];
		const char *path[] = {hook->path, NULL};
		struct strings just_path = {path, 1};
		hooks[i].path = add_text(block, hook->path);
		hooks[i].arguments = add_strings(
			block, hook->arguments.count ? &hook->arguments : &just_path, NULL);
		hooks[i].environment = add_strings(block, &hook->environment, NULL);
		hooks[i].timeout_s = hook->timeout_s;
	}
	handoff->hooks = add(block, hooks, request->hook_count * sizeof(*hooks));
	handoff->hook_count = (uint32_t)request->hook_count;
	handoff->hook_state = add_text(block, request->hook_state);
}

static bool has_variable(const struct strings *environment, const char *prefix)
{
	for (size_t i = 0; i < environment->count; i++)
		if (text_starts(environment->items[i], prefix))
			return true;
	return false;
}

static void add_identity(
	struct text *block, const struct stage_request *request, struct handoff *handoff)
{
	const struct plan_process *process = request->process;
	handoff->uid = process->uid;
	handoff->gid = process->gid;
	handoff->groups = add(block, process->additional_gids,
		process->additional_gid_count * sizeof(*process->additional_gids));
	handoff->group_count = (uint32_t)process->additional_gid_count;
	if (process->no_new_privileges)
		handoff->flags |= HANDOFF_NO_NEW_PRIVILEGES;
	handoff->last_capability = (uint32_t)capabilities_last();
	/* Without the section a process of uid 0 would keep all; the specification gives it none.
	 */
	handoff->flags |= HANDOFF_SET_CAPABILITIES;
	const struct plan_capabilities *wanted = &request->capabilities;
	handoff->bounding = wanted->bounding;
	handoff->effective = wanted->effective;
	handoff->inheritable = wanted->inheritable;
	handoff->permitted = wanted->permitted;
	handoff->ambient = wanted->ambient;
}

static void build(const struct stage_request *request, struct text *block)
{
	const struct plan_process *process = request->process;
	struct handoff handoff = {
		.magic = HANDOFF_MAGIC,
		.report_fd = request->report_fd,
		.start_fd = request->start_fd,
		.proc_fd = request->proc_fd,
		.landlock_fd = request->landlock_fd,
		.notify_fd = request->notify_fd,
		.preserved_fds = request->preserved_fds,
	};
	if (request->wait_for_start)
		handoff.flags |= HANDOFF_WAIT_FOR_START;
	if (request->die_with_starter)
		handoff.flags |= HANDOFF_DIE_WITH_STARTER;
	(void)add(block, &handoff, sizeof(handoff));
	add_identity(block, request, &handoff);

	autofini(text_fini) struct text home = {};
	if (request->home && !has_variable(&process->environment, "HOME="))
		text_format(&home, "HOME=%s", request->home);
	handoff.arguments = add_strings(block, &process->arguments, NULL);
	handoff.environment =
		add_strings(block, &process->environment, home.length ? home.bytes : NULL);
	handoff.working_directory = add_text(block, process->working_directory);
	handoff.apparmor_profile =
		request->proc_fd >= 0 ? add_text(block, process->apparmor_profile) : 0;
	handoff.selinux_label = add_text(block, process->selinux_label);
	if (request->seccomp) {
		handoff.seccomp = add(block, request->seccomp->bytes, request->seccomp->length);
		handoff.seccomp_bytes = (uint32_t)request->seccomp->length;
		handoff.seccomp_flags = request->seccomp->flags;
		handoff.notify_state = add_text(block, request->notify_state);
	}
	add_hooks(block, request, &handoff);
	handoff.total_bytes = (uint32_t)block->length;
	memcpy(block->bytes, &handoff, sizeof(handoff));
}

/* ---- over ----------------------------------------------------------------- */

static int keep_open(int fd)
{
	if (fd < 0)
		return 0;
	return fcntl(fd, F_SETFD, 0) < 0 ? fail(-errno, "pass a descriptor to the stage") : 0;
}

/*
 * Only what the stage needs crosses: everything above the preserved descriptors is marked
 * close-on-exec first, whoever leaked it into us (CVE-2016-9962, CVE-2024-21626).
 */
static int pass_descriptors(const struct stage_request *request, int block_fd)
{
	int r = kernel_close_range(3 + request->preserved_fds, ~0u, CLOSE_RANGE_CLOEXEC);
	if (r < 0)
		return fail(r, "mark descriptors close-on-exec");
	const int needed[] = {request->report_fd, request->start_fd, request->proc_fd,
		request->landlock_fd, request->notify_fd, block_fd};
	for (size_t i = 0; i < array_length(needed); i++) {
		r = keep_open(needed[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * execve(2) takes a process's capabilities away unless it is root in its user namespace. Where
 * there is no such root (an ordinary user who stays himself), ambient ones carry them over; the
 * stage gives them up with everything else.
 */
static int keep_capabilities(void)
{
	if (geteuid() == 0)
		return 0;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(-errno, "read capabilities");
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		return fail(-errno, "keep capabilities for the stage");
	uint64_t held = data[0].permitted | (uint64_t)data[1].permitted << 32;
	for (int capability = 0; capability <= capabilities_last(); capability++)
		if (held >> capability & 1 &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return fail(-errno, "keep capability %d for the stage", capability);
	return 0;
}

int stage_execute(int stage_fd, const struct stage_request *request)
{
	autofini(text_fini) struct text block = {};
	build(request, &block);
	autoclose int block_fd = memory_file("rung-handoff", false);
	if (block_fd < 0)
		return fail(block_fd, "create a memory file for the handoff");
	int r = fs_write_all(block_fd, block.bytes, block.length);
	if (r < 0)
		return fail(r, "write the handoff");
	r = keep_capabilities();
	if (r == 0)
		r = pass_descriptors(request, block_fd);
	if (r < 0)
		return r;
	char number[16];
	snprintf(number, sizeof(number), "%d", block_fd);
	char name[] = "rung-stage", *arguments[] = {name, number, NULL}, *environment[] = {NULL};
	r = kernel_execveat(stage_fd, "", arguments, environment, AT_EMPTY_PATH);
	return fail(r, "execute the stage");
}
