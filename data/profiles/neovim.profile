summary Neovim: as Vim, and language servers from the tree and its own data
program nvim
include editor
allow read=?${CONFIG}/nvim
allow exec=?${DATA}/nvim
allow write=+${DATA}/nvim
allow write=+${STATE}/nvim
allow write=+${CACHE}/nvim
allow exec=${PROJECT}
ask net
allow clipboard
