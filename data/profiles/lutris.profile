summary Lutris, Heroic and Wine: programs for another system, in their own directory
program lutris heroic bottles wine wine64 winetricks wineserver playonlinux
include game
arguments read
allow write=?~/Games
allow exec=?~/Games
allow write=?~/.wine
allow write=?${CONFIG}/lutris
allow write=?${DATA}/lutris
allow exec=?${DATA}/lutris
allow write=?${CACHE}/lutris
allow write=?${CONFIG}/heroic
allow write=?${DATA}/bottles
allow exec=?${DATA}/bottles
allow env=WINEPREFIX
allow env=WINEARCH
allow userns
allow ptrace
