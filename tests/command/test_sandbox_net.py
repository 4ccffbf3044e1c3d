"""`net`, `net=HOST[:PORT]`, `listen=PORT`: who can be reached by programs that know nothing of permissions, and who can not."""

import pathlib
import shutil
import subprocess
import textwrap

import pytest
from conftest import LIVE, ROOT, only_rung
from sandboxes import Sandbox, sandbox  # noqa: F401
from test_sandbox_ask import FrontEnd

pytestmark = only_rung
PYTHON = "/usr/bin/python3"

# What programs inside have to hand: exit status 0 and one line, or the name of the error.
TOOLS = """
import errno, hashlib, os, socket, struct, sys, threading
def say(*words): print(*words, flush=True)
def dial(host, port, family=0, kind=socket.SOCK_STREAM):
    last = None
    for family, kind, _, _, name in socket.getaddrinfo(host, port, family, kind):
        one = socket.socket(family, kind); one.settimeout(40)
        try:
            one.connect(name); return one
        except OSError as error:
            one.close(); last = error
    raise last
def line(one):
    data = b""
    while not data.endswith(b"\\n"):
        more = one.recv(1)
        if not more: break
        data += more
    return data.decode().strip()
def greeting(host, port=8000, family=0): return line(dial(host, port, family))
def echo(host, text=b"datagram", port=8001, family=0):
    one = dial(host, port, family, socket.SOCK_DGRAM)
    one.send(text)
    return one.recv(65536)
def attempt(function, *arguments):
    try: return function(*arguments)
    except socket.gaierror as error: return "no name"
    except OSError as error: return errno.errorcode.get(error.errno, str(error))
"""


