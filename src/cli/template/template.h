// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Templates as users of Docker and Podman write them for --format: a subset of
 * Go's text/template on JSON.
 *
 *	{{.ID}}\t{{join .Names ", "}}
 *	{{range $i, $m := .Mounts}}{{if $i}}, {{end}}{{$m.Target}}{{end}}
 *
 * Understood: fields, variables, pipelines, parentheses, strings and numbers;
 * if, else if, else, range, with, break, continue, end; {{/ * comments * /}};
 * {{- trimming -}}; and or not eq ne lt le gt ge index slice len print printf
 * println, and Docker's json join split lower upper title pad truncate;
 * {{.Label "name"}}, a member of a map.
 * Not understood: define, template and block, for a format has one page.
 *
 * A template comes from the person, so the errors say where in it; it runs on our
 * data, but within limits, so that a slip does not fill the memory.
 */

#include "base/arena.h"
#include "base/text.h"
#include "plan/json.h"

struct template;

/** Reads a template into the arena; source must live as long. 0 or -EINVAL with a story. */
[[nodiscard]] int template_parse(
	struct arena *arena, const char *source, const struct template **ret_template);

/**
 * Adds what the template makes of data. A field of data itself that does not
 * exist is an error; deeper ones print "<no value>", because what lies deeper is often a
 * map with free keys, such as labels. 0 or -EINVAL with a story; out may then hold a part.
 */
[[nodiscard]] int template_print(
	const struct template *template, const struct json_value *data, struct text *out);

/**
 * The same for the heading of a table: headings maps fields of data to their titles. A field
 * without a title gets its own name in capitals ("RunningFor": "RUNNING FOR"), and
 * Docker's functions leave titles as they are.
 */
[[nodiscard]] int template_print_heading(
	const struct template *template, const struct json_value *headings, struct text *out);
