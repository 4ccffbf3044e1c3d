// SPDX-License-Identifier: Apache-2.0

/*
 * Who keeps credentials: the auth files, unless registries.conf names credential-helpers. Those are
 * then asked in their order, the files in the place where "containers-auth.json" stands among them.
 * A file that was named on the command line or in $REGISTRY_AUTH_FILE is the only keeper.
 */

#include "base/text.h"
#include "engine/registry/auth.h"

#include <stdlib.h>

#define FILES "containers-auth.json"

static bool files_alone(const struct strings *helpers, const char *authfile)
{
	return helpers->count == 0 || !text_empty(authfile) ||
	       !text_empty(getenv("REGISTRY_AUTH_FILE"));
}

int auth_ask(const struct strings *helpers, const char *authfile, const char *registry,
	const char *repository, struct arena *arena, struct auth *ret)
{
	if (files_alone(helpers, authfile))
		return auth_find(authfile, registry, repository, arena, ret);
	*ret = (struct auth){};
	for (size_t i = 0; i < helpers->count; i++) {
		const char *helper = helpers->items[i];
		int r = text_equal(helper, FILES)
				? auth_find(NULL, registry, repository, arena, ret)
				: auth_helper_get(helper, registry, arena, ret);
		if (r != 0)
			return r;
	}
	return 0;
}

int auth_keep(const struct strings *helpers, const char *authfile, const char *registry,
	const struct auth *auth, struct arena *arena, const char **ret_keeper)
{
	bool files = files_alone(helpers, authfile) || text_equal(helpers->items[0], FILES);
	const char *keeper = files ? auth_file_for_writing(authfile, arena) : helpers->items[0];
	int r = files ? auth_store(keeper, registry, auth, arena)
		      : auth_helper_store(keeper, registry, auth, arena);
	if (r < 0)
		return r;
	*ret_keeper = keeper;
	return 0;
}

int auth_forget(const struct strings *helpers, const char *authfile, const char *registry,
	struct arena *arena)
{
	int gone = 0;
	if (files_alone(helpers, authfile))
		return auth_erase(auth_file_for_writing(authfile, arena), registry, arena);
	for (size_t i = 0; i < helpers->count; i++) {
		const char *helper = helpers->items[i];
		int r = text_equal(helper, FILES)
				? auth_erase(auth_file_for_writing(NULL, arena), registry, arena)
				: auth_helper_erase(helper, registry, arena);
		if (r < 0)
			return r;
		gone |= r;
	}
	return gone;
}
