summary Kate and KWrite: the files they are given, Documents and their own sessions
program kate kwrite
include editor
include desktop
allow write=?${DOCUMENTS}
allow write=?${CONFIG}/katerc
allow write=?${CONFIG}/kwriterc
allow write=+${DATA}/kate
allow write=+${CACHE}/kate
