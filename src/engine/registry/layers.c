// SPDX-License-Identifier: Apache-2.0

/*
 * Several layers at once, each a pipe from rung-fetch to rung-layer: no byte of them passes through
 * rung, which only waits for what the two say.
 *
 *	registry → rung-fetch ═ pipe ═> rung-layer → part file (kept as it came) and tree
 *
 * A layer is entered when both digests are verified: first its tree, then its blob. Whoever waited
 * for the part file's lock then finds both.
 *
 * Who interrupts it keeps what has arrived; trees that are half unpacked go before this process
 *does.
 *
 * Layers are begun in the order of their digests. Each holds the lock of its part file while it
 * comes, and the next lock may have to be waited for: with one order for everybody two pulls of the
 * same layers share them, and never wait for each other in a circle.
 */

#include "engine/registry/layers.h"

#include "base/error.h"
#include "engine/image/pairs.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define AT_ONCE 6            /* layers; as Podman has it */
#define PIPE_BYTES (1 << 20) /* what an ordinary user may have at most */

enum work_state { WORK_TO_DO, WORK_RUNNING, WORK_DONE };

struct work {
	const struct image_descriptor *layer;
	const char *diff_id;
	enum work_state state;
	int part_fd;
	struct snapshot snapshot;
	struct layer_job job;
	bool fetching, again; /* a request is under way; this is the second try */
	uint64_t request;
	uint64_t had;  /* bytes that were there before */
	size_t source; /* 0: the registry; else the URL before which was tried in vain */
	int fetch_error;
	const char *fetch_story;
};

struct works {
	struct registry_session *session;
	const struct registry_remote *remote;
	struct store *store;
	struct work *items;
	size_t count, begun, running;
	struct arena arena; /* of answers */
	struct image_pairs pairs;
	sigset_t ends;    /* signals that would end us */
	int signal_fd;    /* readable when one of them has come */
	bool interrupted; /* it has; it is held back */
};

/* A signal that is ignored, as nohup(1) has it, ends nobody. */
static int watch_signals(struct works *works)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigemptyset(&works->ends);
	for (size_t i = 0; i < array_length(numbers); i++) {
		struct sigaction action;
		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
			sigaddset(&works->ends, numbers[i]);
	}
	works->signal_fd = signalfd(-1, &works->ends, SFD_CLOEXEC);
	return works->signal_fd < 0 ? fail(-errno, "signalfd") : 0;
}

static void works_fini(struct works *works)
{
	for (size_t i = 0; i < works->count; i++) {
		struct work *work = &works->items[i];
		layer_job_fini(&work->job);
		snapshot_fini(works->store, &work->snapshot);
		close_now(work->part_fd);
	}
	arena_fini(&works->arena);
	close_now(works->signal_fd);
	if (works->interrupted) /* it was not taken from signal_fd: now it ends us */
		(void)sigprocmask(SIG_UNBLOCK, &works->ends, NULL);
}

static void tell(
	const struct works *works, const struct work *work, enum registry_step step, uint64_t done)
{
	const struct registry_news news = {
		.step = step,
		.subject = work->layer->digest,
		.done = done,
		.total = work->layer->size,
	};
	registry_tell(works->session, &news);
}

/* ---- beginning ------------------------------------------------------------------- */

/*
 * Layers that their makers do not let others hand on (Windows' own, above all) may lie at other
 * addresses. Those are no registries: rung-fetch shows them no credentials.
 */
static bool has_other_source(const struct work *work)
{
	if (work->source >= work->layer->urls.count)
		return false;
	const char *url = work->layer->urls.items[work->source];
	return text_starts(url, "https://") || text_starts(url, "http://");
}

static int send_request(struct works *works, struct work *work, int output_fd)
{
	const char *path = arena_format(
		&works->arena, "/v2/%s/blobs/%s", works->remote->repository, work->layer->digest);
	const struct fetch_request request = {
		.endpoint = works->remote->endpoint,
		.path = work->source ? work->layer->urls.items[work->source - 1] : path,
		.scope = works->remote->scope,
		.offset = work->had,
		.limit = work->layer->size,
		.output_fd = output_fd,
	};
	work->fetching = true;
	work->fetch_error = 0;
	return fetch_send(&works->session->fetch, &request, &work->request);
}

/* Starts the unpacking, and the fetching of what is missing. */
static int start(struct works *works, struct work *work, bool fetch)
{
	int ends[2] = {-1, -1};
	if (fetch && pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "pipe");
	autoclose int reader = ends[0];
	autoclose int writer = ends[1];
	if (fetch)
		(void)fcntl(writer, F_SETPIPE_SZ, PIPE_BYTES);
	int r = 0;
	if (!snapshot_exists(works->store, work->diff_id))
		r = snapshot_begin(works->store, work->diff_id, &work->snapshot);
	if (r < 0)
		return r;
	const struct layer_unpack unpack = {
		.input_fd = reader,
		.blob_fd = work->part_fd,
		.tree_fd = work->snapshot.tree_fd,
		.digest = work->layer->digest,
		.diff_id = work->diff_id,
		.size = work->layer->size,
	};
	r = layer_unpack_start(&unpack, &work->job);
	if (r >= 0 && fetch)
		r = send_request(works, work, writer);
	if (r < 0)
		return r;
	work->state = WORK_RUNNING;
	works->running++;
	return 0;
}

