summary Copilot CLI and Cursor's agent: the tree, their own service and settings
program copilot cursor-agent amp
include coder
allow net=api.githubcopilot.com:443
allow net=api.individual.githubcopilot.com:443
allow net=api2.cursor.sh:443
allow net=ampcode.com:443
allow write=?~/.copilot
allow write=?~/.cursor
allow write=?${CONFIG}/amp
allow exec=?~/.local/share/cursor-agent
allow exec=?~/.local/bin
allow exec=?~/.nvm
allow env=COPILOT_GITHUB_TOKEN
allow env=CURSOR_API_KEY
