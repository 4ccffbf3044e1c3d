// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a container's monitor and those who are attached to it say to each other.
 *
 * The socket is SOCK_SEQPACKET: every message arrives whole or not at all, so neither side keeps
 * half a message, and a message that does not fit now is simply sent later. The first byte says
 * what the message is, the rest belongs to it. Numbers are in the machine's own order: both ends
 * are on this machine, and of one version within a container's life; the version is told anyway,
 * since a monitor may outlive the command that started it by years.
 *
 * A client first says what it wants (WIRE_ATTACH). The monitor answers WIRE_HELLO and from then on
 * sends what the program writes. Input goes in turns: the next WIRE_INPUT may be sent when the one
 * before was answered by WIRE_TAKEN, so that a program that does not read cannot keep the signals
 * behind its input from arriving. At the end it sends WIRE_EXIT, behind the last byte; the socket
 * itself is closed only when the container's end has been dealt with (its record, --rm), so that
 * the end of the stream tells a client that the name is free again.
 *
 * Both ends run as the same user, and who may connect may do anything to the container. What comes
 * in is checked all the same (wire_read()): a wrong message ends that connection and nothing else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 1

/** Bytes of the program's in one message. */
#define WIRE_DATA_MAX 32768

/** The whole of the longest message. */
#define WIRE_MESSAGE_MAX (WIRE_DATA_MAX + 1)

enum wire_kind {
	/* from the client */
	WIRE_ATTACH = 'a',    /* struct wire_attach: first, once */
	WIRE_INPUT = 'i',     /* bytes for the program's standard input */
	WIRE_INPUT_END = 'c', /* no more of them; no payload */
	WIRE_DETACH = 'd',    /* we leave; the program's input stays as it is; no payload */
	WIRE_RESIZE = 'r',    /* struct wire_size */
	WIRE_SIGNAL = 's',    /* int32_t: to the first process */
	/* from the monitor */
	WIRE_HELLO = 'h',   /* struct wire_hello */
	WIRE_TAKEN = 't',   /* the program has taken the last WIRE_INPUT; no payload */
	WIRE_OUTPUT = 'o',  /* bytes of its standard output, or of its terminal */
	WIRE_ERROR = 'e',   /* bytes of its standard error */
	WIRE_MESSAGE = 'm', /* text for the person: something about the streams went wrong */
	WIRE_EXIT = 'x',    /* int32_t: exit status, 128 + n for signal n */
};

/** What of the program a client wants. */
enum {
	WIRE_WANTS_INPUT = 1, /* it will send input */
	WIRE_WANTS_OUTPUT = 2,
	WIRE_WANTS_ERROR = 4,
	/*
	 * The foreground of `run`: the program waits as long as it takes until this client has
	 * read what was written, as it would in a pipe. Other clients are let go when they have
	 * not read for a while.
	 */
	WIRE_FOREGROUND = 8,
	/* It has a terminal: this is its size now. */
	WIRE_HAS_SIZE = 16,
};

struct wire_size {
	uint16_t rows, columns;
};

struct wire_attach {
	uint16_t version, wants;
	struct wire_size size;
};

struct wire_hello {
	uint16_t version;
	uint8_t terminal;   /* the program has one */
	uint8_t input_open; /* somebody's input would reach it */
};

/** A message that was taken apart; bytes point into what was read. */
struct wire_message {
	enum wire_kind kind;
	const unsigned char *bytes;
	size_t length;
	struct wire_attach attach;
	struct wire_hello hello;
	struct wire_size size;
	int32_t number; /* WIRE_SIGNAL, WIRE_EXIT */
};

/**
 * Takes a received message apart. -EBADMSG without a story: its kind is unknown, its length does
 * not fit, or a number is out of range. @from_client: which of the two kinds of sender it is.
 */
[[nodiscard]] int wire_read(
	const void *bytes, size_t length, bool from_client, struct wire_message *ret_message);

/**
 * Sends one message. 0; -EAGAIN: there is no room now and nothing was sent (only with a
 * non-blocking socket); -EPIPE or -ECONNRESET: the other side is gone. Tells no story.
 */
[[nodiscard]] int wire_send(int socket_fd, enum wire_kind kind, const void *bytes, size_t length);
