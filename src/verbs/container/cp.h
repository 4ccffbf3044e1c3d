// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The two ends of `rung cp`. */

#include "cli/verb.h"
#include "engine/instance/tree.h"
#include "verbs/dialogue.h"

struct cp_place {
	const char *container; /* its name; NULL: the host */
	const char *path;      /* as typed; on the host absolute */
	bool is_stream;        /* "-" */
	bool ends_in_slash;    /* it has to be a directory */
	bool contents;         /* "/." at the end: what is in it */

	/* Filled by cp_place_open(). */
	struct instance instance;
	struct instance_tree tree;
	int root_fd;
	bool owns_root, is_shared; /* the other place's */
};

#define CP_PLACE_NONE \
	{ \
		.tree = INSTANCE_TREE_NONE, .root_fd = -1 \
	}

/** copy() came to nothing, and the other process has said why. */
#define CP_TOLD 1000

/** "C:PATH", "PATH", "-"; nothing is opened. Tells a story. */
[[nodiscard]] int cp_place_read(const char *word, struct arena *arena, struct cp_place *ret_place);

/** Goes there; for good, where it is an ordinary user's container. Tells a story. */
[[nodiscard]] int cp_place_open(struct cp_place *place, struct arena *arena);
void cp_place_fini(struct cp_place *place);

struct cp_source {
	bool is_directory, contents;
	bool is_archive;  /* a tar of unknown contents */
	const char *name; /* last component; "root" for "/" */
};

/** -ENOENT with a story. @follow: a link stands for what it leads to. */
[[nodiscard]] int cp_look_at_source(const struct cp_place *place, bool follow, struct arena *arena,
	struct cp_source *ret_source);

/** Where members go, and what the archive's first one is called. */
struct cp_target {
	const char *directory; /* in the place's tree */
	const char *name;      /* "." for contents */
};

[[nodiscard]] int cp_find_target(const struct cp_place *place, const struct cp_source *source,
	struct arena *arena, struct cp_target *ret_target);

/** The user that the container's program runs as; 0 where that is not known. */
void cp_container_user(const struct cp_place *place, uid_t *ret_uid, gid_t *ret_gid);
