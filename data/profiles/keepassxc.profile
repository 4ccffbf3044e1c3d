summary KeePassXC: the passwords; nothing goes out, not even to look for updates
program keepassxc keepassxc-cli keepass2
include desktop
include offline
arguments write
allow write=?${DOCUMENTS}/Passwords
allow write=+${CONFIG}/keepassxc
allow write=?${CACHE}/keepassxc
# Hardware keys.
ask usb
