// SPDX-License-Identifier: Apache-2.0

/*
 * Out: a request; in: notifications, each of which we answer, and at last a response. One datagram
 * is one protobuf message.
 *
 * We speak the protocol and do not use criu's command line, because two things exist only here: the
 * master end of a restored terminal, and a first process that is our own child. The messages are
 * put together and taken apart by hand: a few numbered fields, for which protobuf-c and libcriu
 * would be two libraries more in a static program.
 *
 * What can go wrong: criu is missing (told with the package's name), it fails (its log tells the
 * story), it is older than an option (protobuf makes it overlook unknown fields; nothing that a
 * wall depends on is asked this way).
 */

#include "rungs/container/criu.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- writing messages ------------------------------------------------------------- */

enum wire_type { WIRE_NUMBER = 0, WIRE_EIGHT_BYTES = 1, WIRE_BYTES = 2, WIRE_FOUR_BYTES = 5 };

static void put_varint(struct text *out, uint64_t value)
{
	do {
		uint8_t byte = value & 0x7f;
		value >>= 7;
		if (value)
			byte |= 0x80;
		text_add_bytes(out, &byte, 1);
	} while (value);
}

static void put_number(struct text *out, unsigned field, uint64_t value)
{
	put_varint(out, field << 3 | WIRE_NUMBER);
	put_varint(out, value);
}

static void put_bytes(struct text *out, unsigned field, const void *bytes, size_t length)
{
	put_varint(out, field << 3 | WIRE_BYTES);
	put_varint(out, length);
	text_add_bytes(out, bytes, length);
}

void criu_put_number(struct text *options, enum criu_option option, uint64_t value)
{
	put_number(options, option, value);
}

void criu_put_text(struct text *options, enum criu_option option, const char *value)
{
	if (value)
		put_bytes(options, option, value, strlen(value));
}

void criu_put_pair(
	struct text *options, enum criu_option option, const char *first, const char *second)
{
	autofini(text_fini) struct text pair = {};
	if (first)
		put_bytes(&pair, 1, first, strlen(first));
	put_bytes(&pair, 2, second, strlen(second));
	put_bytes(options, option, pair.bytes, pair.length);
}

void criu_put_inherited(struct text *options, const char *key, int fd)
{
	autofini(text_fini) struct text entry = {};
	put_bytes(&entry, 1, key, strlen(key));
	put_number(&entry, 2, (uint64_t)fd);
	put_bytes(options, CRIU_INHERIT_FD, entry.bytes, entry.length);
}

/* ---- reading messages --------------------------------------------------------------- */

struct reader {
	const uint8_t *at, *end;
};

struct field {
	unsigned number;
	uint64_t value;       /* WIRE_NUMBER */
	struct reader inside; /* WIRE_BYTES */
};

static bool get_varint(struct reader *reader, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
		uint8_t byte = *reader->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*ret_value = value;
		return true;
	}
	return false;
}

/* The next field; false at the end and where the bytes are no message. */
static bool get_field(struct reader *reader, struct field *ret_field)
{
	uint64_t tag, length = 0;
	struct field field = {};
	if (!get_varint(reader, &tag))
		return false;
	field.number = (unsigned)(tag >> 3);
	switch (tag & 7) {
	case WIRE_NUMBER:
		if (!get_varint(reader, &field.value))
			return false;
		break;
	case WIRE_EIGHT_BYTES:
		length = 8;
		break;
	case WIRE_FOUR_BYTES:
		length = 4;
		break;
	case WIRE_BYTES:
		if (!get_varint(reader, &length))
			return false;
		break;
	default:
		return false;
	}
	if (length > (uint64_t)(reader->end - reader->at))
		return false;
	field.inside = (struct reader){reader->at, reader->at + length};
	reader->at += length;
	*ret_field = field;
	return true;
}

enum { RESPONSE_NOTIFY = 6 }; /* criu_req_type; answers repeat the request's */

struct response {
	unsigned type;
	bool success;
	pid_t pid; /* of criu_restore_resp or criu_notify */
	char event[32];
};

static void read_pid_message(struct reader inside, struct response *response)
{
	struct field field;
	while (get_field(&inside, &field)) {
		size_t length = (size_t)(field.inside.end - field.inside.at);
		if (length && length < sizeof(response->event)) {
			memcpy(response->event, field.inside.at, length);
			response->event[length] = '\0';
		} else if (!length) {
			response->pid = (pid_t)field.value;
		}
	}
}

static struct response read_response(const uint8_t *bytes, size_t length)
{
	enum { TYPE = 1, SUCCESS = 2, RESTORE = 4, NOTIFY = 5 };
	struct reader reader = {bytes, bytes + length};
	struct response response = {};
	struct field field;
	while (get_field(&reader, &field)) {
		if (field.number == TYPE)
			response.type = (unsigned)field.value;
		else if (field.number == SUCCESS)
			response.success = field.value != 0;
		else if (field.number == RESTORE || field.number == NOTIFY)
			read_pid_message(field.inside, &response);
	}
	return response;
}

/* ---- the program --------------------------------------------------------------------- */

/* Programs for root are often not in the PATH of those who start containers. */
static const char *find_in(const char *list, struct arena *arena)
{
	while (*list) {
		size_t length = strcspn(list, ":");
		const char *path = arena_format(arena, "%.*s/criu", (int)length, list);
		if (path[0] == '/' && access(path, X_OK) == 0)
			return path;
		list += length + strspn(list + length, ":");
	}
	return NULL;
}

