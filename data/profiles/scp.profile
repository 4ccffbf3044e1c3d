summary Copies over SSH: as ssh, and the working directory
program scp sftp rsync rclone sshpass unison
include network
include terminal
allow ssh-agent
allow read=?~/.ssh
allow write=?~/.ssh/known_hosts
allow write=${CWD}
allow write=?${DOWNLOADS}
allow write=?${CONFIG}/rclone
arguments write
deny display
deny audio
deny camera
deny usb
