summary Git: the tree, the network and the agent for your keys; hooks of a strange tree find nothing else
program git git-* tig lazygit gitk
include terminal
include network
include secrets
allow write=${PROJECT}
allow exec=${PROJECT}
allow read=?~/.gitconfig
allow read=?${CONFIG}/git
allow read=?${CONFIG}/lazygit
allow write=?${STATE}/lazygit
allow ssh-agent
# ssh needs to know the hosts and the settings; keys come from the agent.
allow read=?~/.ssh/config
allow read=?~/.ssh/known_hosts
ask read=?~/.git-credentials
allow env=GIT_AUTHOR_NAME
allow env=GIT_AUTHOR_EMAIL
allow env=GIT_COMMITTER_NAME
allow env=GIT_COMMITTER_EMAIL
allow env=GIT_SSH_COMMAND
allow env=GIT_EDITOR
allow env=GIT_PAGER
# Signed commits.
ask write=?~/.gnupg
arguments read
deny audio
deny camera
deny usb
ask display
