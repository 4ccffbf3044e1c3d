// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What those who start a monitor and the monitor itself (programs/monitor/main.c) agree on. */

#include <signal.h>

/**
 * To a monitor: the container is being removed, so its end need not be dealt with. It still sees
 * the end and tells its clients.
 */
#define MONITOR_END_QUIETLY SIGUSR1

/** Of every note of an exit status, "STATUS TIME", spaces and a newline: bytes. */
#define MONITOR_NOTE_LENGTH 64

/*
 * Its words, "NAME=VALUE", beside those of streams.h:
 *
 *	pidfd=N pid=N       the first process, its child
 *	exit=PATH           where it notes the exit status before anything else; the file is there
 *	                    and has the length of a note already, so that a full disk loses none
 *	timeout=SECONDS     then it kills the process (--timeout)
 *	rung=, id=, data=, state=  of streams.h are used for `rung __ended ID STATUS` too
 */