/* What a part file holds counts, unless it is more than there can be. */
static int measure_part(struct work *work)
{
	struct stat about;
	if (fstat(work->part_fd, &about) < 0)
		return fail(-errno, "part file of %s", work->layer->digest);
	work->had = (uint64_t)about.st_size;
	if (work->had <= work->layer->size)
		return 0;
	work->had = 0;
	return ftruncate(work->part_fd, 0) < 0
		       ? fail(-errno, "part file of %s", work->layer->digest)
		       : 0;
}

static int begin(struct works *works, struct work *work)
{
	struct store *store = works->store;
	const char *digest = work->layer->digest;
	int r = store_has_blob(store, digest) ? 1 : store_ingest(store, digest, &work->part_fd);
	if (r < 0)
		return r;
	bool whole = r == 1 && snapshot_exists(store, work->diff_id);
	if (whole && image_pair_is_proven(
			     store, &works->pairs, digest, work->diff_id, works->session->arena)) {
		work->state = WORK_DONE;
		tell(works, work, REGISTRY_SKIPPED, work->layer->size);
		return 0;
	}
	if (r == 1) { /* the tree is missing, or may be of another blob */
		work->part_fd = store_open_blob(store, digest);
		if (work->part_fd < 0)
			return work->part_fd;
		work->had = work->layer->size;
		return start(works, work, false);
	}
	r = measure_part(work);
	if (r < 0)
		return r;
	tell(works, work, REGISTRY_BLOB, work->had);
	return start(works, work, work->had < work->layer->size);
}

/* ---- ending ------------------------------------------------------------------------- */

static int enter(struct works *works, struct work *work, const struct layer_report *report)
{
	struct store *store = works->store;
	int r = 0;
	if (work->snapshot.tree_fd >= 0) {
		work->snapshot.unpacked_size = report->content_size;
		r = snapshot_commit(store, &work->snapshot, work->diff_id);
		snapshot_fini(store, &work->snapshot);
		work->snapshot = (struct snapshot)SNAPSHOT_NONE;
	}
	if (r >= 0 && !store_has_blob(store, work->layer->digest))
		r = store_ingest_commit(store, work->layer->digest, work->part_fd);
	if (r < 0)
		return r;
	close_now(work->part_fd);
	work->state = WORK_DONE;
	works->running--;
	tell(works, work, REGISTRY_DONE, work->layer->size);
	return 0;
}

/* Bytes of an earlier try, or of a bad day, are worth nothing: from the beginning, once. */
static int start_again(struct works *works, struct work *work)
{
	error_clear();
	snapshot_fini(works->store, &work->snapshot);
	work->snapshot = (struct snapshot)SNAPSHOT_NONE;
	if (ftruncate(work->part_fd, 0) < 0 || lseek(work->part_fd, 0, SEEK_SET) < 0)
		return fail(-errno, "part file of %s", work->layer->digest);
	work->had = 0;
	work->again = true;
	works->running--;
	return start(works, work, true);
}

/* rung-layer has ended. */
static int job_ended(struct works *works, struct work *work)
{
	struct layer_report report = {};
	const char *digest = work->layer->digest;
	int r = layer_unpack_wait(&work->job, &report);
	work->job = (struct layer_job){};
	if (r >= 0)
		return enter(works, work, &report);
	bool part = !store_has_blob(works->store, digest);
	if (r == -EBADMSG && part && work->had > 0 && !work->again)
		return start_again(works, work);
	if (r == -EBADMSG && part)
		(void)!ftruncate(work->part_fd, 0);
	/* It ended for want of bytes: why is for rung-fetch to say. */
	while (r == -EPIPE && work->fetching) {
		struct fetch_answer answer;
		int got = fetch_next(&works->session->fetch, &works->arena, &answer);
		if (got < 0)
			return got;
		if (answer.end && answer.request == work->request) {
			work->fetching = false;
			if (answer.error)
				r = fetch_fail(answer.error, answer.story);
			else if (answer.status != 200 && answer.status != 206)
				r = fetch_refuse(&answer, &works->arena);
		}
	}
	if (work->fetch_error)
		r = fetch_fail(work->fetch_error, work->fetch_story);
	if ((r == -ENOENT || work->source > 0) && has_other_source(work)) {
		work->source++;
		return start_again(works, work);
	}
	return wrap(r, "layer %s", digest);
}

static struct work *work_of(struct works *works, uint64_t request)
{
	for (size_t i = 0; i < works->count; i++)
		if (works->items[i].fetching && works->items[i].request == request)
			return &works->items[i];
	return NULL; /* of a try that was given up */
}

