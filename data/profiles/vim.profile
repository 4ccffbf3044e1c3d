summary Vim: the file, the tree around it and its own settings; a modeline or plug-in gets no network
program vim vi view vimdiff rvim rview ex vim.basic vim.tiny vim.nox vim.gtk3 vim.motif gvim
include editor
allow read=?~/.vimrc
allow read=?~/.vim
allow read=?${CONFIG}/vim
allow write=?~/.viminfo
allow write=?~/.vim/swap
allow write=?~/.vim/undo
allow write=?~/.vim/backup
allow clipboard
ask display
