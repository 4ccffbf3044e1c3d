"""Drives an OCI runtime in the guest by its command line: bundles, containers, and what they look like from outside."""

import copy
import json
import shlex

ROOTFS = "/srv/busybox"
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_SETGID", "CAP_SETUID"]
INVENTORY = "find /sys/fs/cgroup -type d; while read -r a b c d e f; do echo mount $e; done </proc/self/mountinfo"
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]


def config(args=None, cgroups_path=None, resources=None, user_namespace=None):
    """A config.json as a dict. user_namespace: None, or a list of (container id, host id, count) for users and groups."""
    namespaces = ["pid", "mount", "ipc", "uts", "cgroup"] + (["user"] if user_namespace else [])
    linux = {
        "namespaces": [{"type": name} for name in namespaces],
        "resources": resources if resources is not None else {},
    }
    if cgroups_path is not None:
        linux["cgroupsPath"] = cgroups_path
    if user_namespace:
        mappings = [{"containerID": inside, "hostID": outside, "size": count} for inside, outside, count in user_namespace]
        linux["uidMappings"] = linux["gidMappings"] = mappings
    sets = {name: CAPABILITIES for name in ("bounding", "effective", "permitted")}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "args": args or SLEEP, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
            "capabilities": sets, "noNewPrivileges": True,
        },
        "root": {"path": ROOTFS, "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": linux,
    }


def shell(script):
    return ["sh", "-c", script]


class Runtime:
    """One runtime as one user with one set of global options; makes containers and removes them all at the end."""

    def __init__(self, machine, program, user=None, options=()):
        self.machine = machine
        self.program = program
        self.user = user
        self.base = f"/run/user/{machine.check(f'id -u {user}').strip()}/vm" if user else "/run/vm"
        self.options = ["--root", f"{self.base}/state", *options]
        self.containers = []

    def sh(self, script, **options):
        return self.machine.run(script, user=self.user, **options)

    def command(self, *words, **options):
        return self.sh(shlex.join([self.program, *self.options, *words]), **options)

    def container(self, name, spec):
        container = Container(self, name, spec)
        self.containers.append(container)
        return container

    def clean(self):
        """Removes every container; returns what is left: names of state directories, and lines for all cgroups and mounts."""
        words = [shlex.join([self.program, *self.options, "delete", "--force", container.name])
                 for container in reversed(self.containers) if not container.deleted]
        self.containers.clear()
        script = "".join(f"{word} >/dev/null 2>&1\n" for word in words)
        return self.sh(f"{script}ls -A {self.base}/state 2>/dev/null; rm -rf {self.base}; {INVENTORY}").out.splitlines()


class Container:
    """A bundle in the guest and the commands about it; the bundle is written by the first of them."""

    def __init__(self, runtime, name, spec):
        self.runtime = runtime
        self.name = name
        self.spec = copy.deepcopy(spec)
        self.bundle = f"{runtime.base}/bundle-{name}"
        self.deleted = False
        asked = spec["linux"].get("cgroupsPath", "")
        self.path = f"/sys/fs/cgroup{asked}" if asked.startswith("/") else None

    def words(self, verb, *options):
        return shlex.join([self.runtime.program, *self.runtime.options, verb, *options, self.name])

    def verb(self, verb, *options, **keywords):
        """Runs VERB OPTIONS ID."""
        return self.runtime.sh(self.words(verb, *options), **keywords)

    def with_bundle(self, *commands, **keywords):
        """Writes the bundle and runs the commands, in one step (a step of its own costs a quarter second)."""
        script = f"mkdir -p {self.bundle} && cat >{self.bundle}/config.json && " + " && ".join(commands)
        return self.runtime.sh(script, stdin=json.dumps(self.spec), **keywords)

    def create(self, **keywords):
        return self.with_bundle(self.words("create", "--bundle", self.bundle) + " </dev/null", **keywords)

    def run(self, **keywords):
        """In the foreground, until the container's process ends."""
        return self.with_bundle(self.words("run", "--bundle", self.bundle) + " </dev/null", **keywords)

    def start(self):
        """In the background; fails the test when that does not work."""
        result = self.with_bundle(self.words("create", "--bundle", self.bundle) + " </dev/null", self.words("start"))
        assert result.status == 0, result
        return self

    def exec(self, script, **keywords):
        return self.runtime.command("exec", self.name, "sh", "-c", script, **keywords)

    def state(self):
        result = self.verb("state")
        assert result.status == 0, result
        return json.loads(result.out)

    def delete(self, *options):
        result = self.verb("delete", *options)
        self.deleted = result.status == 0
        return result

    def cgroup(self):
        """Where the container's cgroup is: as asked for, or else where its first process is."""
        if not self.path:
            self.path = self.real_cgroup()
        return self.path

    def real_cgroup(self):
        lines = self.runtime.machine.check(f"cat /proc/{self.state()['pid']}/cgroup").splitlines()
        return "/sys/fs/cgroup" + next(line[3:] for line in lines if line.startswith("0::"))

    def read(self, *names):
        """Files of that cgroup: the content of one, or a dict of several."""
        script = f"cd {self.cgroup()} && for name in {' '.join(names)}; do echo \"==$name\"; cat $name || exit; done"
        parts = self.runtime.machine.check(script).split("==")[1:]
        files = {name: content.strip() for name, _, content in (part.partition("\n") for part in parts)}
        return files[names[0]] if len(names) == 1 else files
