summary Discord: it lists what else runs on the machine where it can; here it runs alone
program discord Discord discord-canary discord-ptb vesktop
include chat
include electron
allow exec=?/opt/discord
allow write=+${CONFIG}/discord
allow exec=?${CONFIG}/discord
allow write=?${CONFIG}/discordcanary
allow write=?${CONFIG}/discordptb
allow write=?${CONFIG}/vesktop
