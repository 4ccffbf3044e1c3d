summary Database clients with windows: their own connections, Documents for exports
program dbeaver dbeaver-ce pgadmin4 sqlitebrowser mysql-workbench
include desktop
include network
arguments write
allow exec=?/opt
allow write=?${DOCUMENTS}
allow write=?${DATA}/DBeaverData
allow write=?~/.pgadmin
allow write=?${CONFIG}/sqlitebrowser
allow write=?~/.mysql
ask dbus=org.freedesktop.secrets
ask ssh-agent
deny audio
deny camera
deny usb
