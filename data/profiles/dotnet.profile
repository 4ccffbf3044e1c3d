summary .NET: the tree, its packages and the gallery they come from
program dotnet mono csc
include packages
allow net=api.nuget.org:443
allow write=+~/.nuget
allow write=+~/.dotnet
allow exec=?~/.dotnet
allow env=DOTNET_ROOT
allow env=DOTNET_CLI_TELEMETRY_OPTOUT
