// SPDX-License-Identifier: Apache-2.0

/*
 * The steps of a blob (OCI distribution specification 1.1, "Pushing blobs"):
 *
 *	ask (HEAD) ── is there ───────────────────────────────> done
 *	open (POST) ── mounted ───────────────────────────────> done
 *	send (PUT, all of it) ── 201 ─────────────────────────> done
 *	  │ too large: in parts; broken: where was I?
 *	where (GET) → part (PATCH) … part → close (PUT) ──────> done
 *
 * One request for the whole blob is the fastest and understood everywhere. Only where that fails
 *the blob goes in parts, each of which is kept when the next one breaks.
 */

#include "engine/registry/upload.h"

#include "base/clock.h"
#include "base/error.h"

#include <poll.h>

#define AT_ONCE 6
#define PART_BYTES ((uint64_t)16 << 20)
#define FIRST_DELAY_MS 500
#define DELAY_MAX_MS 30000

enum step {
	STEP_NONE,
	STEP_ASK,
	STEP_OPEN,
	STEP_SEND,
	STEP_WHERE,
	STEP_PART,
	STEP_CLOSE,
	STEP_DONE
};

struct uploads {
	struct registry_session *session;
	const struct registry_remote *remote;
	struct upload *items;
	size_t count, begun, running;
	struct arena arena;
};

static void uploads_fini(struct uploads *uploads)
{
	arena_fini(&uploads->arena);
}

static void tell(const struct uploads *uploads, const struct upload *upload,
	enum registry_step step, uint64_t done)
{
	const struct registry_news news = {
		.step = step,
		.subject = upload->digest,
		.configuration = upload->configuration,
		.done = done,
		.total = upload->size,
	};
	registry_tell(uploads->session, &news);
}

/* ---- requests -------------------------------------------------------------------- */

static const char *with_digest(struct uploads *uploads, const struct upload *upload)
{
	return arena_format(&uploads->arena, "%s%sdigest=%s", upload->location,
		strchr(upload->location, '?') ? "&" : "?", upload->digest);
}

static const char *opening(struct uploads *uploads, const struct upload *upload, const char **scope)
{
	const struct registry_remote *remote = uploads->remote;
	const char *path =
		arena_format(&uploads->arena, "/v2/%s/blobs/uploads/", remote->repository);
	if (!upload->from)
		return path;
	*scope =
		arena_format(&uploads->arena, "%s repository:%s:pull", remote->scope, upload->from);
	return arena_format(
		&uploads->arena, "%s?mount=%s&from=%s", path, upload->digest, upload->from);
}

static void set_body(struct uploads *uploads, const struct upload *upload,
	struct fetch_request *request, uint64_t length)
{
	request->headers[0] = "Content-Type: application/octet-stream";
	if (length == 0)
		return;
	request->input_fd = upload->fd;
	request->input_offset = upload->offset;
	request->input_length = length;
	if (request->method[1] == 'A') /* PATCH */
		request->headers[1] = arena_format(&uploads->arena, "Content-Range: %llu-%llu",
			(unsigned long long)upload->offset,
			(unsigned long long)(upload->offset + length - 1));
}

static uint64_t part_length(const struct upload *upload)
{
	uint64_t left = upload->size - upload->offset;
	uint64_t part = upload->chunk > PART_BYTES ? upload->chunk : PART_BYTES;
	return left < part ? left : part;
}