class Behind(Sandbox):
    """A sandbox whose host is the small Internet of net_world.py."""

    def __init__(self, work, pid):
        self.enter = ["nsenter", "-t", str(pid), *([] if ROOT else ["-U", "--preserve-credentials"]), "-n", "-m", "--"]
        super().__init__(work)

    def words(self, *words):
        return [*self.enter, *super().words(*words)]

    def python(self, script, *grants, **more):
        options = [word for grant in grants for word in ("--allow", grant)]
        return self(*options, "--", PYTHON, "-c", TOOLS + textwrap.dedent(script), **more)

    def says(self, script, *grants):
        result = self.python(script, *grants)
        assert result.status == 0, result
        return result.output.strip()

    def outside(self, script):
        done = subprocess.run([*self.enter, PYTHON, "-c", TOOLS + textwrap.dedent(script)], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def world(sandbox):  # noqa: F811
    place = sandbox.work / "world"
    place.mkdir()
    script = pathlib.Path(__file__).parent / "net_world.py"
    process = subprocess.Popen(["unshare", *([] if ROOT else ["--user", "--map-root-user"]), "--net", "--mount", PYTHON,
                                script, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    LIVE[process.pid] = process
    if process.stdout.readline() != b"ready\n":
        errors = process.communicate(timeout=20)[1].decode()
        pytest.skip(f"no network namespace to be had: {errors.strip()[-200:]}")
    inner = sandbox.work / "inner"
    inner.mkdir()
    one = Behind(inner, process.pid)
    one.asked = lambda: (place / "asked").read_text().split()
    yield one
    for pid, other in list(LIVE.items()):
        if other is not process:
            other.kill()
            other.wait()
            LIVE.pop(pid, None)
    process.communicate(timeout=20)
    LIVE.pop(process.pid, None)


# ---- names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grant, host, expected", [
    ("net=file.test", "file.test", "10.77.0.1"),            # the host's hosts file
    ("net=dns.test", "dns.test", "10.77.0.1"),              # its name server
    ("net=DNS.Test:8000", "dns.test", "10.77.0.1"),
    ("net=six.test", "six.test", "fd77::1"),
    ("net=*.wild.test", "a.b.wild.test", "10.77.0.1"),
    ("net=second.test", "second.test", "10.77.0.1"),        # its first address does not answer
    ("net=10.77.0.1", "10.77.0.1", "10.77.0.1"),
    ("net=10.77.0.0/24:8000", "10.77.0.1", "10.77.0.1"),
    ("net=[fd77::1]:8000", "fd77::1", "fd77::1"),
    ("net=fd77::/64", "fd77::1", "fd77::1"),
    ("net=10.77.0.1", "::ffff:10.77.0.1", "10.77.0.1"),     # an IPv4 address in IPv6's clothes
    ("net", "dns.test", "10.77.0.1"),
    ("net", "fd77::1", "fd77::1"),
])
def test_reached(world, grant, host, expected):
    assert world.says(f"say(greeting('{host}'))", grant) == expected


def test_either_family_leads_to_a_name(world):
    script = "say(greeting('{0}', family=socket.AF_INET), greeting('{0}', family=socket.AF_INET6))"
    assert world.says(script.format("dns.test"), "net=dns.test") == "10.77.0.1 10.77.0.1"
    assert world.says(script.format("six.test"), "net=six.test") == "fd77::1 fd77::1"


@pytest.mark.parametrize("grant, host", [
    ("net=dns.test", "six.test"), ("net=dns.test", "10.77.0.1"),  # the address of a granted name is not granted
    ("net=dns.test", "a.dns.test"), ("net=*.wild.test", "wild.test"), ("net=dns.test:8001", "dns.test"),
    ("net=10.77.0.1", "dns.test"), ("net=10.77.0.1", "fd77::1"), ("net=10.77.0.0/29", "10.77.0.9"),
    ("net=fd77::1", "10.77.0.1"), ("net=10.77.0.1", "198.18.1.77"),
])
def test_refused(world, grant, host):
    assert world.says(f"say(attempt(greeting, '{host}'))", grant) == "ECONNREFUSED"


def test_a_later_denial_holds(world):
    result = world("--allow", "net", "--deny", "net=dns.test", "--", PYTHON, "-c",
                   TOOLS + "say(attempt(greeting, 'dns.test'), attempt(greeting, 'file.test'))")
    assert result.output.strip() == "ECONNREFUSED 10.77.0.1", result


def test_nothing_without_a_grant(world):
    assert world.says("say(attempt(greeting, '10.77.0.1'), attempt(greeting, 'dns.test'))") == "ENETUNREACH no name"


def test_names_that_are_not_granted_are_not_asked_for(world):
    """A query is a letter to whoever serves the name."""
    script = """
        for name in ("secret.evil.test", "evil.test", "dns.test"): attempt(greeting, name)
        attempt(greeting, "a" * 60 + ".evil.test")
    """
    world.says(script, "net=dns.test")
    assert set(world.asked()) == {"dns.test"}


def test_no_such_name(world):
    assert world.says("say(attempt(greeting, 'nobody.test'))", "net") == "no name"


# ---- rebinding: nobody's name leads inward ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loop.test", "zero.test", "meta.test", "mapped.test", "loop6.test"])
def test_a_name_that_leads_inward(world, name):
    for grant in (f"net={name}", "net"):
        assert world.says(f"say(attempt(greeting, '{name}'))", grant) == "EHOSTUNREACH"


def test_inward_addresses_must_be_written_out(world):
    script = """
        for host in ("169.254.169.254", "198.18.0.1", "0.0.0.0", "127.0.0.1", "::1", "::ffff:127.0.0.1", "fd72:756e:6700::1"):
            say(attempt(greeting, host))
    """
    assert set(world.says(script, "net").split()) == {"ECONNREFUSED"}
    assert set(world.says(script, "net=0.0.0.0/0", "net=::/0").split()) == {"ECONNREFUSED"}


def test_the_hosts_loopback_when_named(world):
    """The port of loopback is the host's then; all others stay the sandbox's own."""
    script = """
        own = socket.create_server(("127.0.0.1", 8002))
        peer = dial("127.0.0.1", 8002)
        own.accept()[0].sendall(b"inside\\n")
        say(greeting("localhost"), greeting("127.0.0.1"), greeting("198.18.0.1"), line(peer))
    """
    assert world.says(script, "net=localhost:8000") == "127.0.0.1 127.0.0.1 127.0.0.1 inside"
    assert world.says("say(echo('127.0.0.1').decode())", "net=127.0.0.1:8001") == "datagram"


def test_loopback_stays_inside(world):
    script = """
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "198.18.0.2")):
            own = socket.create_server((address, 8000), family=family)
            peer = dial(address, 8000)
            own.accept()[0].sendall(b"inside\\n")
            say(line(peer))
            own.close()
    """
    assert world.says(script, "net").split() == ["inside"] * 3


# ---- connections ------------------------------------------------------------------------------------------------------------------


def test_errors_are_the_hosts(world):
    script = "say(attempt(greeting, 'dns.test', 9), attempt(greeting, '10.77.0.1', 9), attempt(greeting, '10.99.0.1', 8000))"
    assert world.says(script, "net").split() == ["ECONNREFUSED", "ECONNREFUSED", "ENETUNREACH"]


def test_half_closed(world):
    script = """
        one = dial("dns.test", 8000)
        one.sendall(b"last words"); one.shutdown(socket.SHUT_WR)
        data = b""
        while more := one.recv(100): data += more
        say(data.decode().split())
    """
    assert world.says(script, "net=dns.test") == "['10.77.0.1', 'last', 'wordsend']"


def test_resets_pass(world):
    script = """
        one = dial("dns.test", 8002)
        one.sendall(b"x")
        say(attempt(one.recv, 1))
    """
    assert world.says(script, "net=dns.test") == "ECONNRESET"


def test_much_to_a_slow_reader(world):
    """Both ways at once, much more than any buffer on the way; nothing is lost, doubled or swapped."""
    script = """
        one = dial("dns.test", 8000); line(one)
        block = bytes(range(256)) * 4096
        sent = hashlib.sha256(); came = hashlib.sha256(); count = 0
        def send():
            for number in range(24):
                piece = struct.pack(">Q", number) + block
                sent.update(piece); one.sendall(piece)
            one.shutdown(socket.SHUT_WR)
        writer = threading.Thread(target=send); writer.start()
        sizes = [1, 7, 4096, 1 << 20]
        data = b""
        while more := one.recv(sizes[count % 4]):
            count += 1; data += more
        writer.join()
        came.update(data[:-4])
        say(came.digest() == sent.digest(), data[-4:])
    """
    assert world.says(script, "net=dns.test") == "True b'end\\n'"


def test_many_connections(world):
    script = """
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        count = min(1000, hard - 50)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        name = socket.getaddrinfo("dns.test", 8000, socket.AF_INET, socket.SOCK_STREAM)[0][4]
        all = []
        for _ in range(count):
            one = socket.socket(); one.setblocking(False); one.connect_ex(name); all.append(one)
        for one in all: one.settimeout(40)
        good = sum(line(one) == "10.77.0.1" for one in all)
        for one in all: one.sendall(b"again\\n")
        again = sum(line(one) == "again" for one in all)
        say(good == count, again == count)
    """
    assert world.says(script, "net=dns.test") == "True True"


# ---- datagrams -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grant, host", [("net=dns.test", "dns.test"), ("net=six.test:8001", "six.test"),
                                         ("net=10.77.0.1", "10.77.0.1"), ("net", "fd77::1")])
