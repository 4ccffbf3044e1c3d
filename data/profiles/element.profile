summary Matrix clients: their own keys and Downloads
program element-desktop element fractal nheko neochat fluffychat
include chat
include electron
allow exec=?/opt/Element
allow write=?${CONFIG}/Element
allow write=?${DATA}/fractal
allow write=?${CACHE}/fractal
allow write=?${DATA}/nheko
allow write=?${CONFIG}/nheko
allow write=?${CACHE}/nheko
allow write=?${DATA}/KDE/neochat
ask dbus=org.freedesktop.secrets
