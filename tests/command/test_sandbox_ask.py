"""`rung sandbox --ask`, --learn, --audit, `permissions`: a person at a terminal, or a front end at the socket, answers."""

import fcntl
import glob
import json
import os
import pty
import shutil
import socket
import subprocess
import termios

import pytest
from conftest import LIVE, ROOT, RUNTIME, only_rung, wait_until
from sandboxes import sandbox  # noqa: F401
from test_oci_terminal import Terminal

FUSE = os.access("/dev/fuse", os.R_OK | os.W_OK)
doors = pytest.mark.skipif(not FUSE, reason="needs /dev/fuse")
pytestmark = only_rung


class Person(Terminal):
    """Sits at the terminal where a sandbox was started."""

    def __init__(self, sandbox, words):
        master, self.slave = pty.openpty()
        super().__init__(master)
        self.resize(40, 200)
        self.before = termios.tcgetattr(self.slave)
        self.process = sandbox.popen(*words, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
                                     preexec_fn=lambda: fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0))

    def is_asked(self, what):
        self.wait_for(what)
        self.wait_for("Enter > ")
        self.text = ""

    def answers(self, keys):
        self.write(keys)

    def end(self):
        status = self.process.wait(60)
        LIVE.pop(self.process.pid, None)
        return status

    def reads_on(self):
        """What is there by now, without waiting for an end that the open slave keeps away."""
        while True:
            before = len(self.text)
            self.read()
            if len(self.text) == before:
                return self.text


@pytest.fixture
def sits(sandbox):
    people = []

    def sit(*words):
        people.append(Person(sandbox, words))
        return people[-1]

    yield sit
    for person in people:
        if person.process.poll() is None:
            person.process.kill()
            person.process.wait()
        LIVE.pop(person.process.pid, None)
        person.close()
        os.close(person.slave)


class FrontEnd:
    """A program that answers at the ask socket; see docs/ask-socket.md."""

    def __init__(self, sandbox):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        wait_until(lambda: self.connects(sandbox), "somebody listens at the ask socket", 20)

    def connects(self, sandbox):
        """The name is there a moment before anybody listens."""
        try:
            self.socket.connect(glob.glob(f"{sandbox.state}/sandbox/*.ask")[0])
            return True
        except (IndexError, ConnectionRefusedError, FileNotFoundError):
            return False

    def next(self, kind="question"):
        while True:
            message = json.loads(self.socket.recv(16384))
            if message["type"] == kind:
                return message

    def say(self, **answer):
        self.socket.send(json.dumps(answer).encode())

    def answer(self, answer, **more):
        question = self.next()
        self.say(id=question["id"], answer=answer, **more)
        return question


@pytest.fixture
def asks(sandbox):
    """Starts a script that begins when a front end has connected: (process, front end)."""
    fronts = []

    def start(script, *options):
        process = sandbox.popen("--ask", *options, "sh", "-c", f"read begin; {script}", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True)
        fronts.append(FrontEnd(sandbox))
        process.stdin.write(b"begin\n")
        process.stdin.flush()
        return process, fronts[-1]

    yield start
    for front in fronts:
        front.socket.close()


def end_of(process):
    output, errors = process.communicate(timeout=60)
    LIVE.pop(process.pid, None)
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def letters(sandbox):
    place = sandbox.home / "letters"
    place.mkdir()
    (place / "a").write_text("dear a\n")
    (place / "b").write_text("dear b\n")
    return place


# ---- at the terminal -------------------------------------------------------------------------------------------------


@doors
def test_allowed_for_the_run(sits, letters):
    person = sits("--ask", "sh", "-c", f"cat {letters}/a; cat {letters}/a; cat {letters}/b")
    person.is_asked(f"read the file {letters}/a")
    person.answers("r\r")
    person.is_asked(f"read the file {letters}/b")
    assert person.text.count("dear a") <= 2
    person.answers("d\r")
    assert person.end() == 1
    assert "Permission denied" in person.reads_on()


@doors
def test_the_question_says_who_and_why(sits, letters):
    person = sits("--ask", "cat", letters / "a")
    text = person.wait_for("Enter > ")
    assert "rung: cat (/usr/bin/cat, process " in text and "pass on what stands there" in text
    assert f"f for all of {letters}" in text
    person.answers("o\r")
    assert person.end() == 0


