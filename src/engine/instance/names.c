// SPDX-License-Identifier: Apache-2.0

/*
 * Names and ids. A name is a symbolic link in <data>/names to the id: symlink(2) makes it or says
 * that it is there, so two commands can never both get it, and no list has to be locked.
 *
 * A link whose instance is not there is what a killed `create` or `rm` left; whoever wants the name
 * takes it over. The one that is just being made is told from it by its directory, which is there
 * before its name (create.c).
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/instance/internal.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>

/* ---- ids ------------------------------------------------------------------------ */

static void fill_random(void *bytes, size_t length)
{
	if (getrandom(bytes, length, 0) == (ssize_t)length)
		return;
	/* No kernel that has openat2(2) comes here; a repeated id would be refused by mkdir(2). */
	uint64_t seed = (uint64_t)getpid();
	for (size_t i = 0; i < length; i++)
		((unsigned char *)bytes)[i] =
			(unsigned char)(seed = seed * 6364136223846793005 + 1);
}

const char *instance_random_id(struct arena *arena)
{
	unsigned char random[32];
	char *id = arena_alloc(arena, 2 * sizeof(random) + 1);
	do {
		fill_random(random, sizeof(random));
		for (size_t i = 0; i < sizeof(random); i++)
			(void)snprintf(id + 2 * i, 3, "%02x", random[i]);
		/* Twelve digits that are a number confuse programs that read ids (Docker has it
		 * so). */
	} while (strspn(id, "0123456789") >= 12);
	return id;
}

bool instance_is_id(const char *word)
{
	return strlen(word) == 64 && strspn(word, "0123456789abcdef") == 64;
}

/* ---- names ---------------------------------------------------------------------- */

int instance_check_name(const char *name)
{
	size_t length = strlen(name);
	bool good = length > 0 && length <= 200 && isalnum((unsigned char)name[0]);
	for (const char *c = name; good && *c; c++)
		good = isalnum((unsigned char)*c) || strchr("_.-", *c);
	if (good)
		return 0;
	autofini(text_fini) struct text quoted = {};
	text_json_string(&quoted, name);
	int r = refuse(-EINVAL, "container name %.80s is not valid", text_get(&quoted));
	hint("a name has letters, digits, '_', '.', '-' and begins with a letter or digit");
	return r;
}

const char *instance_name_owner(const char *name, struct arena *arena)
{
	char target[80];
	const char *path = arena_format(arena, "%s/%s", instance_names(arena), name);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length != 64)
		return NULL;
	target[length] = '\0';
	return instance_is_id(target) ? arena_strdup(arena, target) : NULL;
}

/*
 * True if the owner is there or is just being made, which its lock tells: it was taken before the
 * name was. What is neither is what a killed `create` left.
 */
bool instance_is_there(const char *id, struct arena *arena)
{
	const char *directory = arena_format(arena, "%s/%s", instance_containers(arena), id);
	if (access(arena_format(arena, "%s/config.json", directory), F_OK) == 0)
		return true;
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

int instance_claim_name(
	const char *name, const char *id, struct arena *arena, const char **ret_owner)
{
	const char *path = arena_format(arena, "%s/%s", instance_names(arena), name);
	for (int tries = 0; tries < 8; tries++) {
		if (symlink(id, path) == 0)
			return 0;
		if (errno == ENOENT) {
			int r = fs_make_dirs(instance_names(arena), 0700);
			if (r < 0)
				return r;
			continue;
		}
		if (errno != EEXIST)
			return fail(-errno, "take the name %s", name);
		const char *owner = instance_name_owner(name, arena);
		if (owner && instance_is_there(owner, arena)) {
			*ret_owner = owner;
			return -EEXIST;
		}
		(void)unlink(path);
	}
	return refuse(-EBUSY, "take the name %s: others want it too", name);
}

void instance_drop_name(const char *name, const char *id, struct arena *arena)
{
	const char *owner = instance_name_owner(name, arena);
	if (owner && text_equal(owner, id))
		(void)unlink(arena_format(arena, "%s/%s", instance_names(arena), name));
}

/* ---- names nobody has asked for ---------------------------------------------------- */

static const char moods[][12] = {"able", "amber", "ample", "arctic", "autumn", "avid", "balmy",
	"blithe", "bold", "brave", "breezy", "bright", "brisk", "broad", "calm", "candid", "cheery",
	"clear", "clever", "cosmic", "cozy", "crisp", "curious", "daring", "deft", "eager", "early",
	"earnest", "easy", "fair", "fabled", "fleet", "fluent", "fond", "frank", "free", "fresh",
	"gentle", "gifted", "glad", "golden", "grand", "happy", "hardy", "hearty", "honest",
	"humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry",
	"mighty", "mild", "misty", "modest", "neat", "nimble", "noble", "patient", "placid",
	"plucky", "polite", "proud", "quick", "quiet", "rapid", "ready", "robust", "rosy", "rustic",
	"sage", "serene", "sharp", "silent", "silver", "sincere", "smooth", "snug", "solid", "spry",
	"stable", "steady", "stout", "sturdy", "subtle", "sunny", "swift", "tender", "tidy",
	"tranquil", "upbeat", "vivid", "warm", "wise", "witty"};

/* People who made computing what it is, and those whose mathematics it stands on. */
static const char people[][14] = {"abel", "adleman", "agnesi", "aiken", "allen", "amdahl",
	"babbage", "backus", "baran", "bartik", "bellman", "blum", "boole", "borg", "brooks",
	"cantor", "cauchy", "cerf", "chaitin", "church", "clarke", "cocke", "codd", "conway",
	"cook", "curry", "dahl", "davies", "dijkstra", "eckert", "engelbart", "ershov", "euler",
	"fermat", "feynman", "floyd", "galois", "gauss", "germain", "goedel", "goldberg",
	"hamilton", "hamming", "hilbert", "hoare", "hollerith", "hopper", "huffman", "iverson",
	"jacquard", "kahan", "karp", "kay", "kepler", "kernighan", "kilburn", "kleene", "knuth",
	"kolmogorov", "lamport", "leibniz", "licklider", "liskov", "lovelace", "lukasiewicz",
	"markov", "mauchly", "mccarthy", "mcilroy", "milner", "minsky", "naur", "neumann", "newell",
	"noether", "nygaard", "pascal", "peano", "perlis", "poincare", "postel", "ritchie",
	"rivest", "russell", "scott", "shamir", "shannon", "sierpinski", "stibitz", "strachey",
	"tarjan", "tarski", "thompson", "torvalds", "turing", "wilkes", "wilkinson", "wirth",
	"zadeh", "zuse"};

const char *instance_random_name(struct arena *arena)
{
	for (unsigned tries = 0;; tries++) {
		uint32_t chance[3];
		fill_random(chance, sizeof(chance));
		const char *mood = moods[chance[0] % array_length(moods)];
		const char *person = people[chance[1] % array_length(people)];
		const char *name = tries < 4 ? arena_format(arena, "%s_%s", mood, person)
					     : arena_format(arena, "%s_%s%u", mood, person,
						       chance[2] % 1000000);
		const char *owner = instance_name_owner(name, arena);
		if (!owner)
			return name;
	}
}
