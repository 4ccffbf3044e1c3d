// SPDX-License-Identifier: Apache-2.0

/*
 * Words that cannot mean anything, told when the container is created and not at its third restart:
 * names out of a short list, signals, ports, networks that exclude each other. What the chapters of
 * the plan check themselves is not asked twice.
 */

#include "base/error.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "walls/signals.h"

#include <arpa/inet.h>
#include <strings.h>

bool run_is_address(const char *word)
{
	char copy[64];
	unsigned char bytes[16];
	size_t length = strcspn(word, "%"); /* IPv6 may have a zone */
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, word, length);
	copy[length] = '\0';
	return inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
}

/* ---- one of a few words ------------------------------------------------------------------- */

static int check_word(const char *option, const char *word, const char *known)
{
	size_t length = text_empty(word) ? 0 : strlen(word);
	if (!word)
		return 0;
	for (const char *c = known; length && (c = strcasestr(c, word)); c += length) {
		bool begins = c == known || c[-1] == ' ';
		if (begins && (c[length] == ',' || c[length] == '\0'))
			return 0;
	}
	return refuse(-EINVAL, "%s %s: known are %s", option, word, known);
}

static int check_words(const struct run_request *request)
{
	const struct strings *streams = &request->process.attach;
	int r = check_word(
		"--cgroups", request->resources.cgroups, "enabled, disabled, no-conmon, split");
	if (r == 0)
		r = check_word("--sdnotify", request->life.sdnotify, "container, conmon, ignore");
	if (r == 0)
		r = check_word(
			"--seccomp-policy", request->security.seccomp_policy, "default, image");
	for (size_t i = 0; r == 0 && i < streams->count; i++)
		r = check_word("--attach", streams->items[i], "stdin, stdout, stderr");
	return r;
}

static int check_signal(const char *word)
{
	if (text_empty(word) || signal_by_name(word) > 0)
		return 0;
	int r = refuse(-EINVAL, "--stop-signal %s: there is no such signal", word);
	hint("TERM, SIGUSR1, RTMIN+3 or a number; kill -l shows their names");
	return r;
}

int run_check_health(const struct health_wishes *wishes)
{
	if (wishes->startup_command) {
		int r = refuse(-EOPNOTSUPP, "--health-startup-cmd is not there yet");
		hint("--health-start-period: failures do not count until the first success");
		return r;
	}
	if (!text_empty(wishes->log_destination) && !text_equal(wishes->log_destination, "local")) {
		int r = refuse(-EOPNOTSUPP, "--health-log-destination %s: known is local",
			wishes->log_destination);
		hint("inspect shows the last answers, events their changes");
		return r;
	}
	if (!wishes->disabled || text_empty(wishes->command) ||
		strcasecmp(wishes->command, "none") == 0)
		return 0;
	return refuse(-EINVAL, "--no-healthcheck and --health-cmd exclude each other");
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* "80" or "80-90"; how many. */
static int count_ports(const char *word, uint64_t least, uint64_t *ret_count)
{
	uint64_t from, to;
	size_t length = strcspn(word, "-");
	char first[8] = "";
	if (length >= sizeof(first))
		return -EINVAL;
	memcpy(first, word, length);
	if (parse_uint64(first, 65535, &from) < 0 || from < least)
		return -EINVAL;
	to = from;
	if (word[length] && (parse_uint64(word + length + 1, 65535, &to) < 0 || to < from))
		return -EINVAL;
	*ret_count = to - from + 1;
	return 0;
}

/* [[IP:]HOST:]PORT[/PROTOCOL]: takes the parts off from behind, for an IPv6 address has colons. */
static int check_published(const char *word, struct arena *arena)
{
	char *address = arena_strdup(arena, word), *port = address, *host = NULL;
	address[strcspn(address, "/")] = '\0';
	char *colon = strrchr(address, ':');
	if (colon) {
		*colon = '\0';
		port = colon + 1;
		colon = strrchr(address, ':');
		host = colon ? colon + 1 : address;
		if (colon)
			*colon = '\0';
	}
	uint64_t ports = 1, hosts = 1;
	size_t length = strlen(address);
	if (colon && length > 1 && address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		address++;
	}
	if (colon && *address && !run_is_address(address))
		return refuse(-EINVAL, "--publish %s: \"%s\" is not an address", word, address);
	if (count_ports(port, 1, &ports) < 0 ||
		(!text_empty(host) && count_ports(host, 0, &hosts) < 0)) {
		int r = refuse(-EINVAL, "--publish %s is not [[IP:]HOST:]PORT[/PROTOCOL]", word);
		hint("ports are numbers from 1 to 65535, or ranges: 8000-8010:80-90");
		return r;
	}
	if (!text_empty(host) && hosts != ports && ports != 1)
		return refuse(-EINVAL, "--publish %s: %llu ports of the host for %llu of its own",
			word, (unsigned long long)hosts, (unsigned long long)ports);
	return 0;
}

/* ---- networks ---------------------------------------------------------------------------------
 */

/* What is no network of several, but a way to have, or not to have, one. */
static bool is_way(const char *word)
{
	static const char *const ways[] = {"none", "host", "private", "pod"};
	for (size_t i = 0; i < array_length(ways); i++)
		if (text_equal(word, ways[i]))
			return true;
	return text_starts(word, "container:") || text_starts(word, "ns:");
}

static int check_networks(const struct network_wishes *wishes, struct arena *arena)
{
	const struct strings *networks = &wishes->networks;
	for (size_t i = 0; networks->count > 1 && i < networks->count; i++)
		if (is_way(networks->items[i]))
			return refuse(-EINVAL,
				"--network %s cannot be combined with other networks",
				networks->items[i]);
	if (wishes->links.count || wishes->link_local_ips.count) {
		int r = refuse(-EOPNOTSUPP, "%s needs a network with addresses of its own",
			wishes->links.count ? "--link" : "--link-local-ip");
		hint("--network container:NAME shares a network; --add-host names an address");
		return r;
	}
	for (size_t i = 0; i < wishes->publish.count; i++) {
		int r = check_published(wishes->publish.items[i], arena);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- files --------------------------------------------------------------------- */

/* A size for what a container writes would need a file system with project quotas below it. */
static int check_storage(const struct strings *options)
{
	if (options->count == 0)
		return 0;
	int r = refuse(-EOPNOTSUPP, "--storage-opt %s: layers have no limits of their own",
		options->items[0]);
	hint("a --tmpfs or a volume on a file system of its own can have a size");
	return r;
}

int run_check_words(const struct run_request *request, struct arena *arena)
{
	if (request->pull.decryption_key)
		return refuse(-EOPNOTSUPP, "--decryption-key: layers are not decrypted here");
	int r = check_words(request);
	if (r == 0)
		r = check_signal(request->life.stop_signal);
	if (r == 0)
		r = run_check_health(&request->health);
	if (r == 0)
		r = check_networks(&request->network, arena);
	return r < 0 ? r : check_storage(&request->files.storage_options);
}