static int hear(struct works *works)
{
	struct fetch_answer answer;
	int r = fetch_next(&works->session->fetch, &works->arena, &answer);
	struct work *work = r >= 0 ? work_of(works, answer.request) : NULL;
	if (!work)
		return r;
	if (!answer.end) {
		tell(works, work, REGISTRY_BLOB, answer.done);
		return 0;
	}
	work->fetching = false;
	if (answer.error && answer.error != EPIPE) {
		work->fetch_error = answer.error;
		work->fetch_story = answer.story;
	} else if (!answer.error && answer.status != 200 && answer.status != 206) {
		work->fetch_error = -fetch_refuse(&answer, &works->arena);
		work->fetch_story = arena_strdup(&works->arena, error_text());
		error_clear();
	}
	return 0;
}

/* Waits for one thing to happen. */
static int wait(struct works *works)
{
	struct pollfd waits[2 + AT_ONCE];
	struct work *owners[AT_ONCE];
	nfds_t count = 0;
	for (size_t i = 0; i < works->begun; i++) {
		struct work *work = &works->items[i];
		if (work->state != WORK_RUNNING)
			continue;
		owners[count] = work;
		waits[count++] = (struct pollfd){.fd = work->job.pidfd, .events = POLLIN};
	}
	nfds_t jobs = count;
	waits[count++] = (struct pollfd){.fd = works->session->fetch.socket, .events = POLLIN};
	waits[count++] = (struct pollfd){.fd = works->signal_fd, .events = POLLIN};
	if (sigprocmask(SIG_BLOCK, &works->ends, NULL) < 0)
		return fail(-errno, "sigprocmask");
	int ready = poll(waits, count, -1), error = errno;
	works->interrupted = ready > 0 && waits[count - 1].revents;
	if (works->interrupted)
		return refuse(-EINTR, "interrupted");
	(void)sigprocmask(SIG_UNBLOCK, &works->ends, NULL);
	if (ready < 0)
		return error == EINTR ? 0 : fail(-error, "poll");
	int r = waits[jobs].revents ? hear(works) : 0;
	for (nfds_t i = 0; r >= 0 && i < jobs; i++)
		if (waits[i].revents)
			r = job_ended(works, owners[i]);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct work *left = a, *right = b;
	return strcmp(left->layer->digest, right->layer->digest);
}

/* Each blob once: images repeat them, the empty layer above all. */
static int plan(struct works *works, const struct image_manifest *manifest,
	const struct strings *diff_ids, struct arena *arena)
{
	works->items = arena_new(arena, struct work, manifest->layer_count + 1);
	for (size_t i = 0; i < manifest->layer_count; i++)
		works->items[i] = (struct work){
			.layer = &manifest->layers[i],
			.diff_id = diff_ids->items[i],
			.part_fd = -1,
			.snapshot = SNAPSHOT_NONE,
		};
	qsort(works->items, manifest->layer_count, sizeof(*works->items), compare);
	for (size_t i = 0; i < manifest->layer_count; i++) {
		struct work *last = works->count ? &works->items[works->count - 1] : NULL;
		if (!last || compare(last, &works->items[i]) != 0)
			works->items[works->count++] = works->items[i];
		else if (!text_equal(last->diff_id, works->items[i].diff_id))
			return refuse(-EPROTO, "layer %s is said to have two contents",
				last->layer->digest);
	}
	return 0;
}

bool registry_is_layer(const char *media_type)
{
	return !media_type || text_equal(media_type, "application/octet-stream") ||
	       (strstr(media_type, ".tar") && !text_ends(media_type, "+encrypted"));
}

static int check_layers(const struct image_manifest *manifest)
{
	for (size_t i = 0; i < manifest->layer_count; i++) {
		const char *type = manifest->layers[i].media_type;
		if (registry_is_layer(type))
			continue;
		if (text_ends(type, "+encrypted"))
			return refuse(-ENOTSUP, "layer %zu is encrypted", i + 1);
		return refuse(-ENOTSUP, "it is no image, but an artifact of type %s", type);
	}
	return 0;
}

int registry_fetch_layers(struct registry_session *session, const struct registry_remote *remote,
	struct store *store, const struct image_manifest *manifest, const struct strings *diff_ids)
{
	autofini(works_fini) struct works works = {
		.session = session, .remote = remote, .store = store, .signal_fd = -1};
	int checked = check_layers(manifest);
	if (checked >= 0)
		checked = plan(&works, manifest, diff_ids, session->arena);
	if (checked >= 0)
		checked = watch_signals(&works);
	if (checked < 0)
		return checked;
	while (works.begun < works.count || works.running > 0) {
		int r;
		if (works.begun < works.count && works.running < AT_ONCE)
			r = begin(&works, &works.items[works.begun++]);
		else
			r = wait(&works);
		if (r < 0)
			return r;
	}
	return 0;
}
