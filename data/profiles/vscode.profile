summary Visual Studio Code: the tree and its own directories; extensions are programs of strangers
program code code-insiders codium vscodium code-oss
include editor
include electron
allow write=+${CONFIG}/Code
allow write=?${CONFIG}/VSCodium
allow write=?${CONFIG}/Code\ -\ OSS
allow write=?${CONFIG}/Code\ -\ Insiders
allow write=+~/.vscode
allow exec=?~/.vscode/extensions
allow write=?~/.vscode-oss
allow exec=?~/.vscode-oss/extensions
allow exec=${PROJECT}
# It is the one whose settings these are.
allow write=?${PROJECT}/.vscode
allow net=marketplace.visualstudio.com:443
allow net=open-vsx.org:443
allow net=update.code.visualstudio.com:443
ask net
limit pids 8000
