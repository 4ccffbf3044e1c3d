// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Layers: archives of foreign make become trees of files, and trees become archives. The work is
 * done by `rung-layer` (src/programs/layer), a confined process of its own; these functions start
 * it, hand it descriptors, and read its report. For an ordinary user it runs as root of a user
 * namespace with his subordinate ids, so that files keep their owners.
 *
 * Several jobs may run at once: start them all, then wait for each. A job that is not waited for
 * is ended by layer_job_fini(). Descriptors stay the caller's and may be closed after the start.
 */

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;

/** What was done. Digests are "" where nothing was hashed. */
struct layer_report {
	char digest[DIGEST_SIZE];  /* of the archive as it came or went, compressed */
	char diff_id[DIGEST_SIZE]; /* of the plain tar */
	uint64_t size;             /* bytes of the former */
	uint64_t unpacked_size;    /* bytes of the latter */
	uint64_t content_size;     /* bytes of files in it */
	uint64_t entries;          /* members */
	uint64_t skipped;          /* members or attributes that could not be kept; see note */
	char note[256];            /* the first of them, for a warning; "" if there is none */
};

struct layer_job {
	pid_t pid;
	int pidfd;     /* readable when the job has ended: for event loops */
	int report_fd; /* private */
};

/** Ends a job that still runs, without a report. Fine after layer_…_wait(), and for {.pid = 0}. */
void layer_job_fini(struct layer_job *job);

/* ---- unpack: a layer on its way into the store ------------------------------------ */

struct layer_unpack {
	/* The layer's bytes: gzip, zstd or none, found out from the bytes. -1: all are in blob_fd.
	 */
	int input_fd;
	/*
	 * The file in which the bytes are kept as they came, open for reading and writing. What it
	 * holds already is read first and taken for the beginning (a download that goes on);
	 * input_fd is appended. -1: they are not kept. Its size tells the progress at any time
	 * (fstat(2)). With input_fd -1 it may be open for reading alone (a blob that is complete).
	 */
	int blob_fd;
	/* An empty directory for the files; -1: only hash (and keep). */
	int tree_fd;
	const char *digest;  /* must be the bytes' digest; NULL: not known */
	const char *diff_id; /* must be the plain tar's digest; NULL: not known */
	uint64_t size;       /* of the bytes; 0: not known. More is refused at once */
};

/** Starts it. Tells a story. */
[[nodiscard]] int layer_unpack_start(const struct layer_unpack *unpack, struct layer_job *ret_job);

/**
 * Waits for the end. 0: everything was verified and written. Errors, each with a story:
 * -EPIPE, the bytes ended early (what came is in blob_fd: fetch the rest and start again);
 * -EBADMSG, a digest differs, the archive is damaged or hostile (blob_fd is worth nothing);
 * -EFBIG, a limit against bombs; -ENOSPC and others of the file system.
 * A tree that was begun is the caller's to remove (snapshot_fini()).
 */
[[nodiscard]] int layer_unpack_wait(struct layer_job *job, struct layer_report *ret_report);

/** Both in one. ret_report may be NULL here and below. */
[[nodiscard]] int layer_unpack(const struct layer_unpack *unpack, struct layer_report *ret_report);

/* ---- pack: a tree becomes a layer ---------------------------------------------------- */

enum layer_compression {
	LAYER_PLAIN,
	LAYER_GZIP,
	LAYER_ZSTD,
};

/** "none", "gzip", "zstd"; -EINVAL. Tells no story. */
[[nodiscard]] int layer_compression_from(const char *word, enum layer_compression *ret);

/** "application/vnd.oci.image.layer.v1.tar+gzip" and its sisters. */
const char *layer_media_type(enum layer_compression compression);

struct layer_pack {
	int tree_fd;   /* a directory: an overlay's upper one, or a whole tree */
	bool changes;  /* an upper directory: whiteouts become .wh. files; false: there can be none
			*/
	int output_fd; /* where the archive goes: a file, a pipe; -1: only hash */
	enum layer_compression compression;
	int level;                  /* of the compressor; 0: its usual one */
	bool has_latest_time;       /* times later than latest_time become it (SOURCE_DATE_EPOCH) */
	int64_t latest_time;        /* seconds of the epoch */
	const char *const *exclude; /* paths below the tree that stay out, with all below; NULL at
				       the end; NULL: none. Mount points made by rung, for one */
};

/** Members come in the order of their names, so equal trees make equal archives. Tells a story. */
[[nodiscard]] int layer_pack_start(const struct layer_pack *pack, struct layer_job *ret_job);
[[nodiscard]] int layer_pack_wait(struct layer_job *job, struct layer_report *ret_report);
[[nodiscard]] int layer_pack(const struct layer_pack *pack, struct layer_report *ret_report);

