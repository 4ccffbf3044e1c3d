// SPDX-License-Identifier: Apache-2.0

/*
 * Work: a request that may have to wait for a person. The kernel says when the one who waits is
 * interrupted; then the question is taken back and the call ends with EINTR, as open(2) of a slow
 * device would.
 */

#include "files.h"
#include "peer.h"

#include "base/arena.h"
#include "base/scope.h"

struct file_work *file_work_new(fuse_req_t request, struct file_node *node, const char *name)
{
	struct file_work *work = calloc(1, sizeof(*work));
	if (!work)
		memory_exhausted();
	work->door = fuse_req_userdata(request);
	work->request = request;
	work->node = node;
	work->name = file_copy(name);
	node->held++;
	work->next = work->door->work;
	work->door->work = work;
	return work;
}

void file_work_end(struct file_work *work)
{
	struct file_work **at = &work->door->work;
	while (*at != work)
		at = &(*at)->next;
	*at = work->next;
	file_node_release(work->door, work->node);
	if (work->other)
		file_node_release(work->door, work->other);
	free(work->name);
	free(work->other_name);
	free((char *)work->question.value);
	free(work);
}

void file_work_fail(struct file_work *work, int error)
{
	(void)fuse_reply_err(work->request, error);
	file_work_end(work);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_interrupt(fuse_req_t request, void *context)
{
	struct file_work *work = context;
	(void)request;
	if (work->ticket)
		policy_withdraw(work->door->doors->policy, take(work->ticket));
	else if (!work->awaited)
		return; /* it is being answered */
	work->awaited = NULL;
	file_work_fail(work, EINTR);
}

static void on_decision(enum decision decision, void *context)
{
	struct file_work *work = context;
	work->ticket = NULL;
	if (decision == DECISION_DENY)
		file_work_fail(work, EACCES);
	else
		work->act(work);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is the work's from here on, to be freed */
void file_work_ask(struct file_work *work, enum permission_kind kind, char *path, const char *why)
{
	struct policy *policy = work->door->doors->policy;
	free((char *)work->question.value);
	work->question = (struct question){.kind = kind,
		.value = path,
		.why = why,
		.top = kind == PERMISSION_DEVICE ? NULL : work->door->path};
	/* Who it is matters to a person only. */
	if (policy_look(policy, &work->question) == PERMISSION_ASK)
		work->question.pid = peer_process(fuse_req_ctx(work->request)->pid);
	struct policy_ticket *ticket = policy_decide(policy, &work->question, on_decision, work);
	if (!ticket)
		return; /* answered, and the work may be gone */
	work->ticket = ticket;
	/* Calls back at once when the interrupt was faster. */
	fuse_req_interrupt_func(work->request, on_interrupt, work);
}

bool file_is_denied(const struct file_door *door, const char *path)
{
	const struct policy *policy = door->doors->policy;
	const struct question question = {.kind = PERMISSION_READ, .value = path};
	return policy_look(policy, &question) == PERMISSION_DENY && !policy_passes(policy, path);
}
