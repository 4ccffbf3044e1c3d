// SPDX-License-Identifier: Apache-2.0

/*
 * Sharing memory, messages and keys. The bystander keeps the secret in System V memory, a message
 * queue, a POSIX queue and POSIX memory; the starter in keys of its session and of its user.
 */

#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

enum verdict attempt_shared_memory(void)
{
	int id = shmget((key_t)world_number("key"), 0, 0);
	const char *memory = id < 0 ? (void *)-1 : shmat(id, NULL, SHM_RDONLY);
	return memory == (void *)-1 ? held("shmget") : find_secret(memory, 64, "shmat");
}

enum verdict attempt_shared_memory_list(void)
{
	struct shmid_ds about;
	int highest = shmctl(0, SHM_INFO, &about);
	for (int index = 0; index <= highest; index++)
		if (shmctl(index, SHM_STAT_ANY, &about) >= 0)
			return escaped("memory of others is listed");
	return held("nothing is listed");
}

enum verdict attempt_message_queue(void)
{
	struct {
		long type;
		char bytes[64];
	} message;
	int id = msgget((key_t)world_number("key"), 0);
	if (id < 0 || msgrcv(id, &message, sizeof(message.bytes), 0, IPC_NOWAIT) < 0)
		return held("msgget");
	return find_secret(message.bytes, sizeof(message.bytes), "msgrcv");
}

enum verdict attempt_semaphore(void)
{
	int id = semget((key_t)world_number("key"), 0, 0);
	if (id < 0 || semctl(id, 0, SETVAL, 7) < 0)
		return held("semget");
	return escaped("a semaphore of the outside was set");
}

enum verdict attempt_posix_queue(void)
{
	char bytes[8192];
	/* The system call takes the name without its slash. */
	int fd = (int)syscall(
		SYS_mq_open, text("rung-escape-%s", world("pid")), O_RDONLY | O_NONBLOCK, 0, NULL);
	ssize_t size =
		fd < 0 ? -1 : syscall(SYS_mq_timedreceive, fd, bytes, sizeof(bytes), NULL, NULL);
	if (size < 0)
		return fd < 0 && errno == ENOSYS ? impossible("mq_open") : held("mq_open");
	return find_secret(bytes, (size_t)size, "mq_receive");
}

enum verdict attempt_posix_memory(void)
{
	return read_secret(AT_FDCWD, text("/dev/shm/rung-escape-%s", world("pid")));
}

static enum verdict read_key(long key, const char *what)
{
	char bytes[256];
	long size = key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, bytes, sizeof(bytes));
	if (size < 0)
		return errno == ENOSYS ? impossible("%s", what) : held("%s", what);
	return find_secret(bytes, (size_t)size, what);
}

/* By its serial number too, which is all that is needed of one that is possessed. */
enum verdict attempt_session_key(void)
{
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
		"rung-escape-session", 0);
	return read_key(key, "a key of the session");
}

enum verdict attempt_user_key(void)
{
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user",
		text("rung-escape-%s", world("pid")), 0);
	return read_key(key, "a key of the user");
}

enum verdict attempt_add_key(void)
{
	long key =
		syscall(SYS_add_key, "user", "rung-escape-new", "x", 1, KEY_SPEC_PROCESS_KEYRING);
	return reached_if_built(key, "add_key");
}

/* With information for the helper the kernel starts it, as root and outside of everything. */
enum verdict attempt_request_key(void)
{
	long key = syscall(
		SYS_request_key, "user", "rung-escape-unknown", NULL, KEY_SPEC_PROCESS_KEYRING);
	return reached_if_built(key, "request_key");
}
