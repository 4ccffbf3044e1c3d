summary Mutt: mailboxes and settings, in a terminal; keys are asked for
program mutt neomutt
include network
include terminal
allow write=?~/Mail
allow write=?~/.mail
allow write=?~/Maildir
allow write=?/var/mail/${USER}
allow write=?${CACHE}/mutt
allow write=?${DOWNLOADS}
allow read=?~/.mutt
allow read=?~/.muttrc
allow read=?~/.neomuttrc
allow read=?${CONFIG}/mutt
allow read=?${CONFIG}/neomutt
allow read=?~/.mailcap
allow read=?~/.signature
ask write=?~/.gnupg
arguments read
deny display
deny audio
deny ssh-agent
