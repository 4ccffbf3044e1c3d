summary Thunderbird: its own mail and nothing else; attachments go through Downloads
program thunderbird betterbird icedove
include mail
allow write=+~/.thunderbird
allow write=+${CACHE}/thunderbird
allow userns
ask audio
# Signing and decrypting by GnuPG instead of its own keys.
ask write=?~/.gnupg
allow dbus=org.mozilla.thunderbird.*
