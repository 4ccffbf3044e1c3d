summary Claws Mail: its settings and its mail folder
program claws-mail sylpheed
include mail
allow write=+~/.claws-mail
allow write=?~/.sylpheed-2.0
allow write=?~/Mail
ask write=?~/.gnupg
