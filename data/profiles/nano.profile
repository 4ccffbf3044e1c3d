summary nano and other small editors: the file and their settings
program nano rnano pico micro ne joe jed mg
include editor
allow read=?~/.nanorc
allow read=?${CONFIG}/nano
allow write=?${DATA}/nano
allow write=?${CONFIG}/micro
allow read=?~/.joerc
