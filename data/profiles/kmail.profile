summary KMail: its settings; mail itself is kept by Akonadi, which it reaches over the bus
program kmail kontact
include mail
allow write=?${CONFIG}/kmail2rc
allow write=+${DATA}/kmail2
allow write=+${CACHE}/kmail2
allow write=?${DATA}/akonadi
allow userns
allow dbus=org.freedesktop.Akonadi.*
ask dbus=org.kde.kwalletd5
ask dbus=org.kde.kwalletd6
