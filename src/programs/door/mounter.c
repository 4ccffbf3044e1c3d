// SPDX-License-Identifier: Apache-2.0

/*
 * One helper is enough nearly always. Should it be stuck (a thread inside holds the directory's
 * lock while its own question waits), the next mount gets another one, up to a few; then mounts
 * wait for each other, and the door serves files itself meanwhile.
 */

#include "mounter.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/rights.h"
#include "base/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { HELPERS_MAX = 8 };

struct errand {
	struct errand *next;
	int tree_fd;
	size_t door;
	mounter_done done;
	void *context;
	char path[];
};

struct helper {
	struct mounter *mounter;
	pid_t pid; /* 0: not started */
	int fd;
	struct loop_watch *watch;
	struct errand *errand; /* what it is at; NULL: idle */
	int processor;         /* that it runs on */
};

struct mounter {
	struct loop *loop;
	struct mounter_settings settings;
	struct helper helpers[HELPERS_MAX];
	struct errand *waiting;
};

/* What goes to a helper, followed by the path; a descriptor comes along. */
struct order {
	uint32_t door;
	char path[PATH_MAX];
};

/* ---- the helper ----------------------------------------------------------------------------- */

/* Its path walk asks the door, which goes on serving meanwhile. */
static int put(int door_fd, const char *path, int tree_fd)
{
	const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV};
	autoclose int place_fd = kernel_openat2(door_fd, *path ? path : ".", &how);
	if (place_fd < 0)
		return place_fd;
	return kernel_move_mount(
		tree_fd, "", place_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int receive(int fd, struct order *order, int *ret_tree_fd)
{
	struct rights_message rights;
	rights_message_init(&rights, order, sizeof(*order) - 1);
	ssize_t length = recvmsg(fd, &rights.message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = CMSG_FIRSTHDR(&rights.message);
	if (length <= (ssize_t)sizeof(order->door) || !header || header->cmsg_type != SCM_RIGHTS)
		return -EPIPE;
	((char *)order)[length] = '\0';
	memcpy(ret_tree_fd, CMSG_DATA(header), sizeof(*ret_tree_fd));
	return 0;
}

[[gnu::noreturn]] static void help(const struct mounter_settings *settings, int fd)
{
	struct order order;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < settings->close_count; i++)
		(void)close(settings->close_fds[i]);
	if (setns(settings->namespace_fd, CLONE_NEWNS) < 0)
		_exit(1);
	for (;;) {
		autoclose int tree_fd = -1;
		if (receive(fd, &order, &tree_fd) < 0)
			_exit(0);
		int r = order.door < settings->door_count
				? put(settings->door_fds[order.door], order.path, tree_fd)
				: -EINVAL;
		if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

/* ---- the door's side ----------------------------------------------------------------------------
 */

static void finish(struct errand *errand, int result)
{
	errand->done(result, errand->context);
	close_now(errand->tree_fd);
	free(errand);
}

static void stop(struct helper *helper)
{
	loop_remove(take(helper->watch));
	close_now(helper->fd);
	if (helper->pid > 0) {
		(void)kill(helper->pid, SIGKILL);
		(void)waitpid(helper->pid, NULL, WNOHANG); /* it may have to wait for a lock yet */
	}
	helper->pid = 0;
}

/*
 * We sleep as soon as it has its order, so it had best run where we did: to wake another processor
 * takes as long as all the rest, in a virtual machine.
 */
static void keep_near(struct helper *helper)
{
	int here = sched_getcpu();
	if (here < 0 || here >= CPU_SETSIZE || here == helper->processor)
		return;
	cpu_set_t near;
	CPU_ZERO(&near);
	CPU_SET((size_t)here, &near);
	if (sched_setaffinity(helper->pid, sizeof(near), &near) == 0)
		helper->processor = here;
}

static int give(struct helper *helper, struct errand *errand)
{
	keep_near(helper);
	struct order order = {.door = (uint32_t)errand->door};
	size_t length = strlen(errand->path);
	struct rights_message rights;
	memcpy(order.path, errand->path, length + 1);
	rights_message_init(&rights, &order, sizeof(order.door) + length + 1);
	struct cmsghdr *header = CMSG_FIRSTHDR(&rights.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &errand->tree_fd, sizeof(int));
	if (sendmsg(helper->fd, &rights.message, MSG_NOSIGNAL) < 0)
		return -errno;
	helper->errand = errand;
	return 0;
}

static void go_on(struct mounter *mounter);

static int on_result(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)watch, (void)events;
	struct helper *helper = context;
	struct errand *errand = take(helper->errand);
	int result = -EPIPE;
	if (recv(fd, &result, sizeof(result), MSG_DONTWAIT) != (ssize_t)sizeof(result)) {
		stop(helper);
		result = -EPIPE;
	}
	if (errand)
		finish(errand, result);
	go_on(helper->mounter);
	return 0;
}

static int start(struct mounter *mounter, struct helper *helper)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "make a socket pair");
	autoclose int ours = ends[0], its = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return fail(-errno, "start a helper");
	if (pid == 0) {
		(void)close(ours);
		help(&mounter->settings, its);
	}
	int r = loop_add_fd(mounter->loop, ours, EPOLLIN, on_result, helper, &helper->watch);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		return r;
	}
	*helper = (struct helper){mounter, pid, take_fd(ours), helper->watch, NULL, -1};
	return 0;
}

