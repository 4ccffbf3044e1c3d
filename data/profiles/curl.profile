summary curl and wget: what is fetched lands in the working directory or Downloads
program curl wget wget2 aria2c axel http https httpie lftp ftp
include downloader
allow read=?~/.curlrc
allow read=?~/.wgetrc
allow read=?${CONFIG}/httpie
ask read=?~/.netrc
