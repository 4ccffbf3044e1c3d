// SPDX-License-Identifier: Apache-2.0

/* `rung login` and `rung logout`: ask the registry, then keep or forget. */

#include "engine/registry/login.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/registry/registries.h"
#include "verbs/registry/common.h"
#include "verbs/verbs.h"

#include <stdio.h>

#define PASSWORD_MAX ((size_t)64 << 10) /* some are tokens */

struct login_options {
	const char *username, *password, *authfile, *compat_file, *cert_dir;
	bool password_stdin, get_login, tls_verify, verbose;
};

static const struct option login_options[] = {
	{"-u, --username=NAME", "the user", text_in(login_options, username)},
	{"-p, --password=PASSWORD", "the password; others can see it: better --password-stdin",
		text_in(login_options, password), .conflicts = "--password-stdin"},
	{"--password-stdin", "read the password from standard input",
		flag_in(login_options, password_stdin)},
	{"--get-login", "print who is logged in", flag_in(login_options, get_login)},
	{"--authfile=FILE", "keep the credentials in FILE", text_in(login_options, authfile)},
	{"--compat-auth-file=FILE", "keep them in FILE, a config.json of Docker's",
		text_in(login_options, compat_file), .conflicts = "--authfile"},
	{"--cert-dir=DIR", "authorities (*.crt) and client certificates (*.cert, *.key)",
		text_in(login_options, cert_dir)},
	{"--tls-verify", "verify the registry's certificate, and speak only TLS",
		flag_in(login_options, tls_verify), .fallback = "registries.conf"},
	{"-v, --verbose", "tell which file was written", flag_in(login_options, verbose)},
	{},
};

static int read_password(struct arena *arena, const char **ret_password)
{
	autofree char *text = NULL;
	int r = fs_read_fd(STDIN_FILENO, PASSWORD_MAX, &text, NULL);
	if (r < 0)
		return fail(r, "read the password");
	text[strcspn(text, "\r\n")] = '\0';
	*ret_password = arena_strdup(arena, text);
	return 0;
}

/* What is missing of name and password is asked for. */
static int complete(const struct login_options *options, struct arena *arena, struct auth *auth)
{
	int r = 0;
	auth->username = options->username;
	auth->password = options->password;
	if (!auth->username && !options->password_stdin)
		r = remote_ask("Username: ", false, arena, &auth->username);
	if (r < 0) {
		hint("give --username and --password-stdin");
		return r;
	}
	if (text_empty(auth->username))
		return refuse(-EINVAL, "a username is needed");
	if (strchr(auth->username, ':'))
		return refuse(-EINVAL, "a username cannot hold a \":\"");
	if (options->password_stdin)
		r = read_password(arena, &auth->password);
	else if (!auth->password)
		r = remote_ask("Password: ", true, arena, &auth->password);
	if (r < 0)
		hint("give the password on standard input, with --password-stdin");
	return r;
}

/* "https://quay.io/" and "quay.io/team/": people paste addresses. */
static const char *registry_of(
	const struct invocation *invocation, const struct registries *registries)
{
	const char *word = invocation->arguments[0];
	struct arena *arena = invocation->arena;
	if (!word)
		return remote_as_docker(invocation) ? REFERENCE_DOCKER_HUB
						    : registries->search.items[0];
	return auth_key(word, arena);
}

static int store_login(const struct invocation *invocation, const struct registries *registries,
	const char *registry, const struct auth *auth)
{
	const struct login_options *options = options_of(invocation, login_options);
	struct arena *arena = invocation->arena;
	const char *given = options->compat_file ? options->compat_file : options->authfile;
	bool hub = text_equal(registry, REFERENCE_DOCKER_HUB);
	const char *key = hub && options->compat_file ? AUTH_HUB_KEY : registry, *keeper = NULL;
	int r = auth_keep(&registries->credential_helpers, given, key, auth, arena, &keeper);
	if (r >= 0 && options->verbose)
		printf("Used:  %s\n", keeper);
	return r;
}

static int get_login(const struct registries *registries, const char *registry,
	const struct login_options *options, struct arena *arena)
{
	struct auth auth;
	int r = auth_ask(
		&registries->credential_helpers, options->authfile, registry, NULL, arena, &auth);
	if (r < 0)
		return r;
	if (!auth.username)
		return refuse(-ENOENT, "not logged into %s", registry);
	printf("%s\n", auth.username);
	return 0;
}

