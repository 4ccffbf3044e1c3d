summary OBS Studio: screen, sound and camera are what it is for; recordings go to Videos
program obs
include desktop
include audio
include network
allow camera
allow write=?${VIDEOS}
allow read=?${PICTURES}
allow write=+${CONFIG}/obs-studio
allow userns
ask dbus=org.freedesktop.portal.Desktop
deny ssh-agent
