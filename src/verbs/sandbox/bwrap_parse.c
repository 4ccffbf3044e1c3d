// SPDX-License-Identifier: Apache-2.0

/*
 * From bubblewrap's words to a script for the sandbox.
 *
 * A parser of its own, since here the order of options is what is said: each adds an operation to
 * the list, --perms and --size count for the next one alone, and words can come from descriptors in
 * the midst of the others. An option that holds one value takes the last, with a warning.
 *
 * What can go wrong is the caller's; the stories are bubblewrap's, since programs that build its
 * command line have tests that look for them.
 */

#include "base/error.h"
#include "base/fs.h"
#include "plan/oci.h"
#include "verbs/sandbox/bwrap.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/stat.h>

#define WORDS_MAX 9000u            /* as bubblewrap */
#define ARGS_BYTES_MAX (16u << 20) /* of one --args */
#define TMPFS_BYTES_MAX (SIZE_MAX / 2)

/* One option with its operands. */
struct use {
	const struct bwrap_option *option;
	const char *const *operands;
	bool from_file;
};

/* ---- lists that grow ------------------------------------------------------------------------ */

/* A copy with room for more, when @count items fill it. */
static void *with_room(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 32;
	void *larger = arena_calloc(arena, *room, size);
	if (count)
		memcpy(larger, items, count * size);
	return larger;
}

static struct sandbox_operation *add_operation(
	struct bwrap_wishes *wishes, enum sandbox_operation_kind kind, const char *destination)
{
	struct sandbox_script *script = &wishes->script;
	script->operations = with_room(wishes->arena, script->operations, script->operation_count,
		&wishes->operation_room, sizeof(*script->operations));
	struct sandbox_operation *operation = &script->operations[script->operation_count++];
	*operation = (struct sandbox_operation){
		.kind = kind, .destination = destination, .fd = -1, .tree_fd = -1, .mode = -1};
	return operation;
}

/* ---- values ------------------------------------------------------------------------------------
 */

void bwrap_warn(const struct bwrap_wishes *wishes, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)fprintf(stderr, "%sbwrap: ", wishes->level_prefix ? "<4>" : "");
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
}

static void warn_if_again(const struct bwrap_wishes *wishes, const struct use *use, bool again)
{
	if (again)
		bwrap_warn(wishes, "Only the last %s option will take effect", use->option->name);
}

static int read_fd(const char *word, int *ret_fd)
{
	uint64_t fd;
	if (parse_uint64(word, INT_MAX, &fd) < 0)
		return refuse(-EINVAL, "Invalid fd: %s", word);
	*ret_fd = (int)fd;
	return 0;
}

static int read_mode(const char *option, const char *word, int *ret_mode)
{
	char *end;
	unsigned long mode = strtoul(word, &end, 8);
	if (!*word || *end || mode > 07777)
		return refuse(-EINVAL, "%s takes an octal argument <= 07777", option);
	*ret_mode = (int)mode;
	return 0;
}

static int read_capability(const char *word, uint64_t *ret_bits)
{
	int number = strcasecmp(word, "ALL") == 0 ? 64 : plan_capability(word);
	if (number < 0)
		return refuse(-EINVAL, "unknown cap: %s", word);
	*ret_bits = number == 64 ? UINT64_MAX : 1ull << number;
	return 0;
}

static void *field(struct bwrap_wishes *wishes, const struct bwrap_option *option)
{
	return (char *)wishes + option->detail;
}

/* ---- namespaces, ids, powers
 * --------------------------------------------------------------------- */

static int take_fd_option(struct bwrap_wishes *wishes, const struct use *use)
{
	int *fd = field(wishes, use->option);
	warn_if_again(wishes, use, *fd >= 0);
	return read_fd(use->operands[0], fd);
}

static int take_text(struct bwrap_wishes *wishes, const struct use *use)
{
	const char **text = field(wishes, use->option);
	warn_if_again(wishes, use, *text != NULL);
	*text = use->operands[0];
	return 0;
}

static int take_id(struct bwrap_wishes *wishes, const struct use *use)
{
	bool group = use->option->detail;
	bool *given = group ? &wishes->gid_given : &wishes->uid_given;
	uint64_t id;
	warn_if_again(wishes, use, *given);
	if (parse_uint64(use->operands[0], INT_MAX, &id) < 0)
		return refuse(-EINVAL, "Invalid %s: %s", group ? "gid" : "uid", use->operands[0]);
	*given = true;
	if (group)
		wishes->script.gid = (gid_t)id;
	else
		wishes->script.uid = (uid_t)id;
	return 0;
}

static int take_capability(struct bwrap_wishes *wishes, const struct use *use)
{
	uint64_t bits, *capabilities = &wishes->script.capabilities;
	int r = read_capability(use->operands[0], &bits);
	if (r < 0)
		return r;
	wishes->script.capabilities_given = true;
	*capabilities = use->option->detail ? *capabilities | bits : *capabilities & ~bits;
	return 0;
}

