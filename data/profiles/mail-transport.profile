summary Fetching and sending mail: the folders of mail and their own settings with passwords
program mbsync offlineimap fetchmail getmail msmtp
include network
allow write=?~/Mail
allow write=?~/.mail
allow write=?~/Maildir
allow write=?~/.offlineimap
allow write=?~/.mbsync
allow read=?~/.mbsyncrc
allow read=?${CONFIG}/isyncrc
allow read=?~/.offlineimaprc
allow read=?~/.fetchmailrc
allow read=?~/.getmail
allow read=?~/.msmtprc
allow read=?${CONFIG}/msmtp
deny display
deny audio
deny ssh-agent
