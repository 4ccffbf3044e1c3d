summary Pidgin, HexChat and other clients with windows: their own logs, the network
program pidgin hexchat gajim dino dino-im konversation kvirc quassel quasselclient polari
include chat
deny camera
allow write=?~/.purple
allow write=?${CONFIG}/hexchat
allow write=?${CONFIG}/gajim
allow write=?${DATA}/gajim
allow write=?${CACHE}/gajim
allow write=?${DATA}/dino
allow write=?${CONFIG}/konversationrc
allow write=?${DATA}/konversation
allow write=?${CONFIG}/KVIrc
allow write=?${CONFIG}/quassel-irc.org
