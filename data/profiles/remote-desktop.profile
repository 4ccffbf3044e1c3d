summary Windows of other machines: a hostile server draws, and hears nothing else
program remmina vncviewer xtigervncviewer xfreerdp xfreerdp3 rdesktop krdc vinagre anydesk rustdesk
include desktop
include network
ask audio
allow write=?${DATA}/remmina
allow write=?${CONFIG}/remmina
allow write=?${CACHE}/remmina
allow write=?${CONFIG}/freerdp
allow write=?~/.vnc
allow write=?~/.anydesk
allow write=?${CONFIG}/rustdesk
ask dbus=org.freedesktop.secrets
deny camera
deny ssh-agent
