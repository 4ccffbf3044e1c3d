summary Music players: the music and their own lists of it
program rhythmbox audacious clementine strawberry quodlibet lollypop amarok deadbeef
include player
allow write=?${CONFIG}/audacious
allow write=?${CONFIG}/Clementine
allow write=?${CONFIG}/strawberry
allow write=?${DATA}/strawberry
allow write=?${DATA}/rhythmbox
allow write=?${CACHE}/rhythmbox
allow write=?${CONFIG}/quodlibet
allow write=?~/.quodlibet
allow write=?${DATA}/lollypop
allow write=?${CONFIG}/deadbeef
allow dbus=ca.desrt.dconf