static void unshare_all(struct bwrap_wishes *wishes)
{
	wishes->unshare_user_try = wishes->unshare_cgroup_try = true;
	wishes->script.namespaces |= CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS;
}

static int take_filter(struct bwrap_wishes *wishes, const struct use *use)
{
	struct sandbox_script *script = &wishes->script;
	struct sandbox_filter_program *filters = (struct sandbox_filter_program *)script->filters;
	if (script->filter_fd >= 0)
		return refuse(-EINVAL, "--add-seccomp-fd cannot be combined with --seccomp");
	int fd, r = read_fd(use->operands[0], &fd);
	if (r < 0)
		return r;
	struct sandbox_filter_program filter;
	r = sandbox_filter_read(fd, &filter);
	(void)close(fd);
	if (r < 0)
		return r;
	filters = with_room(wishes->arena, filters, script->filter_count, &wishes->filter_room,
		sizeof(*filters));
	script->filters = filters;
	autofree void *read = filter.bytes;
	filter.bytes = arena_calloc(wishes->arena, filter.length_bytes + 1, 1);
	memcpy(filter.bytes, read, filter.length_bytes);
	filters[script->filter_count++] = filter;
	return 0;
}

static int take_last_filter(struct bwrap_wishes *wishes, const struct use *use)
{
	if (wishes->script.filter_count)
		return refuse(-EINVAL, "--seccomp cannot be combined with --add-seccomp-fd");
	warn_if_again(wishes, use, wishes->script.filter_fd >= 0);
	return read_fd(use->operands[0], &wishes->script.filter_fd);
}

static int add_lock_file(struct bwrap_wishes *wishes, const char *path)
{
	struct sandbox_script *script = &wishes->script;
	const char **files = with_room(wishes->arena, (void *)(uintptr_t)script->lock_files,
		script->lock_file_count, &wishes->lock_room, sizeof(*files));
	files[script->lock_file_count++] = path;
	script->lock_files = files;
	return 0;
}

/* ---- operations --------------------------------------------------------------------------------
 */

static int take_perms(struct bwrap_wishes *wishes)
{
	int mode = wishes->perms;
	wishes->perms = -1;
	return mode;
}

static int add_bind(struct bwrap_wishes *wishes, const struct use *use)
{
	int fd = -1, r = 0;
	bool by_fd = use->option->action == BWRAP_BIND_FD;
	if (by_fd)
		r = read_fd(use->operands[0], &fd);
	if (r < 0)
		return r;
	struct sandbox_operation *operation = add_operation(wishes, SANDBOX_BIND, use->operands[1]);
	operation->source = by_fd ? NULL : use->operands[0];
	operation->fd = fd;
	operation->readonly = use->option->detail & BWRAP_READONLY;
	operation->devices = use->option->detail & BWRAP_DEVICES;
	operation->optional = use->option->detail & BWRAP_OPTIONAL;
	return 0;
}

static int add_mount(struct bwrap_wishes *wishes, const struct use *use)
{
	enum sandbox_operation_kind kind = use->option->detail;
	struct sandbox_operation *operation = add_operation(wishes, kind, use->operands[0]);
	if (kind == SANDBOX_TMPFS || kind == SANDBOX_DIRECTORY)
		operation->mode = wishes->perms >= 0 ? take_perms(wishes) : 0755;
	if (kind != SANDBOX_TMPFS)
		return 0;
	operation->size_bytes = wishes->size;
	wishes->size = 0;
	return 0;
}

static int add_data(struct bwrap_wishes *wishes, const struct use *use)
{
	int fd, r = read_fd(use->operands[0], &fd);
	if (r < 0)
		return r;
	bool plain = use->option->detail & BWRAP_PLAIN_FILE;
	struct sandbox_operation *operation =
		add_operation(wishes, plain ? SANDBOX_FILE : SANDBOX_DATA, use->operands[1]);
	operation->fd = fd;
	operation->mode = wishes->perms >= 0 ? take_perms(wishes) : plain ? 0666 : 0600;
	operation->readonly = use->option->detail & BWRAP_READONLY;
	return 0;
}

static int add_layer(struct bwrap_wishes *wishes, const char *path)
{
	const char **layers = arena_new(wishes->arena, const char *, wishes->layer_count + 1);
	for (size_t i = 0; i < wishes->layer_count; i++)
		layers[i + 1] = wishes->layers[i];
	layers[0] = path;
	wishes->layers = layers;
	wishes->layer_count++;
	return 0;
}

