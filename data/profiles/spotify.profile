summary Spotify: its own directories, sound and the network; it is closed and wants no file of yours
program spotify
include electron
include audio
include network
allow exec=?/opt/spotify
allow write=+${CONFIG}/spotify
allow write=+${CACHE}/spotify
allow read=?${MUSIC}
deny camera
deny usb
deny ssh-agent
