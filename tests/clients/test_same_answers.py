"""The same command lines to Debian's Podman and to rung under the name `podman`: status and standard output must be the same.

Each line runs in both, in the same order, against the same image, each with a store of its own on one stage. What errors say is
each program's own affair and not compared; ids differ and become ID, ages become AGO. A difference that is wanted stands in WANTED
with its reason; the test asks that it still is one, so that the list does not grow stale.
"""

import os
import re

import pytest

from busybox_image import NAME
from podman_client import Podman

pytestmark = pytest.mark.usefixtures("nothing_remains")
FULL = "{{.Id}}"

# Names of containers: ran (ended with 3), live (runs), fresh (created), labelled.
SETUP = [
    ("run", "--name", "ran", "-e", "A=b", NAME, "sh", "-c", "echo out; echo err >&2; exit 3"),
    ("run", "-d", "--name", "live", "-l", "role=front", "--hostname", "mars", "-w", "/tmp", NAME, "sleep", "1000"),
    ("create", "--name", "fresh", "--read-only", "--stop-signal", "INT", "--stop-timeout", "3", NAME, "true"),
    ("create", "--name", "labelled", "-l", "a=1", "-l", "b=2", "--entrypoint", "sh", "-v", "/etc:/host:ro", NAME, "-c", "true"),
]

LINES = [
    # statuses and streams of run
    ("run", "--rm", NAME, "sh", "-c", "exit 7"),
    ("run", "--rm", NAME, "no-such-program"),
    ("run", "--rm", NAME, "/etc"),
    ("run", "--rm", "-e", "X=1", NAME, "sh", "-c", "echo $X $FROM_IMAGE $container"),
    ("run", "--rm", "-u", "guest", NAME, "id"),
    ("run", "--rm", "-u", "1234:5", NAME, "id"),
    ("run", "--rm", "-w", "/var", NAME, "pwd"),
    ("run", "--rm", "-h", "venus", NAME, "hostname"),
    ("run", "--rm", "--entrypoint", "echo", NAME, "a", "b"),
    ("run", "--rm", "--read-only", NAME, "touch", "/x"),
    ("run", "--rm", "--tmpfs", "/t:size=1m", NAME, "sh", "-c", "df -k /t | tail -1 | awk '{print $2}'"),
    ("run", "--rm", "--no-such-option", NAME),
    ("run", "--rm", "--pull", "never", "localhost/none:1"),
    ("run", "--rm", "--memory", "none", NAME),
    ("run", "--name", "live", NAME, "true"),
    # what there is
    ("ps", "-a", "--format", "{{.Names}} {{.State}}", "--sort", "names"),
    ("ps", "--format", "{{.Names}} {{.Image}}"),
    ("ps", "-a", "--format", "{{.Names}}"),
    ("ps", "-aq", "--filter", "name=none"),
    ("ps", "-a", "--filter", "label=a=1", "--format", "{{.Names}}"),
    ("ps", "-a", "--filter", "label=a", "--filter", "label=role", "--format", "{{.Names}}"),
    ("ps", "-a", "--filter", "status=created", "--format", "{{.Names}}", "--sort", "names"),
    ("ps", "-a", "--filter", "status=exited", "--format", "{{.Names}} {{.Status}}"),
    ("ps", "-a", "--filter", "exited=3", "--format", "{{.Names}}"),
    ("ps", "-a", "--filter", f"ancestor={NAME}", "--format", "{{.Names}}", "--sort", "names"),
    ("ps", "-a", "--filter", "before=fresh", "--format", "{{.Names}}", "--sort", "names"),
    ("ps", "-a", "--filter", "since=live", "--format", "{{.Names}}", "--sort", "names"),
    ("ps", "-a", "--filter", "colour=red"),
    ("ps", "-a", "--format", "table {{.Names}}", "--sort", "names"),
    ("ps", "-a", "--format", "{{.Names}} {{.Command}}", "--sort", "names"),
    ("ps", "-a", "--format", "{{.Labels}}", "--filter", "name=labelled"),
    ("ps", "-a", "--format", "{{.ID}} {{.Ports}}", "--sort", "names"),
    ("ps", "-a", "--noheading", "--format", "table {{.Names}}\t{{.Image}}", "--sort", "names"),
    ("container", "exists", "live"), ("container", "exists", "none"),
    # inspect
    *(("inspect", "--format", one, name) for name in ("ran", "live", "fresh", "labelled") for one in (
        "{{.Name}} {{.Path}} {{.Args}} {{.ImageName}}", "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}}",
        "{{.State.OOMKilled}} {{.State.Restarting}} {{.State.Dead}} {{.RestartCount}}", "{{.Config.Cmd}} {{.Config.Entrypoint}}",
        "{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Tty}} {{.Config.OpenStdin}}", "{{json .Config.Labels}}",
        "{{.Config.StopSignal}} {{.Config.StopTimeout}}", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Privileged}}",
        "{{.HostConfig.AutoRemove}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}}",
        "{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{end}}", "{{.HostConfig.NetworkMode}}",
        "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}", "{{.Image}}", "{{.IsInfra}} {{.Pod}}",
        "{{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.ShmSize}}", "{{.GraphDriver.Name}} {{.Driver}}")),
    ("inspect", "--format", "{{.Config.Hostname}}", "live"),
    ("inspect", "none"), ("inspect", "--type", "container", NAME), ("inspect", "--format", "{{.NoSuchField}}", "live"),
    ("container", "inspect", "none"),
    # doing things
    ("logs", "ran"), ("logs", "--tail", "1", "ran"), ("logs", "none"),
    ("exec", "live", "sh", "-c", "pwd; hostname; exit 5"), ("exec", "none", "true"), ("exec", "ran", "true"),
    ("exec", "-e", "Y=2", "-w", "/var", "live", "sh", "-c", "echo $Y; pwd"), ("exec", "live", "no-such-program"),
    ("wait", "ran"), ("wait", "none"), ("port", "live"), ("port", "none"), ("diff", "fresh"), ("diff", "none"),
    ("top", "live", "pid", "user", "args"), ("top", "ran"), ("pause", "ran"), ("unpause", "live"), ("kill", "ran"), ("stop", "none"),
    ("rename", "fresh", "newer"), ("inspect", "--format", "{{.Name}} {{.State.Status}}", "newer"), ("rename", "newer", "live"),
    ("rename", "newer", "fresh"), ("rm", "live"), ("rm", "none"), ("cp", "live:/none", "/tmp/x"), ("cp", "none:/x", "/tmp/x"),
    # images
    ("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"), ("images", "-q"), ("image", "exists", NAME), ("image", "exists", "none"),
    ("image", "inspect", "--format", "{{.Id}} {{.RepoTags}} {{.Architecture}} {{.Os}} {{.Config.Cmd}} {{.Config.Env}}", NAME),
    ("image", "inspect", "none"), ("tag", NAME, "localhost/other:2"), ("images", "--format", "{{.Repository}}:{{.Tag}}", "other"),
    ("untag", "localhost/other:2"), ("tag", "none", "x"), ("rmi", "none"), ("rmi", NAME),
    ("history", "--format", "{{.CreatedBy}} {{.Comment}}", NAME),
    # the end
    ("stop", "-t", "0", "live"), ("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "live"), ("start", "live"),
    ("restart", "-t", "0", "live"), ("kill", "live"), ("wait", "live"), ("rm", "-f", "live"), ("rm", "ran", "fresh", "labelled"),
    ("ps", "-aq"),
]

