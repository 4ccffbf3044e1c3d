// SPDX-License-Identifier: Apache-2.0

/*
 * The grammar of references, by hand: a word is cut at its "@", its ":" and its first "/", and each
 * part is held against its own rule. What passes here is a safe part of a URL and of a file name:
 * no "..", no empty component, no byte outside of [A-Za-z0-9_.:@/[]-].
 */

#include "engine/registry/reference.h"

#include "base/error.h"
#include "base/text.h"

#define TAG_MAX 128
#define DIGEST_HEX 64

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool all_hex(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_hex(text[i]))
			return false;
	return true;
}

bool reference_is_digest(const char *text)
{
	static const char algorithm[] = "sha256:";
	if (!text || !text_starts(text, algorithm))
		return false;
	const char *hex = text + sizeof(algorithm) - 1;
	return strlen(hex) == DIGEST_HEX && all_hex(hex, DIGEST_HEX);
}

bool reference_is_tag(const char *text)
{
	if (!text || (!is_letter(*text) && !is_digit(*text) && *text != '_'))
		return false;
	size_t length = 0;
	for (const char *c = text; *c; c++, length++)
		if (!is_letter(*c) && !is_digit(*c) && !strchr("_.-", *c))
			return false;
	return length <= TAG_MAX;
}

/* Small letters and digits, held together by ".", "_", "__" or any number of "-". */
static bool is_component(const char *text, size_t length)
{
	size_t i = 0;
	while (i < length) {
		size_t start = i;
		while (i < length && (is_lower(text[i]) || is_digit(text[i])))
			i++;
		if (i == start)
			return false;
		if (i == length)
			return true;
		char separator = text[i];
		size_t run = 0;
		while (i < length && text[i] == separator) {
			i++;
			run++;
		}
		if (separator == '.' ? run > 1 : separator == '_' ? run > 2 : separator != '-')
			return false;
	}
	return false; /* empty, or it ends with a separator */
}

static bool is_path(const char *text)
{
	for (;;) {
		size_t length = strcspn(text, "/");
		if (!is_component(text, length))
			return false;
		text += length;
		if (!*text)
			return true;
		text++;
	}
}

/* A label of a host name: letters, digits, and "-" between them. */
static bool is_host_label(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i == length - 1;
		if (!is_letter(text[i]) && !is_digit(text[i]) && (edge || text[i] != '-'))
			return false;
	}
	return length > 0;
}

/* Length of "[::1]", with the brackets; 0 if it is none. */
static size_t bracketed_length(const char *text)
{
	size_t inner = strspn(text + 1, "0123456789abcdefABCDEF:");
	return inner > 0 && text[1 + inner] == ']' ? inner + 2 : 0;
}

static bool is_registry(const char *text)
{
	if (*text == '[') {
		size_t length = bracketed_length(text);
		if (length == 0)
			return false;
		text += length;
	} else {
		for (;;) {
			size_t length = strcspn(text, ".:");
			if (!is_host_label(text, length))
				return false;
			text += length;
			if (*text != '.')
				break;
			text++;
		}
	}
	if (!*text)
		return true;
	uint64_t port;
	return *text == ':' && is_digit(text[1]) && parse_uint64(text + 1, UINT16_MAX, &port) >= 0;
}

/* Length of the registry that the word begins with, 0 if it names none. */
static size_t registry_length(const char *word)
{
	size_t length = strcspn(word, "/");
	if (!word[length])
		return 0;
	for (size_t i = 0; i < length; i++)
		if (strchr(".:[", word[i]) || (is_letter(word[i]) && !is_lower(word[i])))
			return length;
	return length == 9 && memcmp(word, "localhost", 9) == 0 ? length : 0;
}

static const char *without_transport(const char *word)
{
	static const char transport[] = "docker://";
	return text_starts(word, transport) ? word + sizeof(transport) - 1 : word;
}

bool reference_is_qualified(const char *word)
{
	return registry_length(without_transport(word)) > 0;
}

/* Cuts ":tag" and "@digest" off the name. */
static int cut_target(const char *word, char *name, struct reference *parts)
{
	char *at = strchr(name, '@');
	if (at) {
		*at = '\0';
		parts->digest = at + 1;
		if (!reference_is_digest(parts->digest)) {
			int r = refuse(
				-EINVAL, "invalid reference %s: its digest is not sha256", word);
			hint("a digest is sha256: and 64 digits of 0-9 and a-f");
			return r;
		}
	}
	char *slash = strrchr(name, '/');
	char *colon = strchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		parts->tag = colon + 1;
		if (!reference_is_tag(parts->tag))
			return refuse(-EINVAL, "invalid reference %s: bad tag", word);
	}
	if (!parts->tag && !parts->digest)
		parts->tag = "latest";
	return 0;
}

