summary Notes: Documents and their own directory; plug-ins are programs of strangers
program obsidian joplin joplin-desktop logseq zettlr
include electron
allow exec=?/opt
allow write=?${DOCUMENTS}
allow write=?${CONFIG}/obsidian
allow write=?${CONFIG}/joplin-desktop
allow write=?${CONFIG}/Joplin
allow write=?${CONFIG}/Logseq
allow write=?${CONFIG}/Zettlr
ask net
deny camera
deny usb
deny ssh-agent
