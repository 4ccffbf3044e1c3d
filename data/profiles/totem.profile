summary Players of desktops: the file, music and videos
program totem showtime parole dragon haruna kaffeine xplayer
include player
allow write=?${CONFIG}/totem
allow write=?${DATA}/totem
allow write=?${CACHE}/totem
allow write=?${CONFIG}/haruna
allow write=?${CONFIG}/dragonplayerrc
allow dbus=ca.desrt.dconf