/* An idle helper, started if need be; NULL: all are busy. */
static struct helper *find_helper(struct mounter *mounter)
{
	for (size_t i = 0; i < HELPERS_MAX; i++) {
		struct helper *helper = &mounter->helpers[i];
		if (helper->pid > 0 && !helper->errand)
			return helper;
		if (helper->pid == 0 && start(mounter, helper) == 0)
			return helper;
	}
	return NULL;
}

static void go_on(struct mounter *mounter)
{
	while (mounter->waiting) {
		struct errand *errand = mounter->waiting;
		struct helper *helper = find_helper(mounter);
		if (!helper)
			return; /* one that ends calls again */
		mounter->waiting = errand->next;
		int r = give(helper, errand);
		if (r < 0) { /* it is dead: whoever waits is served without a mount */
			stop(helper);
			finish(errand, r);
		}
	}
}

int mounter_put(struct mounter *mounter, int tree_fd, size_t door, const char *path,
	mounter_done done, void *context)
{
	size_t length = strlen(path);
	if (length >= PATH_MAX)
		return refuse(-ENAMETOOLONG, "mount over %s", path);
	struct errand *errand = malloc(sizeof(*errand) + length + 1);
	if (!errand)
		memory_exhausted();
	*errand = (struct errand){NULL, fcntl(tree_fd, F_DUPFD_CLOEXEC, 3), door, done, context};
	memcpy(errand->path, path, length + 1);
	struct errand **last = &mounter->waiting;
	while (*last)
		last = &(*last)->next;
	*last = errand;
	go_on(mounter);
	return 0;
}

int mounter_new(struct loop *loop, const struct mounter_settings *settings, struct mounter **ret)
{
	struct mounter *mounter = calloc(1, sizeof(*mounter));
	if (!mounter)
		memory_exhausted();
	mounter->loop = loop;
	mounter->settings = *settings;
	for (size_t i = 0; i < HELPERS_MAX; i++)
		mounter->helpers[i].fd = -1;
	int r = start(mounter, &mounter->helpers[0]);
	if (r < 0) {
		free(mounter);
		return r;
	}
	*ret = mounter;
	return 0;
}

void mounter_free(struct mounter *mounter)
{
	if (!mounter)
		return;
	for (size_t i = 0; i < HELPERS_MAX; i++) {
		stop(&mounter->helpers[i]);
		if (mounter->helpers[i].errand)
			finish(mounter->helpers[i].errand, -ECANCELED);
	}
	while (mounter->waiting) {
		struct errand *errand = mounter->waiting;
		mounter->waiting = errand->next;
		finish(errand, -ECANCELED);
	}
	free(mounter);
}
