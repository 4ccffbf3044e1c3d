summary File transfer with windows: Downloads, Documents to read, its own list of servers
program filezilla gftp
include desktop
include network
allow write=?${DOWNLOADS}
allow read=?${DOCUMENTS}
allow write=+${CONFIG}/filezilla
allow write=?~/.gftp
ask ssh-agent
deny audio
deny camera
deny usb
