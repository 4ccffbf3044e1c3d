// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Copies of files by descriptor and one name, with everything that belongs to them: holes, mode,
 * owner, extended attributes, times. Shared blocks (FICLONE) where the file system can, else copied
 * in the kernel. No link is followed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum copy_manner {
	COPY_PLAIN,  /* no overlay attributes, no setuid, setgid or capabilities of programs */
	COPY_SETUID, /* as above, with the latter */
	COPY_EXACT,  /* all; whiteouts and sockets as well */
};

/**
 * One file, link, FIFO (exactly: whiteout, socket) to a name that is not there; half of one is
 * removed again. -EXDEV for what is none of these. Tells no story.
 */
[[nodiscard]] int copy_entry(int from_fd, const char *from, int to_fd, const char *to,
	enum copy_manner manner, struct stat *ret_about);

/** Mode, owner and extended attributes of a directory, its times too; also takes away extended
 * attributes that @from has not. Tells no story. */
[[nodiscard]] int copy_directory_attributes(
	int from_fd, const char *from, int to_fd, const char *to, enum copy_manner manner);

/** A directory with all that is in it, to a name that is not there. Tells a story. */
[[nodiscard]] int copy_tree(
	int from_fd, const char *from, int to_fd, const char *to, enum copy_manner manner);

/** Whether copying plainly would lose something: setuid, setgid, capabilities of a program. */
bool copy_has_privileges(int directory_fd, const char *name, const struct stat *about);

/** Removes the overlay's attributes. Tells no story. */
[[nodiscard]] int copy_strip_overlay(int directory_fd, const char *name);
