summary Codex: the tree, its own service and settings; its inner sandbox gets namespaces to build on
program codex
include coder
allow net=api.openai.com:443
allow net=auth.openai.com:443
allow net=chatgpt.com:443
allow write=+~/.codex
ask write=?~/.codex/config.toml
allow exec=?~/.nvm
allow userns
allow env=OPENAI_API_KEY
allow env=OPENAI_BASE_URL
