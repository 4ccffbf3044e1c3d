summary Google Chrome: as Chromium, and the directory it is installed in
program google-chrome google-chrome-stable google-chrome-beta google-chrome-unstable
include browser
allow exec=?/opt/google
allow write=+${CONFIG}/google-chrome
allow write=+${CACHE}/google-chrome
allow write=?${CONFIG}/google-chrome-beta
allow write=?${CACHE}/google-chrome-beta
allow write=?${CONFIG}/google-chrome-unstable
allow write=?${CACHE}/google-chrome-unstable
