summary Closed office programs: Documents and what they are given, no network
program onlyoffice-desktopeditors desktopeditors wps et wpp wpspdf softmaker-office
include office
include electron
allow exec=?/opt
allow write=?${CONFIG}/onlyoffice
allow write=?${DATA}/onlyoffice
allow write=?${CONFIG}/Kingsoft
allow write=?${DATA}/Kingsoft
deny audio
