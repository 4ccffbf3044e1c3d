summary Aider: the tree, with its history; whichever service its key is for
program aider
include coder
allow net=api.anthropic.com:443
allow net=api.openai.com:443
allow net=openrouter.ai:443
allow net=api.deepseek.com:443
allow write=+~/.aider
allow read=?~/.aider.conf.yml
allow exec=?~/.local/bin
allow exec=?${DATA}/uv
allow env=ANTHROPIC_API_KEY
allow env=OPENAI_API_KEY
allow env=OPENROUTER_API_KEY
allow env=DEEPSEEK_API_KEY
