summary Archive managers with windows: archives in Downloads, the working directory
program file-roller ark xarchiver engrampa
include desktop
include offline
allow write=?${DOWNLOADS}
allow write=${CWD}
arguments write
allow dbus=ca.desrt.dconf
limit memory 4g
