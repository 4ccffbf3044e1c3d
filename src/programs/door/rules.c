// SPDX-License-Identifier: Apache-2.0

/*
 * Each rule that covers the question gets a weight by how particular it is; the heaviest speaks, of
 * equals the later one. What covers what:
 *
 *	to read      allow: read, write, exec, home    deny, ask: read, home
 *	to write     allow: write, home                deny, ask: write, read, home
 *	to run       allow: exec                       deny, ask: exec, read, home
 *	a device     allow: device                     deny, ask: device
 *
 * So "allow read" says nothing to one who wants to write, and "deny write" nothing to a reader.
 */

#include "rules.h"

#include "base/text.h"
#include "plan/host.h"

/* ---- files ------------------------------------------------------------------------------- */

static bool is_about_files(enum permission_kind kind)
{
	return kind == PERMISSION_READ || kind == PERMISSION_WRITE || kind == PERMISSION_EXEC ||
	       kind == PERMISSION_HOME;
}

/* The tree that a rule speaks about; NULL: none. */
static const char *tree_of(const struct permission *rule, const char *home)
{
	return rule->kind == PERMISSION_HOME ? home : rule->value;
}

static bool allows_files(const struct permission *rule, enum permission_kind wanted)
{
	switch (wanted) {
	case PERMISSION_READ:
		return true;
	case PERMISSION_WRITE:
		return rule->kind == PERMISSION_WRITE ||
		       (rule->kind == PERMISSION_HOME && !rule->read_only);
	default:
		return rule->kind == PERMISSION_EXEC;
	}
}

static bool speaks_of_files(const struct permission *rule, enum permission_kind wanted)
{
	if (wanted == PERMISSION_DEVICE)
		return rule->kind == PERMISSION_DEVICE;
	if (!is_about_files(rule->kind))
		return false;
	if (rule->answer == PERMISSION_ALLOW)
		return allows_files(rule, wanted);
	return rule->kind == wanted || rule->kind == PERMISSION_READ ||
	       rule->kind == PERMISSION_HOME;
}

/* ---- hosts --------------------------------------------------------------------------------- */

/* "10.0.0.0/8": 8; an address in another spelling than the host's covers nothing but it. */
static unsigned network_bits(const char *network)
{
	const char *slash = strchr(network, '/');
	uint64_t bits = 128;
	return slash && parse_uint64(slash + 1, 128, &bits) == 0 ? (unsigned)bits : 128;
}

/* How particular a rule is that covers the host: the host itself, names below a name, networks. */
static unsigned weigh_host(const struct permission *rule, const struct question *question)
{
	enum { exact = 4096, name = 1024 };
	const char *pattern = rule->value, *host = question->value;
	unsigned weight = 1;
	if ((rule->port && rule->port != question->port) || (pattern && !host) ||
		(host && !host_covers(pattern, host)))
		return 0;
	if (pattern && text_equal(pattern, host))
		weight = exact;
	else if (pattern && pattern[0] == '*')
		weight = name + (unsigned)strlen(pattern);
	else if (pattern)
		weight = 2 + network_bits(pattern);
	return weight * 2 + (rule->port != 0);
}

/* ---- both ------------------------------------------------------------------------------------ */

/* 0: the rule says nothing to this question. */
static unsigned weigh(
	const struct permission *rule, const char *home, const struct question *question)
{
	if (permission_has_path(question->kind)) {
		const char *tree = tree_of(rule, home);
		bool covers = speaks_of_files(rule, question->kind) && tree && question->value &&
			      path_is_below(question->value, tree);
		return covers ? (unsigned)strlen(tree) : 0;
	}
	if (rule->kind != question->kind)
		return 0;
	if (rule->kind == PERMISSION_NET || rule->kind == PERMISSION_LISTEN)
		return weigh_host(rule, question);
	if (!rule->value)
		return 1;
	return question->value && text_equal(rule->value, question->value) ? 2 : 0;
}

int rules_answer(const struct permissions *rules, const char *home, const struct question *question,
	unsigned *ret_weight)
{
	int answer = RULES_SILENT;
	unsigned heaviest = 0;
	for (size_t i = 0; i < rules->count; i++) {
		unsigned weight = weigh(&rules->items[i], home, question);
		if (weight > 0 && weight >= heaviest) {
			heaviest = weight;
			answer = (int)rules->items[i].answer;
		}
	}
	if (ret_weight)
		*ret_weight = heaviest;
	return answer;
}

static bool lies_below(const struct permission *rule, const char *home, const char *path)
{
	const char *tree = is_about_files(rule->kind) ? tree_of(rule, home) : NULL;
	return tree && !text_equal(tree, path) && path_is_below(tree, path);
}

bool rules_speak_below(const struct permissions *rules, const char *home, const char *path)
{
	for (size_t i = 0; i < rules->count; i++)
		if (lies_below(&rules->items[i], home, path))
			return true;
	return false;
}

bool rules_allow_below(const struct permissions *rules, const char *home, const char *path)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].answer != PERMISSION_DENY &&
			lies_below(&rules->items[i], home, path))
			return true;
	return false;
}
