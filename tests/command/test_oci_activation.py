"""What a service manager gives to a service reaches the container: here the socket of sd_notify(3).

Listening sockets (LISTEN_FDS) are tried in test_oci_commands.py.
"""

import socket


def test_notify_socket_reaches_the_container(container):
    path = container.work / "notify.sock"
    # busybox has no tool for datagram sockets: that it is this very socket shows in its inode.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        container.process["args"] = ["sh", "-c", 'stat -c "%F %i" "$NOTIFY_SOCKET"']
        container.write()
        result = container.oci("run", "--bundle", container.bundle, container.id, check=0,
                               env={"NOTIFY_SOCKET": str(path)})
    assert result.output == f"socket {path.stat().st_ino}\n"


def test_abstract_notify_socket_is_said_to_be_out_of_reach(container):
    container.process["args"] = ["sh", "-c", "echo [$NOTIFY_SOCKET]"]
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id, check=0,
                           env={"NOTIFY_SOCKET": "@manager"})
    assert "[]" in result.output
    assert "cannot notify" in result.errors
