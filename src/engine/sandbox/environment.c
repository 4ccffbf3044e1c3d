// SPDX-License-Identifier: Apache-2.0

/*
 * Which variables a walled-in program knows: what tells language, terminal, user and paths. All
 * others stay outside, for tokens and passwords travel in them; env=NAME lets one in, env=* all.
 */

#include "engine/sandbox/compose.h"

#include <unistd.h>

static bool has_name(const char *variable, const char *name)
{
	size_t length = strlen(name);
	if (name[length - 1] == '*')
		return strncmp(variable, name, length - 1) == 0;
	return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

static bool is_harmless(const char *variable)
{
	static const char *const names[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM",
		"COLORTERM", "NO_COLOR", "LANG", "LANGUAGE", "LC_*", "TZ", "EDITOR", "VISUAL",
		"PAGER", "LESS", "LS_COLORS", "COLUMNS", "LINES", "XDG_CURRENT_DESKTOP",
		"XDG_SESSION_TYPE", "XDG_DATA_DIRS", "XDG_CONFIG_DIRS", "GTK_THEME",
		"QT_STYLE_OVERRIDE", "MANPATH", "INFOPATH"};
	for (size_t i = 0; i < array_length(names); i++)
		if (has_name(variable, names[i]))
			return true;
	return false;
}

/* The last word about it, if there is one. */
static bool is_let_in(const struct composing *composing, const char *variable)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	for (size_t i = permissions->count; i-- > 0;) {
		const struct permission *permission = &permissions->items[i];
		if (permission->kind == PERMISSION_ENV && has_name(variable, permission->value))
			return permission->answer == PERMISSION_ALLOW;
	}
	return is_harmless(variable);
}

static void set(struct strings *environment, const char *variable)
{
	size_t length = strcspn(variable, "=") + 1;
	for (size_t i = 0; i < environment->count; i++)
		if (strncmp(environment->items[i], variable, length) == 0) {
			environment->items[i] = variable;
			return;
		}
	environment->items[environment->count++] = variable;
}

struct strings compose_environment(struct composing *composing)
{
	const struct strings *given = &composing->wishes->environment;
	size_t count = 0;
	while (environ[count])
		count++;
	struct strings environment = {
		.items = arena_new(composing->arena, const char *,
			count + given->count + composing->variable_count + 4)};
	for (size_t i = 0; i < count; i++)
		if (is_let_in(composing, environ[i]))
			environment.items[environment.count++] = environ[i];
	if (composing->home)
		set(&environment, arena_format(composing->arena, "HOME=%s", composing->home));
	set(&environment, "container=rung-sandbox");
	set(&environment, arena_format(composing->arena, "XDG_RUNTIME_DIR=%s", composing->runtime));
	for (size_t i = 0; i < composing->variable_count; i++)
		set(&environment, composing->variables[i]);
	for (size_t i = 0; i < given->count; i++)
		set(&environment, given->items[i]);
	return environment;
}
