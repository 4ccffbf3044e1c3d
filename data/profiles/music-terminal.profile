summary Music in a terminal: the music, the sound, their own lists
program cmus moc mocp mpd ncmpcpp mpg123 ogg123 play sox
include audio
include terminal
allow read=?${MUSIC}
allow write=?${CONFIG}/cmus
allow write=?${CONFIG}/mpd
allow write=?~/.mpd
allow write=?~/.moc
allow read=?${CONFIG}/ncmpcpp
arguments read
ask net
deny display
deny camera
deny ssh-agent
