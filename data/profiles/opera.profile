summary Opera: its own directory and Downloads
program opera opera-stable
include browser
allow write=+${CONFIG}/opera
allow write=+${CACHE}/opera