@doors
def test_the_folder_in_place_of_the_file(sits, letters):
    person = sits("--ask", "cat", letters / "a", letters / "b")
    person.is_asked(f"{letters}/a")
    person.answers("f")
    person.is_asked(f"everything in the folder {letters}")
    person.answers("r\r")
    assert person.end() == 0
    assert "dear b" in person.reads_on()


@doors
def test_control_c_denies_and_the_program_goes_on(sits, letters):
    person = sits("--ask", "sh", "-c", f"cat {letters}/a; echo went on")
    person.is_asked(f"{letters}/a")
    person.answers("\x03")
    assert person.end() == 0
    text = person.reads_on()
    assert "Permission denied" in text and "went on" in text


@doors
def test_a_letter_alone_answers_nothing(sits, letters):
    person = sits("--ask", "cat", letters / "a")
    person.is_asked(f"{letters}/a")
    person.answers("a")
    person.wait_for("always")
    person.answers("\x7f\r")  # taken back; Enter alone says nothing
    person.answers("n")
    person.wait_for("never")
    person.answers("o")
    person.wait_for("once")
    person.answers("\r")
    assert person.end() == 0
    assert "dear a" in person.reads_on()


@doors
def test_the_modes_of_the_terminal_come_back(sits, letters):
    program = ("import termios, tty; tty.setraw(0); before = termios.tcgetattr(0);"
               f"open('{letters}/a').read(); after = termios.tcgetattr(0);"
               "termios.tcsetattr(0, 0, before); print('same' if before == after else 'changed')")
    person = sits("--ask", "/usr/bin/python3", "-c", program)
    person.is_asked(f"{letters}/a")
    person.answers("r\r")
    assert person.end() == 0
    assert "same" in person.reads_on()


@doors
def test_a_foreground_group_of_its_own(sits, letters):
    script = f"set -m; cat {letters}/a; echo first; cat {letters}/b; echo second"
    person = sits("--ask", "bash", "-c", script)
    for name in "ab":
        person.is_asked(f"{letters}/{name}")
        person.answers("r\r")
    assert person.end() == 0
    text = person.reads_on()
    assert "dear b" in text and "second" in text


@doors
def test_names_cannot_speak_to_the_terminal(sits, letters):
    name = "x\033[2Jy\u202ez"
    (letters / name).write_text("odd\n")
    person = sits("--ask", "cat", letters / name)
    text = person.wait_for("Enter > ")
    assert r"x\x1b[2Jy\xe2\x80\xaez" in text and "\033[2J" not in text
    person.answers("d\r")
    assert person.end() == 1


# ---- remembered --------------------------------------------------------------------------------------------------------


@doors
def test_always_is_remembered_until_revoked(sits, sandbox, letters):
    person = sits("--ask", "cat", letters / "a")
    person.is_asked(f"{letters}/a")
    person.answers("a\r")
    assert person.end() == 0
    assert sandbox.output("--ask", "cat", letters / "a", start_new_session=True) == "dear a"
    rows = [json.loads(line) for line in sandbox.output("permissions", "list", "--format", "json").splitlines()]
    assert [(row["Program"], row["Answer"], row["Permission"]) for row in rows] == [("/usr/bin/cat", "allow", f"read={letters}/a")]
    assert "allow read=" in open(f"{sandbox.home}/.config/rung/permissions/usr:bin:cat", encoding="utf-8").read()
    sandbox("permissions", "revoke", "cat", f"read={letters}/a", check=0)
    assert sandbox("--ask", "cat", letters / "a", start_new_session=True).status == 1


@doors
def test_never_is_remembered(sits, sandbox, letters):
    person = sits("--ask", "cat", letters / "a")
    person.is_asked(f"{letters}/a")
    person.answers("n\r")
    assert person.end() == 1
    person = sits("--ask", "cat", letters / "a")
    assert person.end() == 1
    text = person.reads_on()
    assert "Permission denied" in text and "Enter" not in text


def remember(sandbox, program, *lines):
    place = sandbox.home / ".config/rung/permissions"
    place.mkdir(parents=True, exist_ok=True)
    file = place / program.lstrip("/").replace("/", ":")
    file.write_text("\n".join([f"program {program}", *lines, ""]))
    return file


