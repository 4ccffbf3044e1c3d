summary PDF viewers of GNOME and its relatives: one document, nothing to send it to
program evince evince-previewer papers atril xreader
include viewer
allow dbus=ca.desrt.dconf
