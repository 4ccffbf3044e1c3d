summary Clients of code hosts: the tree and their own token
program gh glab hub tea
include terminal
include proxy
include secrets
allow write=${PROJECT}
allow net=github.com:443
allow net=api.github.com:443
allow net=uploads.github.com:443
allow net=gitlab.com:443
ask net
allow read=?${CONFIG}/gh
allow write=?${CONFIG}/gh/hosts.yml
allow read=?${CONFIG}/glab-cli
allow read=?${CONFIG}/tea
allow write=?${STATE}/gh
allow read=?~/.gitconfig
allow ssh-agent
allow env=GH_TOKEN
allow env=GITHUB_TOKEN
allow env=GITLAB_TOKEN
