// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Where rung keeps things, for the system's root and for everybody else. */

#include "base/arena.h"

#include <stdbool.h>

/**
 * Other places than the usual ones (--root, --state); absolute, kept and not copied, NULL: the
 * usual one. To be called before anything else of this header, and once.
 */
void places_choose(const char *data, const char *state);

/** The same as they were chosen, for those who start another rung; NULL: the usual one. */
const char *places_chosen_data(void);
const char *places_chosen_state(void);

/**
 * True for a root to whom /run and /var/lib belong. Not for root of a mere user namespace
 * (`podman unshare`), who is a stranger to the host's directories.
 */
bool places_of_system(void);

/**
 * Where to keep what is gone with the machine: /run/rung/<part> or $XDG_RUNTIME_DIR/rung/<part>;
 * without such a directory one in /tmp, unless somebody else has taken that name.
 */
const char *places_state(const char *part, struct arena *arena);

/** Where to keep what lasts: /var/lib/rung, $XDG_DATA_HOME/rung or ~/.local/share/rung. */
const char *places_data(struct arena *arena);

/** $HOME if it is a directory of the caller's own, else NULL. */
const char *places_home(void);

/**
 * What of the environment a later rung needs to find the same places, helpers and buses (HOME,
 * PATH, XDG_*, DBUS_*), for processes that outlive the command that made them: its other variables
 * may be secrets. Ends with NULL, in the arena.
 */
char **places_environment(struct arena *arena);

/**
 * The file of one of rung's own programs ("rung-layer"): beside the running program, in the tree
 * where it was built, or in ../libexec/rung of where it is installed. NULL if there is none.
 */
const char *programs_find(const char *name, struct arena *arena);

/**
 * A directory of rung's data ("profiles"): in the tree where the running program was built, in
 * ../share/rung of where it is installed, or in data/ beside its directory. NULL if there is none.
 */
const char *data_find(const char *name, struct arena *arena);
