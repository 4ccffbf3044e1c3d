summary Wireshark: a capture from anywhere and a thousand parsers; capturing itself is not for a sandbox
program wireshark tshark editcap mergecap capinfos
include viewer
allow write=?${CONFIG}/wireshark
allow read=?${DOWNLOADS}