# Why rung answers otherwise.
WANTED = {
    ("ps", "-a", "--format", "{{.Names}} {{.Command}}", "--sort", "names"): "the entrypoint is part of the command, as in Docker",
    ("inspect", "--format", "{{.Name}} {{.Path}} {{.Args}} {{.ImageName}}", "fresh"):
        "Args are what stands behind Path; podman 4.3 repeats Path where nothing does",
    ("run", "--rm", "-e", "X=1", NAME, "sh", "-c", "echo $X $FROM_IMAGE $container"): "the variable says who runs the container",
}


def words(line):
    return " ".join(line)


def tame(text, line=()):
    if line[:1] == ("rm",):  # in no order
        text = "\n".join(sorted(text.split("\n")))
    text = re.sub(r" {2,}", " ", text)  # how wide columns are
    text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "ID", text)
    return re.sub(r"(Less than a second|About an? \w+|\d+ \w+) ago", "AGO", text).rstrip()


class Both:
    """Answers of both programs to all lines, in one go: lines build on what earlier ones did."""

    def __init__(self, client, program):
        self.client, self.program = client, program
        self.answers = {}

    def ask(self, line):
        ours = self.client.stage.run(*self.program, *line, status=None)
        theirs = self.client("--log-level", "error", *line, status=None)
        return ours, theirs


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    if not runtime.ours:
        pytest.skip("compares rung's engine, whatever the runtime")
    return Podman(new_stage("same", "podman", "conmon"), runtime)


def test_same_answers(client, runtime):
    stage = client.stage
    os.makedirs(stage.path(f"{stage.work}/bin/engine"), exist_ok=True)
    program = f"{stage.work}/bin/engine/podman"
    if not os.path.lexists(stage.path(program)):
        os.symlink(runtime.real, stage.path(program))
    program = [program, "--root", f"{stage.work}/store/engine", "--runroot", f"{stage.work}/store/engine-run"]
    both = Both(client, program)
    stage.run(*program, "load", "-i", f"{stage.work}/busybox.tar")
    different, stale = [], []
    try:
        for line in SETUP:
            ours, theirs = both.ask(line)
            assert ours.status == theirs.status, f"{words(line)}\n{ours}\n{theirs}"
        for line in LINES:
            ours, theirs = both.ask(line)
            same = ours.status == theirs.status and tame(ours.output, line) == tame(theirs.output, line)
            if same and line in WANTED:
                stale.append(words(line))
            if not same and line not in WANTED:
                different.append(f"$ podman {words(line)}\n  rung:   {ours.status} {tame(ours.output)!r} {ours.errors.strip()[:200]!r}\n"
                                 f"  podman: {theirs.status} {tame(theirs.output)!r} {theirs.errors.strip()[:200]!r}")
    finally:
        stage.run(*program, "system", "reset", "-f", status=None)
        client.reset()
    assert not stale, "no difference any more: " + "; ".join(stale)
    assert not different, f"{len(different)} of {len(LINES)} answers differ:\n" + "\n".join(different)
