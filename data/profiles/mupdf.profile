summary Small PDF viewers: one document
program mupdf mupdf-gl mupdf-x11 zathura xpdf qpdfview gv sioyek llpp apvlv
include viewer
allow read=?${CONFIG}/zathura
allow write=?${DATA}/zathura
allow read=?~/.xpdfrc
