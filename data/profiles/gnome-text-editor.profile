summary Text editors with windows: the files they are given and Documents
program gedit gnome-text-editor pluma xed mousepad leafpad featherpad l3afpad
include editor
include desktop
allow write=?${DOCUMENTS}
allow write=?${CONFIG}/gedit
allow write=?${DATA}/gedit
allow write=?${DATA}/org.gnome.TextEditor
allow write=?${DATA}/pluma
allow dbus=ca.desrt.dconf
