summary Firefox: its own directory and Downloads, so a page that breaks out finds no documents
program firefox firefox-esr firefox-bin firefox-nightly firefox-developer-edition librewolf
include browser
allow write=+~/.mozilla
allow write=+${CACHE}/mozilla
allow write=?${CONFIG}/mozilla
allow write=?~/.librewolf
allow read=?/usr/share/mozilla
allow dbus=org.mozilla.firefox.*
allow env=MOZ_ENABLE_WAYLAND
allow env=MOZ_USE_XINPUT2
