summary Emacs: the file, the tree around it, its own settings and packages
program emacs emacs-gtk emacs-nox emacs-lucid emacs-pgtk emacs-[0-9]* emacsclient
include editor
include desktop
allow write=?~/.emacs.d
allow read=?~/.emacs
allow write=?${CONFIG}/emacs
allow write=?${CACHE}/emacs
allow exec=${PROJECT}
# Packages.
ask net
