summary Chat in a terminal: its own logs and scripts, the network
program weechat weechat-curses weechat-headless irssi ircii bitchx profanity
include network
include terminal
allow write=?~/.weechat
allow write=?${CONFIG}/weechat
allow write=?${DATA}/weechat
allow write=?${CACHE}/weechat
allow write=?~/.irssi
allow read=?${CONFIG}/profanity
allow write=?${DATA}/profanity
deny display
deny audio
deny camera
deny ssh-agent