static int take_step(struct uploads *uploads, struct upload *upload, enum step step)
{
	const struct registry_remote *remote = uploads->remote;
	struct fetch_request request = {
		.endpoint = remote->endpoint, .scope = remote->scope, .no_retry = true};
	upload->step = (int)step;
	switch (step) {
	case STEP_ASK:
		request.method = "HEAD";
		request.no_retry = false;
		request.path = arena_format(
			&uploads->arena, "/v2/%s/blobs/%s", remote->repository, upload->digest);
		break;
	case STEP_OPEN:
		upload->offset = 0;
		request.method = "POST";
		request.path = opening(uploads, upload, &request.scope);
		break;
	case STEP_SEND:
		request.method = "PUT";
		request.path = with_digest(uploads, upload);
		set_body(uploads, upload, &request, upload->size);
		break;
	case STEP_WHERE:
		request.method = "GET";
		request.no_retry = false;
		request.path = upload->location;
		break;
	case STEP_PART:
		request.method = "PATCH";
		request.path = upload->location;
		upload->part_length = part_length(upload);
		set_body(uploads, upload, &request, upload->part_length);
		break;
	case STEP_CLOSE:
		request.method = "PUT";
		request.path = with_digest(uploads, upload);
		set_body(uploads, upload, &request, 0);
		break;
	default:
		return 0;
	}
	return fetch_send(&uploads->session->fetch, &request, &upload->request);
}

/* ---- answers ------------------------------------------------------------------------ */

static int done(struct uploads *uploads, struct upload *upload, bool skipped)
{
	upload->step = STEP_DONE;
	uploads->running--;
	tell(uploads, upload, skipped ? REGISTRY_SKIPPED : REGISTRY_DONE, upload->size);
	return 0;
}

static int refuse_answer(
	struct uploads *uploads, const struct upload *upload, const struct fetch_answer *answer)
{
	int r = answer->error ? fetch_fail(answer->error, answer->story)
			      : fetch_refuse(answer, &uploads->arena);
	return wrap(r, "upload %s", upload->digest);
}

static bool is_passing(const struct fetch_answer *answer)
{
	if (answer->error)
		return answer->error != EKEYREJECTED && answer->error != ENOKEY &&
		       answer->error != EPROTOTYPE && answer->error != EACCES;
	return answer->status == 429 || answer->status >= 500;
}

/* A step that broke is tried again a little later, by asking first what has arrived. */
static int broken(struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	if (!is_passing(answer) || upload->attempts >= registry_retries(uploads->session))
		return refuse_answer(uploads, upload, answer);
	unsigned doublings = upload->attempts < 6 ? upload->attempts : 6;
	int64_t delay_ms = (int64_t)FIRST_DELAY_MS << doublings;
	if (uploads->session->options->retry_delay_ms > 0)
		delay_ms = (int64_t)uploads->session->options->retry_delay_ms;
	if (answer->retry_after_s > 0)
		delay_ms = (int64_t)answer->retry_after_s * 1000;
	upload->wake_ms =
		clock_monotonic_ms() + (delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS);
	upload->attempts++;
	return 0;
}

static int wake(struct uploads *uploads, struct upload *upload)
{
	upload->wake_ms = 0;
	enum step step =
		upload->step == STEP_OPEN || upload->step == STEP_WHERE ? STEP_OPEN : STEP_WHERE;
	return take_step(uploads, upload, step);
}

static void keep_location(
	struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	if (answer->location)
		upload->location = arena_strdup(&uploads->arena, answer->location);
}

static int opened(struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	if (answer->status == 201)
		return done(uploads, upload, true);
	if (upload->from && answer->status != 202) {
		/* Who may not read there, or a registry that stumbles over mounts: without. */
		upload->from = NULL;
		return take_step(uploads, upload, STEP_OPEN);
	}
	if (answer->status != 202 || !answer->location)
		return broken(uploads, upload, answer);
	upload->from = NULL;
	keep_location(uploads, upload, answer);
	if (answer->chunk_min &&
		parse_uint64(answer->chunk_min, (uint64_t)1 << 40, &upload->chunk) < 0)
		error_clear();
	tell(uploads, upload, REGISTRY_BLOB, 0);
	bool whole = !upload->in_parts;
	return take_step(uploads, upload, whole ? STEP_SEND : STEP_PART);
}

static int sent(struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	if (answer->status == 201 || answer->status == 204)
		return done(uploads, upload, false);
	if (answer->status == 413 && !upload->in_parts) {
		upload->in_parts = true; /* what was too large goes in parts from now on */
		return take_step(uploads, upload, STEP_OPEN);
	}
	return broken(uploads, upload, answer);
}

