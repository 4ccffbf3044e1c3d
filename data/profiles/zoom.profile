summary Zoom, Skype and Jitsi: calls; the camera is asked for, the screen is shared through a portal
program zoom skypeforlinux jitsi-meet webex
include chat
include electron
allow exec=?/opt
allow write=+~/.zoom
allow write=?${CONFIG}/zoomus.conf
allow write=?${CONFIG}/zoom.conf
allow write=?${CONFIG}/skypeforlinux
allow write=?${CONFIG}/Jitsi\ Meet
ask dbus=org.freedesktop.portal.Desktop
