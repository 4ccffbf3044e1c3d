// SPDX-License-Identifier: Apache-2.0

/*
 * A request lies in one of three places: waiting in the queue, in the hands of a thread, or done
 * and waiting for the loop, which an eventfd wakes. Its answer belongs to the thread until it is
 * done; whether anybody still wants it only the loop's thread looks at. So one lock guards the
 * lists, and nothing else is shared.
 *
 * Threads are detached and may be inside the C library when the door closes: they keep the state
 * alive by a count.
 */

#include "resolve.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { THREADS_MAX = 8, THREAD_STACK = 512 * 1024, WAITING_MAX = 1024 };
enum { MEMORY = 256, FOUND_MS = 30000, MISSED_MS = 2000 };
enum { ANSWER_ROOM = 64 * 1024 };

struct resolve_request {
	struct resolve_request *next;
	char name[HOST_NAME_MAX_LENGTH + 1];
	uint16_t type; /* 0: addresses */
	bool cancelled;
	resolve_callback callback;
	void *context;
	struct resolved resolved;
};

struct memory {
	char name[HOST_NAME_MAX_LENGTH + 1];
	int64_t until_ms;
	struct resolved resolved;
};

struct list {
	struct resolve_request *first, **end;
};

struct resolver {
	atomic_int users; /* the loop and every thread */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list waiting, done;
	unsigned waiting_count, threads, idle;
	bool closing;
	int wake_fd;
	/* The loop's alone. */
	struct loop_watch *watch;
	struct memory *memory;
};

static void list_add(struct list *list, struct resolve_request *request)
{
	if (!list->first)
		list->end = &list->first;
	request->next = NULL;
	*list->end = request;
	list->end = &request->next;
}

static struct resolve_request *list_take(struct list *list)
{
	struct resolve_request *request = list->first;
	if (request)
		list->first = request->next;
	return request;
}

static void request_free(struct resolve_request *request)
{
	free(request->resolved.message);
	free(request);
}

static void list_free(struct list *list)
{
	struct resolve_request *request;
	while ((request = list_take(list)))
		request_free(request);
}

static void release(struct resolver *resolver)
{
	if (atomic_fetch_sub(&resolver->users, 1) > 1)
		return;
	list_free(&resolver->waiting);
	list_free(&resolver->done);
	(void)close(resolver->wake_fd);
	(void)pthread_mutex_destroy(&resolver->lock);
	(void)pthread_cond_destroy(&resolver->work);
	free(resolver->memory);
	free(resolver);
}

/* ---- in a thread ----------------------------------------------------------------------- */

static void keep_address(struct resolved *resolved, const struct sockaddr *from)
{
	struct address address = {};
	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
		memcpy(address.bytes, &v6->sin6_addr, sizeof(address.bytes));
	} else if (from->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
		address.bytes[10] = address.bytes[11] = 0xff;
		memcpy(address.bytes + 12, &v4->sin_addr, sizeof(v4->sin_addr));
	} else {
		return;
	}
	if (resolved->address_count < RESOLVE_ADDRESSES_MAX)
		resolved->addresses[resolved->address_count++] = address;
}

static void look_up_addresses(struct resolve_request *request)
{
	const struct addrinfo wish = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(request->name, NULL, &wish, &found);
	if (r == 0) {
		for (const struct addrinfo *at = found; at; at = at->ai_next)
			keep_address(&request->resolved, at->ai_addr);
		freeaddrinfo(found);
	}
	if (r == EAI_NONAME || r == EAI_NODATA || (r == 0 && !request->resolved.address_count))
		request->resolved.result = -ENOENT;
	else if (r != 0)
		request->resolved.result = -EAGAIN;
}

static void look_up_records(struct resolve_request *request)
{
	struct __res_state state = {};
	uint8_t query[512];
	request->resolved.result = -EAGAIN;
	if (res_ninit(&state) < 0)
		return;
	int length = res_nmkquery(&state, ns_o_query, request->name, ns_c_in, request->type, NULL,
		0, NULL, query, sizeof(query));
	uint8_t *answer = malloc(ANSWER_ROOM);
	if (length > 0 && answer)
		length = res_nsend(&state, query, length, answer, ANSWER_ROOM);
	if (length > 0 && answer) {
		request->resolved.result = 0;
		request->resolved.message_length = (size_t)length;
		request->resolved.message = take(answer);
	}
	free(answer);
	res_nclose(&state);
}

static void *work(void *argument)
{
	struct resolver *resolver = argument;
	(void)pthread_mutex_lock(&resolver->lock);
	while (!resolver->closing) {
		struct resolve_request *request = list_take(&resolver->waiting);
		if (!request) {
			resolver->idle++;
			(void)pthread_cond_wait(&resolver->work, &resolver->lock);
			resolver->idle--;
			continue;
		}
		resolver->waiting_count--;
		(void)pthread_mutex_unlock(&resolver->lock);
		if (request->type)
			look_up_records(request);
		else
			look_up_addresses(request);
		(void)pthread_mutex_lock(&resolver->lock);
		list_add(&resolver->done, request);
		(void)!eventfd_write(resolver->wake_fd, 1);
	}
	(void)pthread_mutex_unlock(&resolver->lock);
	release(resolver);
	return NULL;
}

