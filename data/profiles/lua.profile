summary Lua, Tcl, Guile and other small languages: the script and the tree around it
program lua lua5.* luajit tclsh tclsh[0-9]* guile guile-* gawk mawk awk original-awk
include runtime
allow read=?~/.luarocks
allow env=LUA_PATH
allow env=LUA_CPATH