def test_permissions_edit(sandbox):
    file = remember(sandbox, "/usr/bin/vim", "# mine", "allow read=/a", "deny net=example.org:443")
    sandbox.environment["EDITOR"] = "sed -i s/allow/deny/"
    sandbox("permissions", "edit", "vim", check=0)
    assert file.read_text().splitlines()[1:3] == ["# mine", "deny read=/a"]
    sandbox.environment["EDITOR"] = "sed -i s/deny/perhaps/"
    sandbox.refused("permissions", "edit", "vim", saying='what you wrote:3: "perhaps read=/a" is none of')
    assert "deny read=/a" in file.read_text() and os.listdir(file.parent) == [file.name]


def test_permissions_revoke(sandbox):
    file = remember(sandbox, "/usr/bin/vim", "allow read=/a", "deny read=/b")
    remember(sandbox, "/opt/other/vim", "allow net")
    sandbox.refused("permissions", "revoke", "vim", saying="2 programs are called vim")
    sandbox("permissions", "revoke", "/usr/bin/vim", "read=/a", check=0)
    assert "read=/a" not in file.read_text() and "deny read=/b" in file.read_text()
    sandbox.refused("permissions", "revoke", "/usr/bin/vim", "read=/a", saying="was answered nothing about read=/a")
    sandbox("permissions", "revoke", "/usr/bin/vim", check=0)
    assert not file.exists()
    assert sandbox.output("permissions", "revoke", "--all") == "1"
    assert sandbox.output("permissions", "list", "-n") == ""
    sandbox.refused("permissions", "revoke", saying="name a program")


# ---- other front ends ------------------------------------------------------------------------------------------------------


@doors
def test_the_ask_socket(sandbox, asks, letters):
    process, front = asks(f"cat {letters}/a {letters}/b", "--name", "trial")
    question = front.next()
    assert question["kind"] == "read" and question["value"] == f"{letters}/a" and question["program"] == "/usr/bin/cat"
    assert question["wider"] == [str(letters), str(sandbox.home)] and question["sandbox"] == "trial" and question["pid"] > 1
    assert question["what"] == f"read the file {letters}/a"
    front.say(id=question["id"], answer="perhaps")
    assert "unknown answer" in front.next("error")["message"]
    front.say(id=question["id"], answer="run", value="/etc")
    assert "not what was asked" in front.next("error")["message"]
    front.say(id=question["id"] + 7, answer="run")
    assert "no such question" in front.next("error")["message"]
    front.say(id=question["id"], answer="once")
    assert front.next("withdrawn")["id"] == question["id"]
    front.answer("deny")
    _, output, errors = end_of(process)
    assert output == "dear a\n" and "b: Permission denied" in errors


@doors
def test_a_front_end_that_leaves_has_denied(asks, letters):
    process, front = asks(f"cat {letters}/a")
    front.next()
    front.socket.close()
    assert "Permission denied" in end_of(process)[2]


@doors
def test_nobody_inside_can_answer(sandbox, letters):
    """Even where the socket's directory was granted."""
    program = ("import socket, glob, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
               f"s.settimeout(20); s.connect(glob.glob('{sandbox.state}/sandbox/*.ask')[0]); print('end', s.recv(100))")
    result = sandbox("--ask", "--allow", f"write={sandbox.state}", "/usr/bin/python3", "-c", program, start_new_session=True)
    assert result.output == "end b''\n" or "Error" in result.errors, result
    assert sandbox("--ask", "cat", letters / "a", start_new_session=True).status == 1


# ---- what is asked -------------------------------------------------------------------------------------------------------------


@doors
def test_changes_reach_the_host(asks, letters):
    script = f"echo new >{letters}/c; rm {letters}/a; mv {letters}/b {letters}/z; mkdir {letters}/d; echo in >{letters}/d/e"
    process, front = asks(script)
    assert front.answer("once")["value"] == f"{letters}/c"
    assert "remove" in front.answer("once")["what"]
    front.answer("run", value=str(letters))
    result = end_of(process)
    assert result == (0, "", ""), result
    assert sorted(os.listdir(letters)) == ["c", "d", "z"] and (letters / "d/e").read_text() == "in\n"


