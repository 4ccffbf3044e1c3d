summary Evolution: its mail, calendars and address books, which live in services on the session's bus
program evolution
include mail
allow write=+${CONFIG}/evolution
allow write=+${DATA}/evolution
allow write=+${CACHE}/evolution
allow userns
allow dbus=org.gnome.evolution.dataserver.*
allow dbus=ca.desrt.dconf
ask dbus=org.freedesktop.secrets
ask write=?~/.gnupg
