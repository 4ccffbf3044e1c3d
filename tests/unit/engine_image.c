// SPDX-License-Identifier: Apache-2.0

/* Manifests, configurations, the list, --change: documents without a store around them. */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/image/document.h"
#include "engine/store/index.h"

#include <stdio.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

struct fixture {
	struct arena arena;
	struct image image;
	struct image_manifest manifest;
};

static void fixture_fini(struct fixture *fixture)
{
	arena_fini(&fixture->arena);
}

static int parse_manifest(struct fixture *fixture, const char *text)
{
	error_clear();
	return image_manifest_parse(
		text, strlen(text), "manifest", &fixture->arena, &fixture->manifest);
}

static int parse_config(struct fixture *fixture, const char *text)
{
	error_clear();
	return image_config_parse(text, strlen(text), "config", &fixture->arena, &fixture->image);
}

/* ---- manifests -------------------------------------------------------------------- */

static void both_families_are_read(void **state)
{
	autofini(fixture_fini) struct fixture fixture = {};
	assert_int_equal(parse_manifest(&fixture,
				 "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_MANIFEST
				 "\",\"config\":{\"digest\":\"" DIGEST "\",\"size\":5},"
				 "\"layers\":[{\"digest\":\"" DIGEST "\",\"size\":7}]}"),
		0);
	assert_false(fixture.manifest.is_index);
	assert_int_equal(fixture.manifest.layer_count, 1);
	assert_int_equal(fixture.manifest.layers[0].size, 7);
	assert_int_equal(
		parse_manifest(&fixture, "{\"schemaVersion\":2,\"config\":{\"digest\":\"" DIGEST
					 "\",\"size\":5},\"layers\":[]}"),
		0);
	assert_string_equal(fixture.manifest.media_type, MEDIA_OCI_MANIFEST);
	assert_int_equal(parse_manifest(&fixture, "{\"schemaVersion\":2,\"manifests\":[]}"), 0);
	assert_true(fixture.manifest.is_index);
	assert_string_equal(fixture.manifest.media_type, MEDIA_OCI_INDEX);
}

static void bad_manifests_are_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"schemaVersion\":1,\"fsLayers\":[]}",
		"{\"schemaVersion\":2}",
		"{\"schemaVersion\":2,\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../x\",\"size\":5}}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" DIGEST "\",\"size\":-1}}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha512:" HEX "\",\"size\":1}}",
		/* CVE-2021-41190: one document, two meanings */
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" DIGEST
		"\",\"size\":5},\"layers\":[],\"manifests\":[]}",
		"{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"x\",\"size\":1}]}",
	};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(fixture_fini) struct fixture fixture = {};
		assert_int_equal(parse_manifest(&fixture, bad[i]), -EINVAL);
		assert_true(text_starts(error_text(), "manifest: "));
	}
}

/* ---- configurations ------------------------------------------------------------------ */

static const char full[] =
	"{\"created\":\"2024-01-02T03:04:05.6Z\",\"author\":\"me\",\"architecture\":\"arm\","
	"\"variant\":\"v7\",\"os\":\"linux\",\"docker_version\":\"20\",\"comment\":\"c\","
	"\"parent\":\"p\",\"config\":{\"User\":\"1:2\",\"ExposedPorts\":{\"80/tcp\":{}},"
	"\"Env\":[\"A=1\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"],\"Volumes\":{\"/v\":{}},"
	"\"WorkingDir\":\"/w\",\"Labels\":{\"l\":\"m\"},\"StopSignal\":\"SIGINT\","
	"\"StopTimeout\":3,\"Shell\":[\"/s\"],\"OnBuild\":[\"RUN x\"],"
	"\"Healthcheck\":{\"Test\":[\"NONE\"],\"Interval\":1,\"Timeout\":2,\"StartPeriod\":3,"
	"\"StartInterval\":4,\"Retries\":5}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":"
	"[\"" DIGEST "\"]},\"history\":[{\"created\":\"x\",\"created_by\":\"y\",\"author\":\"z\","
	"\"comment\":\"q\",\"empty_layer\":true}]}";

/* What is read is written again, to the last byte. */
static void a_full_configuration_comes_back(void **state)
{
	autofini(fixture_fini) struct fixture fixture = {};
	autofini(text_fini) struct text text = {};
	assert_int_equal(parse_config(&fixture, full), 0);
	image_config_write(&fixture.image, &text);
	assert_string_equal(text_get(&text), full);
}

static void what_is_null_or_missing_is_empty(void **state)
{
	autofini(fixture_fini) struct fixture fixture = {};
	assert_int_equal(parse_config(&fixture,
				 "{\"config\":{\"Cmd\":null,\"Env\":null,\"Labels\":null,"
				 "\"Volumes\":null,\"User\":\"\"},\"rootfs\":{\"diff_ids\":null},"
				 "\"history\":null}"),
		0);
	assert_null(fixture.image.config.user);
	assert_int_equal(fixture.image.config.command.count, 0);
	assert_int_equal(fixture.image.diff_ids.count, 0);
	assert_string_equal(fixture.image.created, "");
}

static void bad_configurations_are_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "{\"config\":[]}", "{\"config\":{\"Env\":[1]}}",
		"{\"config\":{\"Volumes\":[\"/v\"]}}", "{\"rootfs\":{\"diff_ids\":[\"x\"]}}",
		"{\"config\":{\"Healthcheck\":{\"Interval\":\"1s\"}}}"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(fixture_fini) struct fixture fixture = {};
		assert_int_equal(parse_config(&fixture, bad[i]), -EINVAL);
	}
}

