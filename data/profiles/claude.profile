summary Claude Code: the tree, its own service and settings; texts that it reads may tell it anything
program claude
include coder
allow net=api.anthropic.com:443
allow net=statsig.anthropic.com:443
allow net=console.anthropic.com:443
allow net=claude.ai:443
allow write=+~/.claude
# Hooks in it would run outside of the wall.
ask write=?~/.claude/settings.json
allow write=?~/.claude.json
allow exec=?~/.local/share/claude
allow exec=?~/.local/bin
allow exec=?~/.nvm
allow env=ANTHROPIC_API_KEY
allow env=ANTHROPIC_BASE_URL
allow env=ANTHROPIC_MODEL
