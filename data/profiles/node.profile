summary Node.js: the script and the tree around it; the network is asked for
program node nodejs ts-node tsx
include runtime
allow exec=?~/.nvm
allow env=NODE_ENV
allow env=NODE_PATH
allow env=NODE_OPTIONS
