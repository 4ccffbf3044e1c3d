summary Steam: games of many makers, with their own directory, sound, network and pads
program steam steam-native steam-runtime steam.sh
include game
allow write=+~/.steam
allow write=+${DATA}/Steam
allow exec=~/.steam
allow exec=${DATA}/Steam
allow userns
allow ptrace
allow write=?${DATA}/vulkan
allow write=?${CACHE}/mesa_shader_cache