def test_datagrams(world, grant, host):
    script = f"""
        say(echo("{host}").decode(), echo("{host}", b"x" * 60000) == b"x" * 60000, echo("{host}", b"") == b"")
        one = dial("{host}", 8001, kind=socket.SOCK_DGRAM)
        for number in range(50):
            one.send(str(number).encode())
            assert one.recv(100) == str(number).encode()
    """
    assert world.says(script, grant) == "datagram True True"


def test_an_unconnected_socket_hears_whom_it_wrote_to(world):
    script = """
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(40)
        to = socket.getaddrinfo("dns.test", 8001, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
        for name in (to, ("10.77.0.1", 8001)):
            one.sendto(b"x", name)
            say(one.recvfrom(10)[1] == name)
    """
    assert world.says(script, "net").split() == ["True", "True"]


def test_datagrams_that_do_not_arrive(world):
    script = """
        say(attempt(echo, "10.77.0.1", b"x", 9), attempt(echo, "fd77::1", b"x", 9))
        say(attempt(echo, "10.99.0.1"), attempt(echo, "169.254.169.254"), attempt(echo, "loop.test"))
    """
    words = world.says(script, "net").split()
    assert words[:4] == ["ECONNREFUSED", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"]
    assert words[4] in ("EHOSTUNREACH", "ECONNREFUSED")  # by the family that came first
    script = "say(attempt(echo, '10.77.0.1'), attempt(echo, 'fd77::1'))"
    assert world.says(script, "net=dns.test") == "EHOSTUNREACH EACCES"


# ---- the resolver ----------------------------------------------------------------------------------------------------------------------

ASK = """
def question(name, kind, id=7):
    return struct.pack(">HHHHHH", id, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + \\
        b"\\0" + struct.pack(">HH", kind, 1)
def ask(message, server="198.18.0.1"):
    one = dial(server, 53, kind=socket.SOCK_DGRAM); one.send(message)
    return one.recv(65536)
def facts(answer): return struct.unpack_from(">H", answer)[0], answer[3] & 15, *struct.unpack_from(">HHHH", answer, 4)
"""


def test_resolver(world):
    script = ASK + textwrap.dedent("""
        say(facts(ask(question("dns.test", 1))), facts(ask(question("dns.test", 28))))
        say(facts(ask(question("nobody.test", 1))), facts(ask(question("dns.test", 65))), facts(ask(question("else.org", 15))))
        say(facts(ask(question("text.test", 16))), b"hello" in ask(question("text.test", 16)))
        name = socket.getaddrinfo("dns.test", 1, socket.AF_INET)[0][4][0]
        say(socket.gethostbyaddr(name)[0], name.startswith("198.1"))
        say(ask(question("dns.test", 1), "9.9.9.9")[-4:] == socket.inet_aton(name))
        one = dial("198.18.0.1", 53)
        for id in (1, 2, 3):
            message = question("dns.test", 1, id)
            one.sendall(struct.pack(">H", len(message)) + message)
        data = b""
        while len(data) < 3 * (len(message) + 18): data += one.recv(4096)
        say([data[i * (len(message) + 18) + 3] for i in range(3)])
    """)
    assert world.says(script, "net=*.test").splitlines() == [
        "(7, 0, 1, 1, 0, 0) (7, 0, 1, 1, 0, 0)", "(7, 3, 1, 0, 0, 0) (7, 0, 1, 0, 0, 0) (7, 5, 1, 0, 0, 0)",
        "(7, 0, 1, 1, 0, 0) True", "dns.test True", "True", "[1, 2, 3]"]


def test_resolver_and_odd_questions(world):
    script = ASK + textwrap.dedent("""
        whole = question("dns.test", 1)
        one = dial("198.18.0.1", 53, kind=socket.SOCK_DGRAM)
        for length in range(len(whole)): one.send(whole[:length])
        one.send(whole[:2] + b"\\x81" + whole[3:])           # an answer
        one.send(whole[:12] + b"\\xc0\\x0c" + whole[-4:])     # a name that points to itself
        one.send(whole[:12] + b"\\x3f" * 400)
        one.send(os.urandom(4000))
        say(facts(ask(question("127.1", 1)))[1], facts(ask(question("a\\0b.test", 1)))[1])
        say(facts(ask(whole)))
    """)
    assert world.says(script, "net").splitlines() == ["3 3", "(7, 0, 1, 1, 0, 0)"]


# ---- listen=PORT --------------------------------------------------------------------------------------------------------------------------

LISTENER = """
    own = socket.create_server(("{address}", 8080))
    say("ready")
    while True:
        one, peer = own.accept()
        one.sendall((peer[0] + "\\n").encode())
        one.close()
"""


def serve(world, script, *grants):
    options = [word for grant in grants for word in ("--allow", grant)]
    process = world.popen(*options, "--", PYTHON, "-c", TOOLS + textwrap.dedent(script), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def stop(world, process):
    process.terminate()
    world.ended(process)


def test_listen(world):
    process = serve(world, LISTENER.format(address=""), "listen=8080")
    assert world.outside("say(greeting('127.0.0.1', 8080), greeting('10.77.0.1', 8080))") == "127.0.0.1 10.77.0.1"
    stop(world, process)


def test_listen_on_loopback_is_for_this_machine(world):
    process = serve(world, LISTENER.format(address="127.0.0.1"), "listen=8080")
    assert world.outside("say(greeting('127.0.0.1', 8080), repr(attempt(greeting, '10.77.0.1', 8080)))") in \
        ("127.0.0.1 ''", "127.0.0.1 'ECONNRESET'")
    stop(world, process)


def test_listen_for_datagrams(world):
    script = """
        own = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); own.bind(("", 8080))
        say("ready")
        while True:
            data, peer = own.recvfrom(100)
            own.sendto(data.upper(), peer)
    """
    process = serve(world, script, "listen=8080")
    for host in ("127.0.0.1", "10.77.0.1", "fd77::1", "::1"):
        assert world.outside(f"say(echo('{host}', b'letters', 8080).decode())") == "LETTERS"
    stop(world, process)


def test_listen_without_a_grant(world):
    process = serve(world, LISTENER.format(address=""), "net")
    assert world.outside("say(attempt(greeting, '127.0.0.1', 8080))") == "ECONNREFUSED"
    stop(world, process)


def test_listen_on_a_port_that_is_taken(world):
    world.refused("--allow", "listen=8000", "--", "true", saying="listen on port 8000: Address already in use")


# ---- asked at first use ----------------------------------------------------------------------------------------------------------------------


def test_asked_when_it_connects(world):
    """connect(2) waits for the answer; the name, the port and the program are told; a denial is a refusal."""
    process = world.popen("--ask", "--", PYTHON, "-c", TOOLS + textwrap.dedent("""
        sys.stdin.readline()
        say(attempt(greeting, "dns.test"), attempt(greeting, "six.test"), attempt(greeting, "dns.test"))
        say(attempt(echo, "10.77.0.1"))
    """), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    front = FrontEnd(world)
    process.stdin.write(b"begin\n")
    process.stdin.flush()
    for host, port, answer in (("dns.test", 8000, "run"), ("six.test", 8000, "deny"), ("10.77.0.1", 8001, "once")):
        question = front.answer(answer)
        assert (question["kind"], question["value"], question["port"]) == ("net", host, port), question
        assert question["pid"] and question["program"].startswith("/usr/bin/python3"), question
    output, errors = process.communicate(timeout=60)
    LIVE.pop(process.pid, None)
    front.socket.close()
    assert output.split() == [b"10.77.0.1", b"ECONNREFUSED", b"10.77.0.1", b"b'datagram'"], errors
    assert "dns.test" in world.asked() and "six.test" not in world.asked()


# ---- programs -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl(world):
    script = "for name in dns.test 10.77.0.1; do curl -sS -m 40 http://$name:8003/; echo $?; done"
    result = world.shell(script, "--allow", "net=dns.test")
    assert result.output.split() == ["10.77.0.1", "0", "7"], result


def test_the_door_is_not_to_be_had_inside(world):
    """No descriptor, no raw or packet socket, no marked packet, no rule that could be changed."""
    script = """
        say(sorted(os.listdir("/proc/self/fd"))[:4])
        say(attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, 255), attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW))
        one = socket.socket()
        say(attempt(one.setsockopt, socket.SOL_SOCKET, 36, 0x646f6f72), attempt(one.setsockopt, socket.SOL_IP, 19, 1))
        say(attempt(one.bind, ("0.0.0.0", 1)))
    """
    lines = world.says(script, "net").splitlines()
    assert lines[0] == "['0', '1', '2', '3']" and set(" ".join(lines[1:]).split()) <= {"EPERM", "EACCES"}
