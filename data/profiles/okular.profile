summary Okular: one document, and its own notes about it
program okular
include viewer
allow write=+${DATA}/okular
allow read=?${CONFIG}/okularrc
allow read=?${CONFIG}/okularpartrc
