summary Gemini CLI: the tree, its own service and settings
program gemini gemini-cli
include coder
allow net=generativelanguage.googleapis.com:443
allow net=cloudcode-pa.googleapis.com:443
allow net=oauth2.googleapis.com:443
allow net=accounts.google.com:443
allow write=+~/.gemini
ask write=?~/.gemini/settings.json
allow exec=?~/.nvm
allow env=GEMINI_API_KEY
allow env=GOOGLE_API_KEY
allow env=GOOGLE_CLOUD_PROJECT
