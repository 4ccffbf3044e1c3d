summary BitTorrent: Downloads and its own list; it is reached from outside at one port
program transmission-gtk transmission-qt qbittorrent deluge deluge-gtk ktorrent fragments
include desktop
include network
allow listen=51413
allow listen=6881
allow write=?${DOWNLOADS}
allow write=?${CONFIG}/transmission
allow write=?${CONFIG}/qBittorrent
allow write=?${DATA}/qBittorrent
allow write=?${CONFIG}/deluge
allow write=?${DATA}/ktorrent
arguments read
deny audio
deny camera
deny usb
deny ssh-agent