static int add_overlay(struct bwrap_wishes *wishes, const struct use *use)
{
	enum bwrap_action action = use->option->action;
	bool readonly = action == BWRAP_RO_OVERLAY;
	if (wishes->layer_count < (readonly ? 2 : 1))
		return refuse(-EINVAL, "%s requires at least %s --overlay-src", use->option->name,
			readonly ? "two" : "one");
	struct sandbox_operation *operation =
		add_operation(wishes, SANDBOX_OVERLAY, use->operands[use->option->count - 1]);
	if (action == BWRAP_OVERLAY) {
		operation->source = use->operands[0];
		operation->work = use->operands[1];
	}
	operation->temporary = action == BWRAP_TMP_OVERLAY;
	operation->layers = wishes->layers;
	operation->layer_count = wishes->layer_count;
	wishes->layers = NULL;
	wishes->layer_count = 0;
	return 0;
}

static int set_perms(struct bwrap_wishes *wishes, const struct use *use)
{
	if (wishes->perms >= 0)
		return refuse(-EINVAL, "--perms given twice for the same action");
	return read_mode("--perms", use->operands[0], &wishes->perms);
}

static int set_size(struct bwrap_wishes *wishes, const struct use *use)
{
	const char *word = use->operands[0];
	char *end;
	if (wishes->size)
		return refuse(-EINVAL, "--size given twice for the same action");
	errno = 0;
	unsigned long long size = strtoull(word, &end, 0);
	if (errno || !isdigit((unsigned char)word[0]) || *end || size == 0)
		return refuse(-EINVAL, "--size takes a non-zero number of bytes");
	if (size > TMPFS_BYTES_MAX)
		return refuse(
			-ERANGE, "--size (for tmpfs) is limited to %zu", (size_t)TMPFS_BYTES_MAX);
	wishes->size = size;
	return 0;
}

static int add_chmod(struct bwrap_wishes *wishes, const struct use *use)
{
	int mode, r = read_mode("--chmod", use->operands[0], &mode);
	if (r == 0)
		add_operation(wishes, SANDBOX_MODE, use->operands[1])->mode = mode;
	return r;
}

static int set_host_name(struct bwrap_wishes *wishes, const struct use *use)
{
	warn_if_again(wishes, use, wishes->hostname != NULL);
	wishes->hostname = use->operands[0];
	add_operation(wishes, SANDBOX_HOST_NAME, wishes->hostname);
	return 0;
}

/* ---- words from a descriptor
 * --------------------------------------------------------------------- */

static int parse(struct bwrap_wishes *wishes, const char ***words, size_t *count, bool from_file);

/* What is behind the options in there is not looked at: the command stands on the command line. */
static int read_more(struct bwrap_wishes *wishes, const struct use *use)
{
	if (use->from_file)
		return refuse(-EINVAL, "--args not supported in arguments file");
	int fd, r = read_fd(use->operands[0], &fd);
	if (r < 0)
		return r;
	autofree char *bytes = NULL;
	size_t length = 0, count = 0;
	r = fs_read_fd(fd, ARGS_BYTES_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "Can't read --args data");
	(void)close(fd);
	char *kept = arena_strndup(wishes->arena, "", 0);
	if (length) {
		kept = arena_calloc(wishes->arena, length + 1, 1);
		memcpy(kept, bytes, length);
	}
	for (size_t i = 0; i < length; i += strlen(kept + i) + 1)
		count++;
	wishes->parsed += (unsigned)count;
	if (count > WORDS_MAX || wishes->parsed > WORDS_MAX)
		return refuse(-E2BIG, "Exceeded maximum number of arguments %u", WORDS_MAX);
	const char **words = arena_new(wishes->arena, const char *, count + 1);
	count = 0;
	for (size_t i = 0; i < length; i += strlen(kept + i) + 1)
		words[count++] = kept + i;
	return parse(wishes, &words, &count, true);
}

/* ---- one option
 * ------------------------------------------------------------------------------------ */

static int set_variable(const char *name, const char *value)
{
	int r = value ? setenv(name, value, 1) : unsetenv(name);
	return r < 0 ? fail(-errno, "%s %s", value ? "setenv" : "unsetenv", name) : 0;
}

static int set_argv0(struct bwrap_wishes *wishes, const char *name)
{
	if (wishes->argv0)
		return refuse(-EINVAL, "--argv0 used multiple times");
	wishes->argv0 = name;
	return 0;
}

