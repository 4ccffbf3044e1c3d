summary Geary: its mail and the passwords of its accounts, for which somebody is asked
program geary
include mail
allow write=+${CONFIG}/geary
allow write=+${DATA}/geary
allow write=+${CACHE}/geary
allow userns
allow dbus=ca.desrt.dconf
ask dbus=org.freedesktop.secrets
ask dbus=org.gnome.OnlineAccounts