static int refuse_registry(const char *word, const char *registry)
{
	static const char *const archives[] = {
		"docker-archive:", "oci-archive:", "oci:", "dir:", "docker-daemon:"};
	int r = refuse(
		-EINVAL, "invalid reference %s: %s is not a registry's name", word, registry);
	if (text_equal(registry, "http:") || text_equal(registry, "https:"))
		hint("write it without %s//", registry);
	for (size_t i = 0; i < array_length(archives); i++)
		if (text_equal(registry, archives[i]))
			hint("rung load -i FILE reads archives");
	return r;
}

static int refuse_path(const char *word, const char *path)
{
	for (const char *c = path; *c; c++)
		if (is_letter(*c) && !is_lower(*c))
			return refuse(-EINVAL,
				"invalid reference %s: repository name must be lowercase", word);
	return refuse(-EINVAL, "invalid reference format: %s", *word ? word : "\"\"");
}

int reference_parse(const char *word, struct arena *arena, struct reference *ret_reference)
{
	const char *bare = without_transport(word);
	if (strlen(bare) > REFERENCE_NAME_MAX + 2 + TAG_MAX + sizeof("sha256:") + DIGEST_HEX)
		return refuse(-EINVAL, "invalid reference: longer than a name can be");
	if (strlen(bare) == DIGEST_HEX && all_hex(bare, DIGEST_HEX))
		return refuse(-EINVAL,
			"invalid reference %s: 64 hexadecimal digits are an id and no name", bare);

	struct reference parts = {};
	char *name = arena_strdup(arena, bare);
	int r = cut_target(word, name, &parts);
	if (r < 0)
		return r;

	size_t length = registry_length(name);
	const char *path = length > 0 ? name + length + 1 : name;
	parts.registry = length > 0 ? arena_strndup(arena, name, length) : REFERENCE_DOCKER_HUB;
	if (text_equal(parts.registry, "index.docker.io"))
		parts.registry = REFERENCE_DOCKER_HUB;
	if (!is_registry(parts.registry))
		return refuse_registry(word, parts.registry);
	if (!is_path(path))
		return refuse_path(word, path);
	bool official = text_equal(parts.registry, REFERENCE_DOCKER_HUB) && !strchr(path, '/');
	parts.repository = official ? arena_format(arena, "library/%s", path) : path;
	if (strlen(parts.registry) + 1 + strlen(parts.repository) > REFERENCE_NAME_MAX)
		return refuse(-EINVAL,
			"invalid reference: repository name must not be more than "
			"%d characters",
			REFERENCE_NAME_MAX);
	*ret_reference = parts;
	return 0;
}

static const char *with_target(
	const char *name, const struct reference *reference, struct arena *arena)
{
	const char *tag = reference->tag, *digest = reference->digest;
	return arena_format(arena, "%s%s%s%s%s", name, tag ? ":" : "", tag ? tag : "",
		digest ? "@" : "", digest ? digest : "");
}

const char *reference_repository(const struct reference *reference, struct arena *arena)
{
	return arena_format(arena, "%s/%s", reference->registry, reference->repository);
}

const char *reference_name(const struct reference *reference, struct arena *arena)
{
	return with_target(reference_repository(reference, arena), reference, arena);
}

const char *reference_target(const struct reference *reference)
{
	return reference->digest ? reference->digest : reference->tag;
}

const char *reference_familiar(const struct reference *reference, struct arena *arena)
{
	const char *name = reference->repository;
	bool hub = text_equal(reference->registry, REFERENCE_DOCKER_HUB);
	if (hub && text_starts(name, "library/") && !strchr(name + 8, '/'))
		name += 8;
	else if (!hub || registry_length(name) > 0) /* "docker.io/localhost/a" */
		name = reference_repository(reference, arena);
	return with_target(name, reference, arena);
}

const char *reference_familiar_name(const char *name, struct arena *arena)
{
	struct reference reference = {.registry = "", .repository = ""};
	if (reference_parse(name, arena, &reference) != 0) {
		error_clear();
		return name;
	}
	return reference_familiar(&reference, arena);
}
