summary Mercurial, Subversion and others: the tree, the network and the agent for your keys
program hg svn svnadmin bzr brz fossil darcs jj cvs
include terminal
include network
include secrets
allow write=${PROJECT}
allow exec=${PROJECT}
allow read=?~/.hgrc
allow read=?${CONFIG}/hg
allow write=?~/.subversion
allow read=?${CONFIG}/jj
allow read=?${CONFIG}/breezy
allow read=?~/.ssh/config
allow read=?~/.ssh/known_hosts
allow ssh-agent
deny audio
deny camera
deny usb