/* The registry is asked with its host alone; "quay.io/team" only names who may use the password. */
static int check(const struct invocation *invocation, const char *registry, const struct auth *auth)
{
	const struct login_options *options = options_of(invocation, login_options);
	struct registry_options registry_options = REGISTRY_OPTIONS_DEFAULT;
	registry_options.authfile = options->authfile;
	registry_options.cert_dir = options->cert_dir;
	if (option_given(invocation, &options->tls_verify))
		registry_options.tls_verify = options->tls_verify;
	const char *host = arena_strndup(invocation->arena, registry, strcspn(registry, "/"));
	return registry_check_login(host, auth, &registry_options, invocation->arena);
}

static int run(struct invocation *invocation)
{
	const struct login_options *options = options_of(invocation, login_options);
	struct arena *arena = invocation->arena;
	struct registries registries;
	struct auth auth = {}, known = {};
	int r = registries_load(arena, &registries);
	if (r < 0)
		return r;
	const char *registry = registry_of(invocation, &registries);
	if (options->get_login)
		return get_login(&registries, registry, options, arena);
	if (options->password_stdin && !options->username)
		return usage_error(invocation, "--password-stdin needs --username");
	if (options->password)
		fprintf(stderr, "rung: warning: --password can be seen by others in the list of "
				"processes; --password-stdin cannot\n");
	if (!options->username && !options->password) {
		r = auth_ask(&registries.credential_helpers, options->authfile, registry, NULL,
			arena, &known);
		if (r >= 0 && known.username && check(invocation, registry, &known) >= 0) {
			printf("Existing credentials are valid. Already logged in to %s\n",
				registry);
			return 0;
		}
		error_clear();
	}
	r = complete(options, arena, &auth);
	if (r >= 0)
		r = check(invocation, registry, &auth);
	if (r >= 0)
		r = store_login(invocation, &registries, registry, &auth);
	if (r < 0)
		return r;
	printf(remote_as_docker(invocation) ? "Login Succeeded\n" : "Login Succeeded!\n");
	return 0;
}

const struct verb verb_login = {
	.name = "login",
	.summary = "keep credentials of a registry",
	.arguments = "[REGISTRY]",
	verb_options(login_options),
	.defaults = &(const struct login_options){.tls_verify = true},
	.run = run,
	.description =
		"Asks the registry whether the name and the password are good, and keeps them in "
		"${XDG_RUNTIME_DIR}/containers/auth.json, which Podman, Buildah and skopeo read "
		"too, "
		"or with the credential helper that the file names. REGISTRY may name a part of "
		"one, "
		"as quay.io/team.",
	.examples = "In a script\n$ rung login -u joe --password-stdin quay.io <password\n"
		    "Who am I there?\n$ rung login --get-login quay.io\n",
};

struct logout_options {
	bool all;
	const char *authfile, *compat_file;
};

static const struct option logout_options[] = {
	{"-a, --all", "forget all registries", flag_in(logout_options, all)},
	{"--authfile=FILE", "the credentials are in FILE", text_in(logout_options, authfile)},
	{"--compat-auth-file=FILE", "they are in FILE, a config.json of Docker's",
		text_in(logout_options, compat_file), .conflicts = "--authfile"},
	{},
};

static int run_logout(struct invocation *invocation)
{
	const struct logout_options *options = options_of(invocation, logout_options);
	struct arena *arena = invocation->arena;
	struct registries registries;
	struct auth auth;
	const char *given = options->compat_file ? options->compat_file : options->authfile;
	const char *file = auth_file_for_writing(given, arena);
	if (options->all && invocation->arguments[0])
		return usage_error(invocation, "--all takes no registry");
	int r = registries_load(arena, &registries);
	if (r < 0)
		return r;
	const struct strings *helpers = &registries.credential_helpers;
	if (options->all) {
		r = auth_forget(helpers, given, NULL, arena);
		if (r >= 0)
			printf("Removed login credentials for all registries\n");
		return r < 0 ? r : 0;
	}
	const char *registry = registry_of(invocation, &registries);
	r = auth_forget(helpers, given, registry, arena);
	if (r < 0)
		return r;
	if (r > 0) {
		printf("Removed login credentials for %s\n", registry);
		return 0;
	}
	r = auth_find(given, registry, NULL, arena, &auth);
	if (r < 0)
		return r;
	if (auth.username)
		return refuse(-ENOENT,
			"not logged into %s with %s, but another file holds credentials of it",
			registry, file);
	return refuse(-ENOENT, "not logged into %s", registry);
}

const struct verb verb_logout = {
	.name = "logout",
	.summary = "forget credentials of a registry",
	.arguments = "[REGISTRY]",
	verb_options(logout_options),
	.run = run_logout,
};