int criu_find(const char *asked, struct arena *arena, const char **ret_path)
{
	const char *path = getenv("PATH"), *found = NULL;
	if (asked && strchr(asked, '/'))
		found = access(asked, X_OK) == 0 ? asked : NULL;
	else
		found = find_in(path ? path : "", arena);
	if (!found && !(asked && strchr(asked, '/')))
		found = find_in("/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin", arena);
	if (!found) {
		int r = refuse(-ENOENT, "%s: the program criu is not installed",
			asked ? asked : "checkpoint and restore");
		hint("install the package criu");
		return r;
	}
	*ret_path = found;
	return 0;
}

int criu_start(
	const char *program, const struct process_fd *fds, size_t fd_count, struct criu *ret_criu)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	autoclose int ours = ends[0];
	autoclose int its = ends[1];
	struct process_fd *all = calloc(fd_count + 1, sizeof(*all));
	if (!all)
		return fail(-ENOMEM, "run %s", program);
	for (size_t i = 0; i < fd_count; i++)
		all[i] = fds[i];
	all[fd_count] = (struct process_fd){.ours = its, .its = CRIU_FIRST_FREE_FD - 1};
	const char *const arguments[] = {program, "swrk", "3", NULL};
	const struct process_spawn spawn = {
		.program = program, .arguments = arguments, .fds = all, .fd_count = fd_count + 1};
	struct process_child process;
	int r = process_start(&spawn, &process);
	free(all);
	if (r < 0)
		return r;
	*ret_criu = (struct criu){.process = process, .socket_fd = take_fd(ours)};
	return 0;
}

void criu_fini(struct criu *criu)
{
	close_now(criu->socket_fd);
	if (criu->process.pidfd < 0)
		return;
	int status;
	/* Without its socket it gives up and undoes what it has; it is killed if that takes long.
	 */
	if (process_wait_pidfd(criu->process.pidfd, 10000) < 0)
		(void)kernel_pidfd_send_signal(criu->process.pidfd, SIGKILL);
	(void)process_reap(criu->process.pidfd, &status);
	close_now(criu->process.pidfd);
	close_now(criu->process.output_fd);
}

/* ---- the conversation ------------------------------------------------------------------ */

static int send_message(const struct criu *criu, const struct text *message)
{
	ssize_t n = send(criu->socket_fd, message->bytes, message->length, MSG_NOSIGNAL);
	return n == (ssize_t)message->length ? 0 : -EIO;
}

/* *ret_fd: a descriptor that came along, the caller's to close; -1: none. */
static ssize_t receive(const struct criu *criu, void *bytes, size_t room, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = room};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n;
	do {
		n = recvmsg(criu->socket_fd, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	*ret_fd = -1;
	if (n < 0)
		return -errno;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
		head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
	return n;
}

static int answer(const struct criu *criu, bool good)
{
	enum { TYPE = 1, NOTIFY_SUCCESS = 3 };
	autofini(text_fini) struct text message = {};
	put_number(&message, TYPE, RESPONSE_NOTIFY);
	put_number(&message, NOTIFY_SUCCESS, good);
	return send_message(criu, &message);
}

int criu_ask(struct criu *criu, enum criu_request request, const struct text *options,
	criu_handler *handler, void *context)
{
	enum { TYPE = 1, OPTIONS = 2 };
	autofini(text_fini) struct text message = {};
	put_number(&message, TYPE, request);
	put_bytes(&message, OPTIONS, options->bytes, options->length);
	int r = send_message(criu, &message), refused = 0;
	while (r == 0) {
		uint8_t bytes[4096];
		int received;
		ssize_t n = receive(criu, bytes, sizeof(bytes), &received);
		autoclose int fd = received;
		if (n <= 0)
			break;
		struct response response = read_response(bytes, (size_t)n);
		if (response.type != RESPONSE_NOTIFY) {
			if (refused < 0)
				return refused;
			return response.success ? (int)response.pid : -EIO;
		}
		int handled = handler ? handler(context, response.event, response.pid, fd) : 0;
		if (handled < 0)
			refused = handled;
		r = answer(criu, handled >= 0);
	}
	return refused < 0 ? refused : -EIO;
}

/* ---- its log ----------------------------------------------------------------------------- */

#define LOG_MAX (64u << 20)
#define LOG_LINES 3

/* "(00.12) Error (criu/files-reg.c:1710): Can't …": the words alone; NULL: no error's line. */
static char *error_words(char *line)
{
	char *error = strstr(line, "Error (");
	char *words = error ? strstr(error, "): ") : NULL;
	return words ? words + strlen("): ") : NULL;
}

/*
 * The first errors are the causes; those after them say what could not be done therefore, and the
 * last one only that it failed.
 */
int criu_tell(const char *what, const char *id, const char *directory, const char *log_name)
{
	autofree char *path = NULL, *bytes = NULL;
	if (asprintf(&path, "%s/%s", directory, log_name) < 0)
		return fail(-ENOMEM, "%s %s", what, id);
	if (fs_read(AT_FDCWD, path, LOG_MAX, &bytes, NULL) < 0)
		return refuse(-EIO, "%s %s: criu failed and wrote no log", what, id);
	autofini(text_fini) struct text story = {};
	unsigned count = 0;
	char *rest = bytes, *line;
	while (count < LOG_LINES && (line = strsep(&rest, "\n"))) {
		const char *words = error_words(line);
		if (words)
			text_format(&story, "%s%s", count++ ? "; " : "", words);
	}
	int r = refuse(-EIO, "%s %s: criu: %s", what, id, count ? text_get(&story) : "it failed");
	hint("the whole log of criu is %s", path);
	return r;
}