/* "0-1048575" of bytes that have arrived: go on behind them. "0-0" is said of none as of one. */
static int located(
	struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	uint64_t last;
	upload->in_parts = true;
	if ((answer->status != 204 && answer->status != 200) || !answer->range ||
		!text_starts(answer->range, "0-") ||
		parse_uint64(answer->range + 2, UINT64_MAX, &last) < 0 || last == 0 ||
		last >= upload->size) {
		error_clear();
		return take_step(uploads, upload, STEP_OPEN); /* it knows nothing of it any more */
	}
	keep_location(uploads, upload, answer);
	upload->offset = last + 1;
	return take_step(uploads, upload, upload->offset < upload->size ? STEP_PART : STEP_CLOSE);
}

static int part_arrived(
	struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	if (answer->status == 416 && upload->attempts++ < registry_retries(uploads->session))
		return take_step(uploads, upload, STEP_WHERE);
	if (answer->status != 202)
		return broken(uploads, upload, answer);
	keep_location(uploads, upload, answer);
	upload->offset += upload->part_length;
	if (upload->offset > upload->farthest) { /* as long as it moves it may break */
		upload->farthest = upload->offset;
		upload->attempts = 0;
	}
	return take_step(uploads, upload, upload->offset < upload->size ? STEP_PART : STEP_CLOSE);
}

static int answered(
	struct uploads *uploads, struct upload *upload, const struct fetch_answer *answer)
{
	switch ((enum step)upload->step) {
	case STEP_ASK:
		if (answer->error || answer->status == 401 || answer->status == 403)
			return refuse_answer(uploads, upload, answer);
		if (answer->status == 200)
			return done(uploads, upload, true);
		return take_step(uploads, upload, STEP_OPEN);
	case STEP_OPEN:
		return opened(uploads, upload, answer);
	case STEP_SEND:
	case STEP_CLOSE:
		return sent(uploads, upload, answer);
	case STEP_WHERE:
		return located(uploads, upload, answer);
	case STEP_PART:
		return part_arrived(uploads, upload, answer);
	default:
		return 0;
	}
}

static int hear(struct uploads *uploads)
{
	struct fetch_answer answer;
	int r = fetch_next(&uploads->session->fetch, &uploads->arena, &answer);
	if (r < 0)
		return r;
	for (size_t i = 0; i < uploads->begun; i++) {
		struct upload *upload = &uploads->items[i];
		if (upload->step == STEP_DONE || upload->wake_ms ||
			upload->request != answer.request)
			continue;
		if (answer.end)
			return answered(uploads, upload, &answer);
		tell(uploads, upload, REGISTRY_BLOB, upload->offset + answer.done);
	}
	return 0;
}

/* Waits for an answer, or for the first that sleeps. */
static int wait(struct uploads *uploads)
{
	int64_t now_ms = clock_monotonic_ms(), wait_ms = -1;
	for (size_t i = 0; i < uploads->begun; i++) {
		struct upload *upload = &uploads->items[i];
		if (upload->wake_ms == 0)
			continue;
		if (upload->wake_ms <= now_ms)
			return wake(uploads, upload);
		if (wait_ms < 0 || upload->wake_ms - now_ms < wait_ms)
			wait_ms = upload->wake_ms - now_ms;
	}
	struct pollfd socket = {.fd = uploads->session->fetch.socket, .events = POLLIN};
	int ready = poll(&socket, 1, (int)wait_ms);
	return ready > 0 ? hear(uploads) : 0;
}

int registry_upload(struct registry_session *session, const struct registry_remote *remote,
	struct upload *items, size_t count)
{
	autofini(uploads_fini) struct uploads uploads = {
		.session = session, .remote = remote, .items = items, .count = count};
	while (uploads.begun < count || uploads.running > 0) {
		int r;
		if (uploads.begun < count && uploads.running < AT_ONCE) {
			uploads.running++;
			r = take_step(&uploads, &items[uploads.begun++], STEP_ASK);
		} else {
			r = wait(&uploads);
		}
		if (r < 0)
			return r;
	}
	return 0;
}