/* ---- decode, encode: only the compression ----------------------------------------------- */

/** Compressed bytes → plain bytes, both hashed; output_fd may be -1. */
[[nodiscard]] int layer_decode(int input_fd, int output_fd, struct layer_report *ret_report);

/** Plain bytes → compressed ones, both hashed (a push that wants gzip of a plain blob). */
[[nodiscard]] int layer_encode(int input_fd, int output_fd, enum layer_compression compression,
	int level, struct layer_report *ret_report);

/* ---- extract, archive: plain tar in and out (cp, export, import, volumes) ---------------- */

struct layer_extract {
	int input_fd; /* tar, also compressed */
	int tree_fd;  /* the root that no member leaves */
	/*
	 * The directory below it where members go, its links resolved inside the tree; made if
	 * missing. NULL: the tree itself.
	 */
	const char *directory;
	bool has_owner; /* all members belong to these instead of their own */
	uid_t uid;
	gid_t gid;
	bool keep_kinds; /* -EISDIR or -ENOTDIR where a directory would replace another kind or the
			    other way round (docker cp); false: the member wins */
	unsigned strip;  /* so many leading components are taken off names (--strip-components) */
	/*
	 * Whose ids are in the archive and in the tree. The usual is what rung's own trees want: an
	 * ordinary user's subordinate ids. A user namespace's descriptor joins that one instead
	 * (a running container's). -1 or 0: the usual.
	 */
	int user_namespace_fd;
};

/** Members replace what is there; whiteouts are ordinary names here. Tells a story. */
[[nodiscard]] int layer_extract_start(const struct layer_extract *, struct layer_job *ret_job);
[[nodiscard]] int layer_extract_wait(struct layer_job *job, struct layer_report *ret_report);
[[nodiscard]] int layer_extract(const struct layer_extract *, struct layer_report *ret_report);

struct layer_archive {
	int tree_fd;      /* the root that no link leaves */
	const char *path; /* what to archive, resolved inside the tree; NULL: all of it */
	/*
	 * The name that it gets, members below it follow; NULL: its own last component ("." for the
	 * tree itself, whose members are "a", not "./a"; a trailing "/." of path archives the
	 * contents too).
	 */
	const char *name;
	bool follow; /* path may be a link, and stands for what it leads to (docker cp -L) */
	int output_fd;
	enum layer_compression compression;
	int level;
	const char *const *exclude; /* as in layer_pack */
	int user_namespace_fd;      /* as in layer_extract */
};
[[nodiscard]] int layer_archive_start(const struct layer_archive *, struct layer_job *ret_job);
[[nodiscard]] int layer_archive_wait(struct layer_job *job, struct layer_report *ret_report);
[[nodiscard]] int layer_archive(const struct layer_archive *, struct layer_report *ret_report);

/* ---- split: an archive of images -------------------------------------------------------- */

struct layer_split {
	int input_fd;   /* docker-archive or oci-archive, also compressed; read once, as a stream */
	int members_fd; /* a directory: each file of the archive becomes one there, called "0", "1"…
			 */
	int trees_fd;   /* a directory: each file that is a layer is unpacked there too, as "0/tree"
			   …;   -1: nothing is unpacked */
};

struct layer_member {
	const char *name; /* in the archive, without leading "./": "manifest.json",
			     "blobs/sha256/…", "0a1b…/layer.tar" */
	const char *link; /* a link's target as a name in the archive (older docker save): look that
			     name up instead; all that follows is empty then */
	const char *file; /* the name in members_fd */
	const char
		*tree; /* "<file>/tree" in trees_fd if it is a layer that was unpacked, else NULL */
	struct layer_report
		report; /* diff_id: "" if it is no archive; digest, size: always there */
};

/**
 * Takes an archive of images apart. What is a layer is found out from its bytes (an archive within
 * the archive), because manifests may come last. Members of no use to anybody are there too: the
 * caller takes what the manifest names and removes the rest. Tells a story.
 */
[[nodiscard]] int layer_split(const struct layer_split *split, struct arena *arena,
	struct layer_member **ret_members, size_t *ret_count);

/* ---- removal -------------------------------------------------------------------------------- */

/**
 * Removes directory_fd/name and everything below it, also what belongs to an ordinary user's
 * subordinate ids (fs_remove_tree() in his user namespace). -ENOENT is success. Tells a story.
 */
[[nodiscard]] int layer_remove_tree(int directory_fd, const char *name);
