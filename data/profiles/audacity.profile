summary Audacity: recordings in Music, its own settings
program audacity tenacity
include desktop
include audio
allow write=?${MUSIC}
allow write=?${CONFIG}/audacity
allow write=?${DATA}/audacity
allow write=?${CACHE}/audacity
allow write=?~/.audacity-data
arguments write
deny net
deny camera
deny ssh-agent
