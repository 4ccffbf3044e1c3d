"""A small Internet in a network namespace of its own: argument 1 is a directory for its files. Says "ready", ends with its input.

10.77.0.1 and fd77::1 are its machines (127.0.0.1 is the host's own loopback): port 8000 greets with the address it was reached
at, then echoes, and says "end" at the end of data; 8001 echoes datagrams; 8002 resets whoever says something; 8003 speaks HTTP.
A name server at 127.0.0.1 writes each name that it is asked for into the file "asked".
"""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

HERE = pathlib.Path(sys.argv[1])
MACHINES = [(socket.AF_INET, "10.77.0.1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "fd77::1")]
A, TXT, AAAA = 1, 16, 28
HOSTS = "127.0.0.1 localhost\n10.77.0.1 file.test\n"
NAMES = {
    ("dns.test", A): ["10.77.0.1"], ("a.b.wild.test", A): ["10.77.0.1"], ("wild.test", A): ["10.77.0.1"],
    ("six.test", AAAA): ["fd77::1"], ("second.test", A): ["10.77.0.9", "10.77.0.1"],
    ("loop.test", A): ["127.0.0.1"], ("zero.test", A): ["0.0.0.0"], ("meta.test", A): ["169.254.169.254"],
    ("mapped.test", AAAA): ["::ffff:127.0.0.1"], ("loop6.test", AAAA): ["::1"], ("text.test", TXT): ["hello"],
}


def threaded(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


# ---- names -----------------------------------------------------------------------------------------------------------


def encode(kind, value):
    if kind == TXT:
        return bytes([len(value)]) + value.encode()
    return socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, value)


def answer(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    name, kind = ".".join(labels), struct.unpack_from(">H", query, at + 1)[0]
    with open(HERE / "asked", "a", encoding="ascii") as log:
        log.write(f"{name}\n")
    records = NAMES.get((name, kind), [])
    known = any(one == name for one, _ in NAMES)
    body = b"".join(struct.pack(">HHHLH", 0xc00c, kind, 1, 60, len(data)) + data for data in (encode(kind, r) for r in records))
    extra = struct.pack(">HHHLH", 0xc00c, A, 1, 60, 4) + b"\x0a\x4d\x00\x01"  # an address that nobody asked for
    flags = 0x8180 | (0 if known else 3)
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 1) + query[12:at + 5] + body + extra


def name_server():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 53))
    while True:
        query, who = one.recvfrom(4096)
        one.sendto(answer(query), who)


# ---- machines ----------------------------------------------------------------------------------------------------------


def greet(one, address):
    one.sendall(address.encode() + b"\n")
    while data := one.recv(65536):
        one.sendall(data)
    one.sendall(b"end\n")
    one.close()


def reply(one, address):
    request = b""
    while b"\r\n\r\n" not in request:
        request += one.recv(4096)
    one.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + address.encode() + b"\n")
    one.close()


def reset(one, _):
    one.recv(1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def quietly(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        pass


def accept(listener, serve, address):
    while True:
        one, _ = listener.accept()
        threaded(quietly, serve, one, address)


def echo(one):
    while True:
        data, who = one.recvfrom(65536)
        one.sendto(data, who)


def open_machine(family, address):
    for port, serve in ((8000, greet), (8002, reset), (8003, reply)):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(4096)
        threaded(accept, listener, serve, address)
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.bind((address, 8001))
    threaded(echo, one)


def cover(path, text):
    mine = HERE / path.replace("/", "-")
    mine.write_text(text)
    subprocess.run(["mount", "--bind", mine, os.path.realpath(path)], check=True)


def main():
    for words in (["link", "set", "lo", "up"], ["addr", "add", "10.77.0.1/32", "dev", "lo"],
                  ["addr", "add", "fd77::1/128", "dev", "lo", "nodad"]):
        subprocess.run(["ip", *words], check=True)
    cover("/etc/hosts", HOSTS)
    cover("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    (HERE / "asked").write_text("")
    threading.stack_size(256 * 1024)
    for family, address in MACHINES:
        open_machine(family, address)
    threaded(name_server)
    print("ready", flush=True)
    sys.stdin.read()


main()
