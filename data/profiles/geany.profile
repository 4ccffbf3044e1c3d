summary Geany: the tree and its settings; it runs what it has built
program geany
include editor
include desktop
allow write=+${CONFIG}/geany
allow exec=${PROJECT}
