// SPDX-License-Identifier: Apache-2.0
/*
 * Landlock rules in, a ruleset descriptor out. Only the last step, taking the rules
 * upon oneself, is done elsewhere: the stage does it just before it becomes the
 * user's program (landlock_restrict_self(2)).
 *
 * What can go wrong is age: each Linux release knows more rights. A right that
 * the kernel does not know cannot be denied, so leaving it out makes the wall lower
 * than asked for. That is an error, or a warning where the rules say best effort.
 */
#include "walls/landlock.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "plan/words.h"

#include <fcntl.h>
#include <linux/landlock.h>

/* The last right that each version of the interface added; 0: nothing new of this kind. */
static const struct {
	uint64_t fs, net, scoped;
} added[] = {
	[1] = {LANDLOCK_ACCESS_FS_MAKE_SYM, 0, 0},     /* Linux 5.13 */
	[2] = {LANDLOCK_ACCESS_FS_REFER, 0, 0},        /* 5.19 */
	[3] = {LANDLOCK_ACCESS_FS_TRUNCATE, 0, 0},     /* 6.2 */
	[4] = {0, LANDLOCK_ACCESS_NET_CONNECT_TCP, 0}, /* 6.7 */
	[5] = {LANDLOCK_ACCESS_FS_IOCTL_DEV, 0, 0},    /* 6.10 */
	[6] = {0, 0, LANDLOCK_SCOPE_SIGNAL},           /* 6.12 */
};

/* What may be granted beneath a file that is no directory; the kernel refuses the rest. */
#define FILE_ACCESS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | \
		LANDLOCK_ACCESS_FS_IOCTL_DEV)

int landlock_abi(void)
{
	int abi = kernel_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : abi;
}

/* All bits up to the highest one of last. */
static uint64_t up_to(uint64_t last)
{
	return last | (last - 1);
}

struct kernel_landlock_ruleset landlock_known(int abi)
{
	struct kernel_landlock_ruleset known = {};
	for (int i = 1; i <= abi && i < (int)array_length(added); i++) {
		known.handled_fs |= added[i].fs ? up_to(added[i].fs) : 0;
		known.handled_net |= added[i].net ? up_to(added[i].net) : 0;
		known.scoped |= added[i].scoped ? up_to(added[i].scoped) : 0;
	}
	return known;
}

/* Adds the names of the rights in bits, ", " between them. */
static void add_names(struct text *text, const struct words *words, uint64_t bits)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(bits >> bit & 1))
			continue;
		const char *name = words_name(words, 1ull << bit);
		text_format(text, "%s%s", text->length > 0 ? ", " : "", name ? name : "unnamed");
	}
}

/* Takes from the wish what the kernel does not know. */
static int limit_to_kernel(
	struct kernel_landlock_ruleset *wish, int abi, const struct plan_landlock *rules)
{
	struct kernel_landlock_ruleset known = landlock_known(abi);
	autofini(text_fini) struct text missing = {};
	add_names(&missing, &landlock_file_words, wish->handled_fs & ~known.handled_fs);
	add_names(&missing, &landlock_port_words, wish->handled_net & ~known.handled_net);
	add_names(&missing, &landlock_scope_words, wish->scoped & ~known.scoped);
	if (missing.length == 0)
		return 0;
	if (!rules->best_effort) {
		int r = refuse(-EOPNOTSUPP,
			"Landlock: this kernel (version %d of the interface) "
			"has no rules for %s",
			abi, text_get(&missing));
		hint("say \"bestEffort\": true to go on without them");
		return r;
	}
	warn("Landlock: this kernel has no rules for %s; going on without", text_get(&missing));
	wish->handled_fs &= known.handled_fs;
	wish->handled_net &= known.handled_net;
	wish->scoped &= known.scoped;
	return 0;
}

static int add_path(int ruleset_fd, const struct plan_landlock_path *path, uint64_t handled,
	bool best_effort, int root_fd)
{
	autoclose int fd = fs_open_in(root_fd, path->path, O_PATH, 0);
	if (fd == -ENOENT && best_effort) {
		warn("Landlock: %s does not exist; nothing is granted there", path->path);
		error_clear();
		return 0;
	}
	if (fd < 0)
		return fd;
	struct stat status;
	if (fstat(fd, &status) < 0)
		return fail(-errno, "stat %s", path->path);
	uint64_t access = path->access & handled;
	if (!S_ISDIR(status.st_mode))
		access &= FILE_ACCESS;
	if (access == 0)
		return 0; /* the kernel refuses a rule that grants nothing */
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	int r = kernel_landlock_add_rule(ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule);
	return r < 0 ? fail(r, "add a rule for %s", path->path) : 0;
}

static int add_port(int ruleset_fd, const struct plan_landlock_port *port, uint64_t handled)
{
	struct kernel_landlock_port rule = {.access = port->access & handled, .port = port->port};
	if (rule.access == 0)
		return 0;
	int r = kernel_landlock_add_rule(ruleset_fd, KERNEL_LANDLOCK_RULE_NET_PORT, &rule);
	return r < 0 ? fail(r, "add a rule for port %u", port->port) : 0;
}

int landlock_ruleset(const struct plan_landlock *rules, int root_fd)
{
	struct kernel_landlock_ruleset wish = {
		.handled_fs = rules->handled_fs,
		.handled_net = rules->handled_net,
		.scoped = rules->scoped,
	};
	int abi = landlock_abi();
	int r = limit_to_kernel(&wish, abi, rules);
	if (r < 0)
		return r;
	if (!wish.handled_fs && !wish.handled_net && !wish.scoped)
		return -ENODATA;

	/* Kernels before 6.7 and 6.12 take a longer struct as long as the rest of it is zero. */
	autoclose int fd = kernel_landlock_create_ruleset(&wish, sizeof(wish), 0);
	if (fd < 0)
		return fail(fd, "Landlock: create a ruleset");
	for (size_t i = 0; r >= 0 && i < rules->path_count; i++)
		r = add_path(fd, &rules->paths[i], wish.handled_fs, rules->best_effort, root_fd);
	for (size_t i = 0; r >= 0 && i < rules->port_count; i++)
		r = add_port(fd, &rules->ports[i], wish.handled_net);
	return r < 0 ? wrap(r, "Landlock") : take_fd(fd);
}
