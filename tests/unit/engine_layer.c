// SPDX-License-Identifier: Apache-2.0

/*
 * The door to rung-layer (engine/store/layer.h), with the real program: descriptors arrive where
 * they should, reports and errors come back, several jobs run at once. What the program itself does
 * is tested in tests/command/test_layer*.py.
 */

#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/fs.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char top[] = "/tmp/rung-unit-layer-XXXXXX";
static int top_fd = -1;

/* programs_find() looks beside the running program, which this test is not. */
static int place_program(void)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 32);
	if (length < 0)
		return -1;
	self[length] = '\0';
	strcpy(strrchr(self, '/') + 1, "rung-layer");
	return symlink("../../src/programs/layer/rung-layer", self) < 0 && errno != EEXIST ? -1 : 0;
}

static int setup(void **state)
{
	(void)state;
	if (place_program() < 0 || !mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close_now(top_fd);
	return layer_remove_tree(AT_FDCWD, top);
}

static int make_directory(const char *name)
{
	assert_int_equal(mkdirat(top_fd, name, 0755), 0);
	int fd = openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int make_file(const char *name)
{
	int fd = openat(top_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

/* A tree with a file and a directory, packed. */
static int make_archive(
	const char *name, enum layer_compression compression, struct layer_report *report)
{
	autofini(arena_fini) struct arena arena = {};
	autoclose int tree = make_directory(arena_format(&arena, "%s.tree", name));
	autoclose int below = make_file(arena_format(&arena, "%s.tree/%s", name, "file"));
	assert_int_equal(fs_write_all(below, "content of it", 13), 0);
	assert_int_equal(mkdirat(tree, "directory", 0750), 0);
	int fd = make_file(arena_format(&arena, "%s.tar", name));
	const struct layer_pack pack = {
		.tree_fd = tree, .output_fd = fd, .compression = compression};
	int r = layer_pack(&pack, report);
	if (r < 0)
		fail_msg("%s", error_text());
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void there_and_back(void **state)
{
	(void)state;
	struct layer_report packed, unpacked;
	autoclose int file = make_archive("first", LAYER_GZIP, &packed);
	assert_true(digest_is_valid(packed.digest) && digest_is_valid(packed.diff_id));
	assert_int_equal(packed.entries, 3);
	assert_int_equal(packed.content_size, 13);

	autoclose int tree = make_directory("back"), blob = make_file("blob");
	const struct layer_unpack unpack = {.input_fd = file,
		.blob_fd = blob,
		.tree_fd = tree,
		.digest = packed.digest,
		.diff_id = packed.diff_id,
		.size = packed.size};
	if (layer_unpack(&unpack, &unpacked) < 0)
		fail_msg("%s", error_text());
	assert_memory_equal(&packed, &unpacked, sizeof(packed));
	autofree char *text = NULL;
	assert_int_equal(fs_read(tree, "file", 100, &text, NULL), 0);
	assert_string_equal(text, "content of it");
	struct stat about;
	assert_int_equal(fstatat(tree, "directory", &about, 0), 0);
	assert_int_equal(about.st_mode & 07777, 0750);
	assert_int_equal(fstat(blob, &about), 0);
	assert_int_equal(about.st_size, packed.size);
}

static void jobs_at_once(void **state)
{
	(void)state;
	struct layer_job jobs[4];
	struct layer_report packed[4], report;
	for (int i = 0; i < 4; i++) {
		autofini(arena_fini) struct arena arena = {};
		autoclose int file =
			make_archive(arena_format(&arena, "job-%d", i), LAYER_ZSTD, &packed[i]);
		autoclose int tree = make_directory(arena_format(&arena, "job-%d.back", i));
		const struct layer_unpack unpack = {
			.input_fd = file, .blob_fd = -1, .tree_fd = tree};
		assert_int_equal(layer_unpack_start(&unpack, &jobs[i]), 0);
	}
	for (int i = 3; i >= 1; i--) {
		assert_int_equal(layer_unpack_wait(&jobs[i], &report), 0);
		assert_string_equal(report.digest, packed[i].digest);
		layer_job_fini(&jobs[i]);
	}
	layer_job_fini(&jobs[0]); /* not waited for */
	layer_job_fini(&jobs[0]);
}

static void errors_come_back(void **state)
{
	(void)state;
	struct layer_report packed;
	autoclose int file = make_archive("bad", LAYER_PLAIN, &packed);
	struct layer_unpack unpack = {
		.input_fd = file, .blob_fd = -1, .tree_fd = -1, .size = packed.size + 5};
	assert_int_equal(layer_unpack(&unpack, NULL), -EPIPE);
	assert_non_null(strstr(error_text(), "the archive ended after"));
	error_clear();
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	unpack.size = 0;
	unpack.digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	assert_int_equal(layer_unpack(&unpack, NULL), -EBADMSG);
	assert_non_null(strstr(error_text(), packed.digest));
	error_clear();
}

static void recoding(void **state)
{
	(void)state;
	struct layer_report packed, decoded, encoded;
	autoclose int file = make_archive("recode", LAYER_ZSTD, &packed);
	autoclose int plain = make_file("plain"), again = make_file("again");
	assert_int_equal(layer_decode(file, plain, &decoded), 0);
	assert_string_equal(decoded.diff_id, packed.diff_id);
	assert_int_equal(lseek(plain, 0, SEEK_SET), 0);
	assert_int_equal(layer_encode(plain, again, LAYER_ZSTD, 0, &encoded), 0);
	assert_string_equal(encoded.digest, packed.digest);
}

static void copying(void **state)
{
	(void)state;
	autoclose int from = make_directory("from"), to = make_directory("to"),
		      file = make_file("from/a"), tar = make_file("cp.tar");
	assert_int_equal(fs_write_all(file, "copied", 6), 0);
	const struct layer_archive archive = {
		.tree_fd = from, .path = "a", .name = "b", .output_fd = tar};
	assert_int_equal(layer_archive(&archive, NULL), 0);
	assert_int_equal(lseek(tar, 0, SEEK_SET), 0);
	const struct layer_extract extract = {
		.input_fd = tar, .tree_fd = to, .directory = "made/here", .keep_kinds = true};
	if (layer_extract(&extract, NULL) < 0)
		fail_msg("%s", error_text());
	autofree char *text = NULL;
	assert_int_equal(fs_read(to, "made/here/b", 100, &text, NULL), 0);
	assert_string_equal(text, "copied");
}

static void splitting(void **state)
{
	(void)state;
	autofini(arena_fini) struct arena arena = {};
	struct layer_report inner;
	autoclose int layer_file = make_archive("inner", LAYER_GZIP, &inner);
	autoclose int outer = make_directory("outer"), manifest = make_file("outer/manifest.json"),
		      tar = make_file("outer.tar"), members_fd = make_directory("members"),
		      trees_fd = make_directory("trees");
	assert_int_equal(fs_write_all(manifest, "[]", 2), 0);
	assert_int_equal(renameat(top_fd, "inner.tar", outer, "layer.tar"), 0);
	const struct layer_archive archive = {.tree_fd = outer, .output_fd = tar};
	assert_int_equal(layer_archive(&archive, NULL), 0);
	assert_int_equal(lseek(tar, 0, SEEK_SET), 0);

	const struct layer_split split = {
		.input_fd = tar, .members_fd = members_fd, .trees_fd = trees_fd};
	struct layer_member *members;
	size_t count;
	if (layer_split(&split, &arena, &members, &count) < 0)
		fail_msg("%s", error_text());
	assert_int_equal(count, 2);
	assert_string_equal(members[0].name, "layer.tar");
	assert_string_equal(members[0].report.digest, inner.digest);
	assert_string_equal(members[0].report.diff_id, inner.diff_id);
	assert_non_null(members[0].tree);
	assert_string_equal(members[1].name, "manifest.json");
	assert_null(members[1].tree);
	autofree char *text = NULL;
	assert_int_equal(fs_read(trees_fd, arena_format(&arena, "%s/file", members[0].tree), 100,
				 &text, NULL),
		0);
	assert_string_equal(text, "content of it");
}

static void words(void **state)
{
	(void)state;
	enum layer_compression compression;
	assert_int_equal(layer_compression_from("zstd", &compression), 0);
	assert_int_equal(compression, LAYER_ZSTD);
	assert_int_equal(layer_compression_from("lzma", &compression), -EINVAL);
	assert_string_equal(
		layer_media_type(LAYER_GZIP), "application/vnd.oci.image.layer.v1.tar+gzip");
	assert_int_equal(layer_remove_tree(top_fd, "never-was"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(jobs_at_once),
		cmocka_unit_test(errors_come_back),
		cmocka_unit_test(recoding),
		cmocka_unit_test(copying),
		cmocka_unit_test(splitting),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
