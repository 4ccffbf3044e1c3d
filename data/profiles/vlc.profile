summary VLC: the file, music and videos, its own settings
program vlc cvlc qvlc nvlc rvlc
include player
allow write=+${CONFIG}/vlc
allow write=+${DATA}/vlc
allow write=?${CACHE}/vlc
