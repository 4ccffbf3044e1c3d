summary Inkscape: Pictures and what it is given
program inkscape inkview
include graphics
allow write=?${DOCUMENTS}
allow write=+${CONFIG}/inkscape
allow write=?${CACHE}/inkscape
