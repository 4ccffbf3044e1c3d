// SPDX-License-Identifier: Apache-2.0

/*
 * Whose socket is it? A question names the program that asks, but a packet names only ports. The
 * tables of the sandbox's network (/proc/PID/net/tcp …, of any process in it) tell the socket's
 * inode, and the descriptors of its processes who has it. That is slow and may meet processes that
 * are ending: it is done for questions alone, and 0 is a fair answer.
 */

#include "net.h"

#include "base/scope.h"
#include "base/text.h"

#include <dirent.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

struct wanted {
	dev_t device; /* of the network namespace */
	ino_t network;
	int protocol;
	const struct endpoint_pair *pair;
	unsigned long socket; /* its inode, once it is known */
};

/* "  0: 0200C612:A1B2 0001C612:01BB 02 … inode …": addresses in hexadecimal, ports after colons. */
static bool read_table(struct wanted *wanted, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool udp = wanted->protocol == IPPROTO_UDP;
	while (file && !wanted->socket && fgets(line, sizeof(line), file)) {
		unsigned from, to;
		unsigned long inode;
		if (sscanf(line,
			    " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%x %*x %*[^ ] %*[^ ] %*x %*u %*u %lu",
			    &from, &to, &inode) == 3 &&
			from == wanted->pair->from.port &&
			(to == wanted->pair->to.port || (udp && to == 0)))
			wanted->socket = inode;
	}
	if (file)
		(void)fclose(file);
	return wanted->socket != 0;
}

static bool find_socket(struct wanted *wanted, const char *pid)
{
	static const char *const tables[][2] = {{"tcp", "tcp6"}, {"udp", "udp6"}};
	bool udp = wanted->protocol == IPPROTO_UDP;
	for (int i = 0; i < 2; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%.16s/net/%s", pid, tables[udp][i]);
		if (read_table(wanted, path))
			return true;
	}
	return false;
}

static bool is_in_network(const struct wanted *wanted, const char *pid)
{
	char path[64];
	struct stat about;
	(void)snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	return stat(path, &about) == 0 && about.st_ino == wanted->network &&
	       about.st_dev == wanted->device;
}

static bool has_socket(const struct wanted *wanted, const char *pid)
{
	char path[64], name[64];
	(void)snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	(void)snprintf(name, sizeof(name), "socket:[%lu]", wanted->socket);
	DIR *fds = opendir(path);
	const struct dirent *entry;
	bool found = false;
	while (fds && !found && (entry = readdir(fds))) {
		char target[64];
		ssize_t length = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		found = text_equal(target, name);
	}
	if (fds)
		(void)closedir(fds);
	return found;
}

pid_t net_owner(const struct net_door *door, int protocol, const struct endpoint_pair *pair)
{
	struct stat about;
	autoclose int network = ioctl(door->fds[NET_DOOR_TCP], SIOCGSKNS);
	if (network < 0 || fstat(network, &about) < 0)
		return 0;
	struct wanted wanted = {about.st_dev, about.st_ino, protocol, pair, 0};
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	uint64_t owner = 0;
	while (processes && owner == 0 && (entry = readdir(processes))) {
		uint64_t pid;
		if (parse_uint64(entry->d_name, INT32_MAX, &pid) < 0 ||
			!is_in_network(&wanted, entry->d_name))
			continue;
		if ((wanted.socket || find_socket(&wanted, entry->d_name)) &&
			has_socket(&wanted, entry->d_name))
			owner = pid;
	}
	if (processes)
		(void)closedir(processes);
	return (pid_t)owner;
}
