"""`rung secret`, and secrets in containers: seen by the program alone, not by images, inspect or other users."""

import json
import os
import stat

import pytest
from conftest import needs_root
from living import rung  # noqa: F401 (a fixture)

SECRET = b"hunter2"


@pytest.fixture
def kept(rung):  # noqa: F811
    rung.image("tiny:1")
    rung("secret", "create", "-l", "role=test", "pw", "-", data=SECRET, check=0)
    return rung


def test_create_and_show(kept):
    identity = kept.output("secret", "ls", "-q")
    assert len(identity) == 25
    secret, = json.loads(kept.output("secret", "inspect", "pw"))
    assert secret["ID"] == identity and secret["Spec"]["Labels"] == {"role": "test"} and "SecretData" not in secret
    assert json.loads(kept.output("secret", "inspect", "--showsecret", identity[:6]))[0]["SecretData"] == SECRET.decode()
    assert kept.output("secret", "inspect", "-f", "{{.Spec.Name}} {{.Spec.Driver.Name}}", "pw") == "pw file"
    heading, row = kept.output("secret", "ls").split("\n")
    assert heading.split() == ["ID", "NAME", "DRIVER", "CREATED", "UPDATED"] and row.split()[:3] == [identity, "pw", "file"]
    assert kept.output("secret", "ls", "-q", "-f", "name=nobody") == "" and kept.output("secret", "ls", "-q", "-f", "label=role=test") == identity
    assert kept("secret", "exists", "pw").status == 0 and kept("secret", "exists", "nobody").status == 1
    file, = (kept.data / "secrets").glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and SECRET not in file.read_bytes()


def test_mistakes(kept):
    kept.refused("secret", "create", "pw", "/etc/hostname", saying="exists already")
    kept.refused("secret", "create", "a/b", "/etc/hostname", saying="cannot be a secret's name")
    kept.refused("secret", "create", "empty", "/dev/null", saying="1 to 512000 bytes")
    kept.refused("secret", "create", "--env", "x", "NOT_SET_ANYWHERE", saying="no variable")
    kept.refused("secret", "rm", "nobody", saying="no such secret: nobody")
    kept.refused("secret", "inspect", "nobody", saying="no such secret: nobody")
    for words, saying in (("pw,what=1", "is not known"), ("pw,mode=9", "is not known"), (",type=env", "name is missing"),
                          ("pw,type=env,target=a=b", "variable's name")):
        kept.refused("run", "--secret", words, "tiny:1", "true", saying=saying)


def test_sources(kept):
    kept.environment["OURS"] = "of a variable"
    kept("secret", "create", "--env", "variable", "OURS", check=0)
    (kept.work / "binary").write_bytes(bytes(range(256)))
    kept("secret", "create", "binary", "binary", check=0)
    kept("secret", "create", "--replace", "pw", "-", data=b"other", check=0)
    assert kept.output("run", "--rm", "--secret", "variable", "--secret", "pw", "--secret", "binary", "tiny:1", "sh", "-c",
                       "cat /run/secrets/variable /run/secrets/pw; od -An -tu1 /run/secrets/binary | wc -w") == "of a variableother256"
    kept.refused("run", "--rm", "--secret", "binary,type=env", "tiny:1", "true", saying="NUL")
    assert len(kept.output("secret", "ls", "-q").split()) == 3
    assert len(kept.output("secret", "rm", "--all").split()) == 3 and kept.output("secret", "ls", "-q") == ""


def test_in_a_container(kept):
    seen = kept.output("run", "--rm", "--secret", "pw", "--secret", "pw,type=env,target=PASSWORD", "--secret", "pw,target=/etc/deep/pw,mode=0400",
                       "tiny:1", "sh", "-c", "cat /run/secrets/pw; echo \" $PASSWORD\"; stat -c %a /run/secrets/pw /etc/deep/pw; "
                       "echo x 2>/dev/null > /run/secrets/pw || echo locked")
    assert seen.split() == ["hunter2", "hunter2", "444", "400", "locked"]


@needs_root
def test_owner(kept):
    assert kept.output("run", "--rm", "--secret", "pw,uid=5,gid=6,mode=0440", "tiny:1", "stat", "-c", "%u:%g %a", "/run/secrets/pw") == "5:6 440"
    assert kept.output("run", "--rm", "--uidmap", "0:100000:1000", "--secret", "pw,uid=5,gid=6", "tiny:1", "stat", "-c", "%u:%g", "/run/secrets/pw") == "5:6"


def test_nobody_else_sees_it(kept):
    identity = kept.start("--name", "c", "--secret", "pw", "--secret", "pw,type=env,target=PASSWORD", "tiny:1", "sleep", "100")
    assert SECRET.decode() not in kept.output("inspect", "c")
    for path in (kept.data / "containers" / identity).iterdir():
        if path.is_file():
            assert SECRET not in path.read_bytes(), path
    assert stat.S_IMODE(os.stat(kept.data / "containers" / identity / "layer/secrets").st_mode) == 0o700
    kept("rm", "-f", "c", check=0)
    assert not (kept.data / "containers" / identity).exists()


def test_a_secret_that_is_gone(kept):
    kept("create", "--name", "c", "--secret", "pw", "tiny:1", "cat", "/run/secrets/pw", check=0)
    kept("secret", "rm", "pw", check=0)
    kept.refused("start", "c", saying="no such secret: pw")
    kept("secret", "create", "pw", "-", data=b"another", check=0)
    assert kept.output("start", "-a", "c") == "another"