static int apply_operation(struct bwrap_wishes *wishes, const struct use *use)
{
	switch ((enum bwrap_action)use->option->action) {
	case BWRAP_BIND:
	case BWRAP_BIND_FD:
		return add_bind(wishes, use);
	case BWRAP_MOUNT:
		return add_mount(wishes, use);
	case BWRAP_DATA:
		return add_data(wishes, use);
	case BWRAP_OVERLAY_SRC:
		return add_layer(wishes, use->operands[0]);
	case BWRAP_OVERLAY:
	case BWRAP_TMP_OVERLAY:
	case BWRAP_RO_OVERLAY:
		return add_overlay(wishes, use);
	case BWRAP_SYMLINK:
		add_operation(wishes, SANDBOX_SYMBOLIC_LINK, use->operands[1])->source =
			use->operands[0];
		return 0;
	case BWRAP_PERMS:
		return set_perms(wishes, use);
	case BWRAP_SIZE:
		return set_size(wishes, use);
	case BWRAP_CHMOD:
		return add_chmod(wishes, use);
	default:
		return set_host_name(wishes, use);
	}
}

static int apply(struct bwrap_wishes *wishes, const struct use *use)
{
	switch ((enum bwrap_action)use->option->action) {
	case BWRAP_FLAG:
		*(bool *)field(wishes, use->option) = true;
		return 0;
	case BWRAP_UNSHARE:
		wishes->script.namespaces |= use->option->detail;
		return 0;
	case BWRAP_TEXT:
		return take_text(wishes, use);
	case BWRAP_FD:
		return take_fd_option(wishes, use);
	case BWRAP_HELP:
		wishes->help = true;
		return 0;
	case BWRAP_VERSION_OPTION:
		wishes->version = true;
		return 0;
	case BWRAP_ARGS:
		return read_more(wishes, use);
	case BWRAP_ARGV0:
		return set_argv0(wishes, use->operands[0]);
	case BWRAP_UNSHARE_ALL:
		unshare_all(wishes);
		return 0;
	case BWRAP_SHARE_NET:
		wishes->script.namespaces &= ~(unsigned)CLONE_NEWNET;
		return 0;
	case BWRAP_ID:
		return take_id(wishes, use);
	case BWRAP_SETENV:
	case BWRAP_UNSETENV:
		return set_variable(use->operands[0],
			use->option->action == BWRAP_SETENV ? use->operands[1] : NULL);
	case BWRAP_CLEARENV:
		return clearenv() ? fail(-ENOMEM, "clearenv") : 0;
	case BWRAP_LOCK_FILE:
		return add_lock_file(wishes, use->operands[0]);
	case BWRAP_SECCOMP:
		return take_last_filter(wishes, use);
	case BWRAP_ADD_SECCOMP:
		return take_filter(wishes, use);
	case BWRAP_CAP:
		return take_capability(wishes, use);
	default:
		return apply_operation(wishes, use);
	}
}

/* ---- all of them
 * ------------------------------------------------------------------------------------- */

static const struct bwrap_option *find(const char *name)
{
	for (const struct bwrap_option *option = bwrap_options; option->name[0]; option++)
		if (text_equal(option->name, name))
			return option;
	return NULL;
}

static int layers_wait(void)
{
	return refuse(-EINVAL, "--overlay-src must be followed by another --overlay-src or one of "
			       "--overlay, --tmp-overlay, or --ro-overlay");
}

/* Whether what was said for the next operation has found it. */
static int check_modifiers(const struct bwrap_wishes *wishes, enum bwrap_action action)
{
	bool modifier = action == BWRAP_PERMS || action == BWRAP_SIZE;
	if (!modifier && wishes->perms >= 0)
		return refuse(-EINVAL, "--perms must be followed by an option that creates a file");
	if (!modifier && wishes->size)
		return refuse(-EINVAL, "--size must be followed by --tmpfs");
	return action != BWRAP_OVERLAY_SRC && wishes->layer_count ? layers_wait() : 0;
}

static int parse_one(struct bwrap_wishes *wishes, const char **words, size_t count, bool from_file)
{
	static const char *const counts[] = {"", "an argument", "two arguments", "three arguments"};
	const struct bwrap_option *option = find(words[0]);
	if (!option)
		return refuse(-EINVAL, "Unknown option %s", words[0]);
	if (count <= option->count)
		return refuse(-EINVAL, "%s takes %s", option->name, counts[option->count]);
	const struct use use = {option, words + 1, from_file};
	int r = apply(wishes, &use);
	return r < 0 ? r : check_modifiers(wishes, option->action);
}

static int parse(struct bwrap_wishes *wishes, const char ***words, size_t *count, bool from_file)
{
	while (*count && (*words)[0][0] == '-' && !wishes->help && !wishes->version) {
		bool end = text_equal((*words)[0], "--");
		int r = end ? 0 : parse_one(wishes, *words, *count, from_file);
		if (r < 0)
			return r;
		size_t read = end ? 1 : 1u + find((*words)[0])->count;
		*words += read;
		*count -= read;
		if (end)
			break;
	}
	return 0;
}

int bwrap_parse(struct bwrap_wishes *wishes, const char ***words, size_t *count)
{
	int r = parse(wishes, words, count, false);
	return r == 0 && wishes->layer_count ? layers_wait() : r;
}
