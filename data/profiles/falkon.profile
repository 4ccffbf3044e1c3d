summary Falkon: its own directories and Downloads
program falkon
include browser
allow write=+${CONFIG}/falkon
allow write=+${CACHE}/falkon
