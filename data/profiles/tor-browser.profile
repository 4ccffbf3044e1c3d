summary Tor Browser: only its own directory; names are resolved by Tor, so it needs nothing else
program start-tor-browser start-tor-browser.desktop torbrowser-launcher
include browser
deny camera
deny usb
deny audio
allow exec=?~/.local/share/torbrowser
allow write=?~/.local/share/torbrowser
allow exec=?~/tor-browser
allow write=?~/tor-browser
allow write=?${CONFIG}/torbrowser
