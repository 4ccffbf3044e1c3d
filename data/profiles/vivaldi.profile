summary Vivaldi: its own directory and Downloads
program vivaldi vivaldi-stable vivaldi-snapshot
include browser
allow exec=?/opt/vivaldi
allow exec=?/opt/vivaldi-snapshot
allow write=+${CONFIG}/vivaldi
allow write=+${CACHE}/vivaldi
allow write=?${DATA}/vivaldi
