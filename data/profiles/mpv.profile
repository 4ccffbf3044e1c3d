summary mpv: the file, music and videos; hostile media find nothing to send and nowhere to send it
program mpv mplayer mplayer2 celluloid smplayer
include player
allow read=?${CONFIG}/mpv
allow read=?~/.mplayer
allow write=?${CONFIG}/smplayer
allow write=?${CONFIG}/celluloid
allow write=+${STATE}/mpv
allow write=?${CACHE}/mpv
