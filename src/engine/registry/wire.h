// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The wire between rung and rung-fetch: a stream socket of frames, each a JSON document with up to
 * two descriptors. The program is compiled from the same file, so both ends are of one version.
 *
 * rung → rung-fetch
 *	{"endpoint":0,"host":"127.0.0.1:5000","insecure":true,"ca":PEM,"certificate":PEM,"key":PEM,
 *	 "username":…,"password":…,"identity_token":…,"registry_token":…,"retries":3}
 *		a registry and how to speak with it; all but the first two may be missing
 *	{"request":7,"endpoint":0,"method":"GET","path":"/v2/…","scope":"repository:a:pull",
 *	 "headers":["Accept: …"],"offset":0,"limit":4194304,"retry":true,
 *	 "output":true,"input":true,"input_offset":0,"input_length":0}
 *		a request; path may be a whole URL. The descriptors follow in the order output,
 *input. Bytes before offset are left out of the output (HTTP Range, or by dropping them).
 *
 * rung-fetch → rung
 *	{"request":7,"done":1048576}                                how far it is
 *	{"request":7,"end":true,"status":200,"done":N,"retry_after":N,"headers":{…},"body":…}
 *		retry_after: the seconds that the registry wants to be left alone;
 *		body: the beginning of what an answer that is no success said
 *	{"request":7,"end":true,"errno":111,"error":"…"}            no answer could be had
 */

#include "base/text.h"

#include <stddef.h>

#define WIRE_FDS 2
#define WIRE_FRAME_MAX ((size_t)16 << 20)

struct fetch_wire_frame {
	char *text; /* NUL-terminated; the caller's to free */
	size_t length;
	int fds[WIRE_FDS]; /* the caller's to close; -1: none */
	size_t fd_count;
};
void fetch_wire_frame_fini(struct fetch_wire_frame *frame);

/** Sends a frame; blocks. -EPIPE when the other end is gone. Tells no story. */
[[nodiscard]] int fetch_wire_send(
	int socket, const struct text *document, const int *fds, size_t count);

/** Receives one: 1; 0 at the end of the stream. -EPROTO for what is no frame. Tells no story. */
[[nodiscard]] int fetch_wire_receive(int socket, struct fetch_wire_frame *ret_frame);
