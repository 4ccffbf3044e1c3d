summary Small office programs: Documents and what they are given
program gnumeric abiword ssconvert calligrawords calligrasheets scribus lyx texstudio texmaker xournalpp
include office
allow write=?${CONFIG}/abiword
allow write=?${CONFIG}/gnumeric
allow write=?${CONFIG}/scribus
allow write=?~/.lyx
allow write=?${CONFIG}/texstudio
allow write=?${CONFIG}/xournalpp
deny audio