/* ---- in the loop ------------------------------------------------------------------------- */

/* Where a name is remembered: one place for each, the later takes it from the earlier. */
static struct memory *place_of(const struct resolver *resolver, const char *name)
{
	uint32_t hash = 0;
	for (; *name; name++)
		hash = hash * 31 + (uint8_t)*name;
	return &resolver->memory[hash % MEMORY];
}

static void remember(struct resolver *resolver, const struct resolve_request *request)
{
	if (request->type)
		return;
	struct memory *memory = place_of(resolver, request->name);
	memcpy(memory->name, request->name, sizeof(memory->name));
	memory->resolved = request->resolved;
	memory->until_ms = clock_monotonic_ms() + (request->resolved.result ? MISSED_MS : FOUND_MS);
}

static const struct resolved *recall(const struct resolver *resolver, const char *name)
{
	const struct memory *memory = place_of(resolver, name);
	bool known = text_equal(memory->name, name) && clock_monotonic_ms() < memory->until_ms;
	return known ? &memory->resolved : NULL;
}

static int on_done(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct resolver *resolver = context;
	eventfd_t times;
	(void)!eventfd_read(fd, &times);
	(void)pthread_mutex_lock(&resolver->lock);
	struct list done = resolver->done;
	resolver->done = (struct list){};
	(void)pthread_mutex_unlock(&resolver->lock);
	struct resolve_request *request;
	while ((request = list_take(&done))) {
		remember(resolver, request);
		if (!request->cancelled)
			request->callback(&request->resolved, request->context);
		request_free(request);
	}
	return 0;
}

int resolver_new(struct loop *loop, struct resolver **ret)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	struct memory *memory = calloc(MEMORY, sizeof(*memory));
	int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!resolver || !memory || wake_fd < 0) {
		int r = fail(wake_fd < 0 ? -errno : -ENOMEM, "start the resolver");
		scope_close(&wake_fd);
		free(memory);
		free(resolver);
		return r;
	}
	*resolver = (struct resolver){.users = 1, .wake_fd = wake_fd, .memory = memory};
	(void)pthread_mutex_init(&resolver->lock, NULL);
	(void)pthread_cond_init(&resolver->work, NULL);
	int r = loop_add_fd(loop, wake_fd, EPOLLIN, on_done, resolver, &resolver->watch);
	if (r < 0) {
		release(resolver);
		return r;
	}
	*ret = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	loop_remove(resolver->watch);
	(void)pthread_mutex_lock(&resolver->lock);
	resolver->closing = true;
	(void)pthread_cond_broadcast(&resolver->work);
	(void)pthread_mutex_unlock(&resolver->lock);
	release(resolver);
}

/* One more thread, if it can be had; those that are there do it otherwise. */
static void start_thread(struct resolver *resolver)
{
	pthread_t thread;
	pthread_attr_t attributes;
	sigset_t all, before;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	atomic_fetch_add(&resolver->users, 1);
	if (pthread_create(&thread, &attributes, work, resolver) == 0)
		resolver->threads++;
	else
		atomic_fetch_sub(&resolver->users, 1);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
}

static struct resolve_request *ask(struct resolver *resolver, const char *name, uint16_t type,
	resolve_callback callback, void *context)
{
	struct resolve_request *request = calloc(1, sizeof(*request));
	bool taken = false;
	if (request) {
		request->type = type;
		request->callback = callback;
		request->context = context;
		strncpy(request->name, name, HOST_NAME_MAX_LENGTH);
		(void)pthread_mutex_lock(&resolver->lock);
		if (resolver->waiting_count < WAITING_MAX) {
			if (resolver->idle <= resolver->waiting_count &&
				resolver->threads < THREADS_MAX)
				start_thread(resolver);
			taken = resolver->threads > 0;
		}
		if (taken) {
			resolver->waiting_count++;
			list_add(&resolver->waiting, request);
			(void)pthread_cond_signal(&resolver->work);
		}
		(void)pthread_mutex_unlock(&resolver->lock);
	}
	if (taken)
		return request;
	free(request);
	callback(&(struct resolved){.result = -EAGAIN}, context);
	return NULL;
}

struct resolve_request *resolve_addresses(
	struct resolver *resolver, const char *name, resolve_callback callback, void *context)
{
	const struct resolved *known = recall(resolver, name);
	if (known) {
		callback(known, context);
		return NULL;
	}
	return ask(resolver, name, 0, callback, context);
}

struct resolve_request *resolve_records(struct resolver *resolver, const char *name, uint16_t type,
	resolve_callback callback, void *context)
{
	return ask(resolver, name, type, callback, context);
}

void resolve_cancel(struct resolve_request *request)
{
	if (request)
		request->cancelled = true;
}
