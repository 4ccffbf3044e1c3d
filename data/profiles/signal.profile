summary Signal: its messages are keys; nobody else reads them, and it reads nothing else
program signal-desktop signal-desktop-beta
include chat
include electron
allow exec=?/opt/Signal
allow write=+${CONFIG}/Signal
ask dbus=org.freedesktop.secrets