@doors
def test_a_denied_tree_stays_denied(sandbox, asks, letters):
    keys = sandbox.home / "keys"
    keys.mkdir()
    (keys / "secret").write_text("secret")
    script = f"cat {letters}/a; ls {sandbox.home}; cat {keys}/secret"
    process, front = asks(script, "--deny", f"read={keys}")
    front.answer("run", value=str(sandbox.home))  # all of the home directory, but for what is denied
    status, output, errors = end_of(process)
    assert "dear a" in output and "secret" not in output and "keys" not in output.split(), output
    assert status != 0 and "keys/secret" in errors


@doors
def test_grants_within_a_door_keep_their_caught_writes(sandbox, letters):
    script = f"echo changed >{letters}/a; cat {letters}/a"
    result = sandbox("--ask", "--allow", f"read={letters}", "sh", "-c", script, start_new_session=True)
    assert result == (0, "changed\n", "") and (letters / "a").read_text() == "dear a\n"


# ---- learning -------------------------------------------------------------------------------------------------------------------


@doors
def test_learn_writes_a_profile_that_works(sandbox, letters):
    profile = sandbox.home / "learned.profile"
    script = f"cat {letters}/a; echo new >{letters}/c"
    assert sandbox("--learn", profile, "sh", "-c", script, check=0).output == "dear a\n"
    text = profile.read_text()
    assert f"allow read={letters}/a\n" in text and f"allow write={letters}/c\n" in text
    assert (letters / "c").read_text() == "new\n"
    result = sandbox("--profile", profile, "sh", "-c", f"cat {letters}/a; cat {letters}/b")
    assert result.output == "dear a\n" and result.status == 1, result


@doors
def test_audit_says_what_would_have_been_denied(sandbox, letters):
    result = sandbox("--audit", "cat", letters / "a", check=0)
    assert result.output == "dear a\n" and f"would have been denied:\n    read={letters}/a\n" in result.errors
    assert "denied" not in sandbox("--audit", "true", check=0).errors


@doors
def test_without_anybody_the_answer_is_no_and_is_said(sandbox, letters):
    result = sandbox("--ask", "cat", letters / "a", start_new_session=True)
    assert result.status == 1 and f"denied, as nobody could be asked:\n    read={letters}/a\n" in result.errors


# ---- as an ordinary user ------------------------------------------------------------------------------------------------------------


def as_somebody(sandbox, script, *, device):
    """Runs a shell as an ordinary user who may, or may not, open /dev/fuse."""
    programs = sandbox.work / "programs"
    programs.mkdir()
    beside = os.path.dirname(RUNTIME[0])
    for program in (RUNTIME[0], f"{beside}/src/programs/door/rung-door"):
        shutil.copy(program, programs)
    for place in (sandbox.work, sandbox.home):
        os.chown(place, 54321, 54321)
    steps = "setpriv --reuid 54321 --regid 54321 --clear-groups sh -c \"$1\""
    if device:
        steps = f"mknod -m 666 {sandbox.work}/fuse c 10 229 && mount --bind {sandbox.work}/fuse /dev/fuse && {steps}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", steps, "sh", script.replace("RUNG", f"{programs}/rung --root {sandbox.data} --state {sandbox.state} sandbox")],
                          env=sandbox.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False, start_new_session=True,
                          cwd=sandbox.home)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.skipif(not ROOT or not FUSE, reason="makes a device for an ordinary user")
@pytest.mark.skipif(not os.path.exists(f"{os.path.dirname(RUNTIME[0])}/src/programs/door/rung-door"), reason="takes the programs from the build directory")
def test_doors_of_an_ordinary_user(sandbox, letters):
    status, output, errors = as_somebody(sandbox, f"RUNG --audit cat {letters}/a", device=True)
    assert (status, output) == (0, "dear a\n") and f"read={letters}/a" in errors


@pytest.mark.skipif(not ROOT, reason="becomes an ordinary user")
@pytest.mark.skipif(not os.path.exists(f"{os.path.dirname(RUNTIME[0])}/src/programs/door/rung-door"), reason="takes the programs from the build directory")
def test_without_the_device_files_are_refused(sandbox, letters):
    if os.stat("/dev/fuse").st_mode & 0o006 == 0o006:
        pytest.skip("everybody may open /dev/fuse here")
    status, output, errors = as_somebody(sandbox, f"RUNG --ask cat {letters}/a", device=False)
    assert status == 1 and output == "" and "/dev/fuse: Permission denied: nobody can be asked for files" in errors
