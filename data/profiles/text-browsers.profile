summary Text browsers: the network and their own settings; what is fetched goes to Downloads
program lynx links links2 elinks w3m www-browser
include network
include terminal
allow write=?${DOWNLOADS}
allow write=?~/.w3m
allow write=?~/.links
allow write=?~/.links2
allow write=?~/.elinks
allow read=?~/.lynxrc
arguments read
deny display
deny audio
deny ssh-agent