static void times_are_seconds(void **state)
{
	assert_int_equal(image_time("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(image_time("2024-01-02T03:04:05Z"), 1704164645);
	assert_int_equal(image_time("2024-01-02T03:04:05.999999999Z"), 1704164645);
	assert_int_equal(image_time("2024-01-02T05:04:05+02:00"), 1704164645);
	assert_int_equal(image_time("2024-01-01T22:34:05.5-04:30"), 1704164645);
	assert_int_equal(image_time("yesterday"), 0);
	assert_int_equal(image_time(""), 0);
	assert_int_equal(image_time(NULL), 0);
}

static void platforms_are_ranked(void **state)
{
	struct image_platform own = image_own_platform(), other = own;
	int best = image_platform_rank(&own);
	assert_true(best > 0);
	other.os = "windows";
	assert_int_equal(image_platform_rank(&other), 0);
	other = own;
	other.architecture = "z80";
	assert_int_equal(image_platform_rank(&other), 0);
	other = own;
	other.variant = "v99";
	assert_true(image_platform_rank(&other) > 0 && image_platform_rank(&other) < best);
	assert_int_equal(image_platform_rank(&(struct image_platform){}), 0);
}

/* ---- the list --------------------------------------------------------------------------- */

static void notes_are_set_and_removed(void **state)
{
	static const char text[] =
		"{\"manifests\":[{\"digest\":\"" DIGEST
		"\",\"size\":1,\"annotations\":{\"k\":\"v\",\"" INDEX_NAME "\":\"\"}}]}";
	autofini(arena_fini) struct arena arena = {};
	struct store_index index;
	assert_int_equal(index_parse(text, strlen(text), "index", &arena, &index), 0);
	assert_int_equal(index.count, 1);
	struct index_entry *entry = &index.entries[0];
	assert_null(index_name(entry));
	index_annotate(entry, INDEX_NAME, "a:1", &arena);
	assert_string_equal(index_name(entry), "a:1");
	index_annotate(entry, INDEX_NAME, "b:1", &arena);
	assert_int_equal(entry->annotation_count, 2);
	index_annotate(entry, INDEX_NAME, NULL, &arena);
	assert_null(index_name(entry));
	assert_string_equal(index_annotation(entry, "k"), "v");
}

static void a_bad_list_is_refused(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"manifests\":{}}",
		"{\"manifests\":[{\"size\":1}]}",
		"{\"manifests\":[{\"digest\":\"sha256:x\",\"size\":1}]}"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct store_index index;
		assert_int_equal(
			index_parse(bad[i], strlen(bad[i]), "index", &arena, &index), -EINVAL);
	}
}

/* ---- --change ---------------------------------------------------------------------------- */

static struct image_config changed(struct arena *arena, const char *const *changes)
{
	struct image_config config = {};
	for (; *changes; changes++) {
		error_clear();
		int r = image_apply_change(&config, *changes, arena);
		if (r < 0)
			print_error("%s: %s\n", *changes, error_text());
		assert_int_equal(r, 0);
	}
	return config;
}

static void changes_are_applied(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	const char *const changes[] = {"ENV A=1 B=\"x y\" C='$A'", "ENV PATH $A:/bin  ",
		"env D=${A}2\\ 3", "ENV A=2", "SHELL [\"ash\", \"-c\"]", "CMD ls  -l",
		"ENTRYPOINT=[\"/e\", \"a b\"]", "WORKDIR /a", "WORKDIR b/c", "LABEL a=1 \"b c\"=2",
		"LABEL a=3", "EXPOSE 80 80/tcp 81-82/udp", NULL};
	struct image_config config = changed(&arena, changes);
	static const char *const environment[] = {"A=2", "B=x y", "C=$A", "PATH=$A:/bin", "D=12 3"};
	assert_int_equal(config.environment.count, array_length(environment));
	for (size_t i = 0; i < array_length(environment); i++)
		assert_string_equal(config.environment.items[i], environment[i]);
	assert_int_equal(config.command.count, 3);
	assert_string_equal(config.command.items[0], "ash");
	assert_string_equal(config.command.items[2], "ls  -l");
	assert_string_equal(config.entrypoint.items[1], "a b");
	assert_string_equal(config.working_directory, "/a/b/c");
	assert_int_equal(config.label_count, 2);
	assert_string_equal(config.labels[0].key, "b c");
	assert_string_equal(config.labels[1].value, "3");
	assert_int_equal(config.exposed_ports.count, 3);
	assert_string_equal(config.exposed_ports.items[2], "82/udp");
}

/* What fails half-way changes nothing. */
static void bad_changes_change_nothing(void **state)
{
	static const char *const bad[] = {"", " ", "FROM x", "ENV", "ENV =1", "ENV A=1 B",
		"LABEL a='b", "EXPOSE 0", "EXPOSE 5-4", "EXPOSE 70000", "EXPOSE 80/icmp",
		"EXPOSE 80 x", "USER a b", "HEALTHCHECK", "HEALTHCHECK CMD",
		"HEALTHCHECK --x=1 CMD y", "HEALTHCHECK --interval=soon CMD y",
		"HEALTHCHECK --interval CMD y", "SHELL ls"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct image_config config = {}, untouched = {};
		error_clear();
		assert_int_equal(image_apply_change(&config, bad[i], &arena), -EINVAL);
		assert_true(error_text()[0] != '\0');
		assert_memory_equal(&config, &untouched, sizeof(config));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_are_read),
		cmocka_unit_test(bad_manifests_are_refused),
		cmocka_unit_test(a_full_configuration_comes_back),
		cmocka_unit_test(what_is_null_or_missing_is_empty),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(times_are_seconds),
		cmocka_unit_test(platforms_are_ranked),
		cmocka_unit_test(notes_are_set_and_removed),
		cmocka_unit_test(a_bad_list_is_refused),
		cmocka_unit_test(changes_are_applied),
		cmocka_unit_test(bad_changes_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
