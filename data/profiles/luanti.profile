summary Luanti, Wesnoth and other free games with servers: their own worlds and the network
program luanti minetest wesnoth supertuxkart 0ad openttd freeciv-gtk3.22 warzone2100 hedgewars teeworlds xonotic-sdl
include game
allow write=?~/.minetest
allow write=?~/.luanti
allow write=?${DATA}/wesnoth
allow write=?${CONFIG}/wesnoth
allow write=?${DATA}/supertuxkart
allow write=?${CONFIG}/supertuxkart
allow write=?${DATA}/0ad
allow write=?${CONFIG}/0ad
allow write=?${DATA}/openttd
allow write=?${CONFIG}/openttd
allow write=?~/.freeciv
allow write=?${DATA}/warzone2100
allow write=?~/.hedgewars
allow write=?${DATA}/teeworlds
allow write=?~/.xonotic
