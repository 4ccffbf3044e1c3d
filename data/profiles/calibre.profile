summary E-books: the library and the book; formats are many and old
program calibre ebook-viewer ebook-convert ebook-edit foliate fbreader
include desktop
allow write=?~/Calibre\ Library
allow write=?${DOWNLOADS}
allow write=+${CONFIG}/calibre
allow write=?${CACHE}/calibre
allow write=?${DATA}/com.github.johnfactotum.Foliate
allow userns
arguments read
ask net
ask usb
deny audio
deny ssh-agent
