summary OpenCode, Crush and Goose: the tree and their own sessions; whichever service is set up
program opencode crush goose
include coder
allow net=api.anthropic.com:443
allow net=api.openai.com:443
allow net=openrouter.ai:443
allow net=models.dev:443
allow net=opencode.ai:443
allow read=?${CONFIG}/opencode
allow write=+${DATA}/opencode
allow write=?${STATE}/opencode
allow write=?${CACHE}/opencode
allow read=?${CONFIG}/crush
allow write=?${DATA}/crush
allow read=?${CONFIG}/goose
allow write=?${DATA}/goose
allow exec=?~/.opencode
allow exec=?~/.local/bin
allow env=ANTHROPIC_API_KEY
allow env=OPENAI_API_KEY
allow env=OPENROUTER_API_KEY
