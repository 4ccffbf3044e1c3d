summary Emulators and old games: an image of a game, sound and pads; nothing to send
program dosbox dosbox-x scummvm retroarch mednafen dolphin-emu pcsx2 ppsspp mame fceux mgba mgba-qt snes9x-gtk
include viewer
include audio
allow write=?~/.dosbox
allow write=?${CONFIG}/scummvm
allow write=?${DATA}/scummvm
allow write=?${CONFIG}/retroarch
allow write=?~/.mednafen
allow write=?${CONFIG}/dolphin-emu
allow write=?${DATA}/dolphin-emu
allow write=?${CONFIG}/PCSX2
allow write=?${CONFIG}/ppsspp
allow write=?~/.mame
allow write=?${CONFIG}/mgba
allow device=?/dev/input
