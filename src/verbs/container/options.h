// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The options of everything that makes a container: `run`, `create`, pods. A verb's options hold a
 * struct run_request, which these tables fill in place:
 *
 *	struct create_options {
 *		struct run_request request;
 *		...
 *	};
 *
 *	const struct verb verb_container_create = {
 *		...
 *		verb_options(create_options, container_options(create_options, request)),
 *		.defaults = &(const struct create_options){.request = RUN_REQUEST_DEFAULTS},
 *	};
 */

#include "cli/verb.h"
#include "engine/container/run.h"

extern const struct option process_wishes[], file_wishes[], life_wishes[], network_wishes[],
	namespace_wishes[], resource_wishes[], security_wishes[], health_wishes[], pull_wishes[];

/** The groups of options that fill member @member of struct @tag, a struct run_request. */
#define container_options(tag, member) \
	shared_options("The program", process_wishes, tag, member.process), \
		shared_options("Files and devices", file_wishes, tag, member.files), \
		shared_options("The container", life_wishes, tag, member.life), \
		shared_options("Network", network_wishes, tag, member.network), \
		shared_options("Namespaces and users", namespace_wishes, tag, member.namespaces), \
		shared_options("Limits", resource_wishes, tag, member.resources), \
		shared_options("Security", security_wishes, tag, member.security), \
		shared_options("Health", health_wishes, tag, member.health), \
		shared_options("Image", pull_wishes, tag, member.pull)

/** Which of the numbers of health_wishes were given. */
void container_note_health(const struct invocation *invocation, struct health_wishes *health);

/**
 * What is left to do when the parser is done: which numbers were given, lists in one word, files
 * of variables and labels, and from the arguments the image's name (NULL with --rootfs) and what
 * stands behind it. -EINVAL and the like with a story.
 */
[[nodiscard]] int container_options_read(
	const struct invocation *invocation, struct run_request *request);
