summary Launchers of Minecraft: mods are programs of strangers; they see their instances
program minecraft-launcher prismlauncher multimc polymc
include game
allow exec=?/opt
allow write=?~/.minecraft
allow write=+${DATA}/PrismLauncher
allow exec=?${DATA}/PrismLauncher
allow write=?${DATA}/multimc
allow write=?${DATA}/PolyMC
allow env=JAVA_HOME
