summary OpenSSH's clients: your keys and the network, no document; what a server sends stays in the terminal
program ssh slogin mosh autossh ssh-keyscan ssh-copy-id
include network
include terminal
allow ssh-agent
allow read=?~/.ssh
allow write=?~/.ssh/known_hosts
allow env=SSH_ASKPASS
allow env=SSH_ASKPASS_REQUIRE
deny audio
deny camera
deny usb
ask display
