summary Brave: its own directory and Downloads
program brave brave-browser brave-browser-stable
include browser
allow exec=?/opt/brave.com
allow write=+${CONFIG}/BraveSoftware
allow write=+${CACHE}/BraveSoftware
