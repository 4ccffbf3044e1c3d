"""As much of systemd's manager as a container's scope needs, on the bus at $DBUS_SYSTEM_BUS_ADDRESS.

It makes a cgroup for a scope, moves the processes there, and writes down what it was asked (one JSON line a call) to
the file named by its argument. Debian's dbus-daemon stands in between, so what arrives here has passed its checks.
"""

import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "org.freedesktop.systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIFIED = "/sys/fs/cgroup/unified"
TREES = [UNIFIED if os.path.isdir(UNIFIED) else "/sys/fs/cgroup"]
if os.path.isdir("/sys/fs/cgroup/systemd"):
    TREES.append("/sys/fs/cgroup/systemd")


def plain(value):
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else int(value)


def slice_path(name):
    parts = name.removesuffix(".slice").split("-")
    return "/".join("-".join(parts[:n + 1]) + ".slice" for n in range(len(parts)))


class Error(dbus.DBusException):
    def __init__(self, name):
        super().__init__(f"unit: {name}", name=f"{NAME}.{name}")


class Manager(dbus.service.Object):
    def __init__(self, bus, log):
        self.log, self.units, self.jobs = log, {}, 0
        super().__init__(bus, "/org/freedesktop/systemd1")

    def note(self, **what):
        print(json.dumps(what), file=self.log, flush=True)

    def job(self, unit):
        self.jobs += 1
        path = dbus.ObjectPath(f"/org/freedesktop/systemd1/job/{self.jobs}")
        GLib.idle_add(lambda number=self.jobs: self.JobRemoved(number, path, unit, "done"))
        return path

    @dbus.service.signal(MANAGER, signature="uoss")
    def JobRemoved(self, number, job, unit, result):
        pass

    @dbus.service.method(MANAGER)
    def Subscribe(self):
        self.note(call="Subscribe")

    @dbus.service.method(MANAGER, in_signature="ssa(sv)a(sa(sv))", out_signature="o")
    def StartTransientUnit(self, name, mode, properties, auxiliary):
        given = {str(key): plain(value) for key, value in properties}
        self.note(call="StartTransientUnit", name=str(name), mode=str(mode), properties=given)
        if self.paths(name):
            raise Error("UnitExists")
        self.units[name] = [f"{tree}/{slice_path(given['Slice'])}/{name}" for tree in TREES]
        for path in self.units[name]:
            os.makedirs(path)
            for pid in given["PIDs"]:
                with open(f"{path}/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(pid))
        return self.job(name)

    def paths(self, name):
        """The unit's cgroups; systemd forgets a scope whose cgroup is gone."""
        return [path for path in self.units.get(name, []) if os.path.isdir(path)]

    @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
    def StopUnit(self, name, mode):
        paths = self.paths(name)
        self.note(call="StopUnit", name=str(name), known=bool(paths))
        if not paths:
            raise Error("NoSuchUnit")
        for path in paths:
            os.rmdir(path)
        return self.job(name)

    @dbus.service.method(MANAGER, in_signature="s")
    def ResetFailedUnit(self, name):
        if not self.paths(name):
            raise Error("NoSuchUnit")

    @dbus.service.method(MANAGER, in_signature="sba(sv)")
    def SetUnitProperties(self, name, runtime, properties):
        self.note(call="SetUnitProperties", name=str(name), runtime=bool(runtime),
                  properties={str(key): plain(value) for key, value in properties})

    @dbus.service.method(MANAGER, in_signature="ssau")
    def AttachProcessesToUnit(self, name, below, pids):
        self.note(call="AttachProcessesToUnit", name=str(name), below=str(below), count=len(pids))
        for path in self.paths(name):
            for pid in pids:
                with open(f"{path}/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(int(pid)))


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
    with open(sys.argv[1], "a", encoding="utf-8") as log:
        manager = Manager(bus, log)
        owned = dbus.service.BusName(NAME, bus)
        manager.note(call="ready", name=owned.get_name())
        GLib.MainLoop().run()


main()
