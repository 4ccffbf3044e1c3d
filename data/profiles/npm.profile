summary npm: install scripts of a thousand strangers see the tree, the cache and the registry, not your keys
program npm npx corepack
include packages
allow net=registry.npmjs.org:443
allow write=+~/.npm
allow read=?~/.npmrc
allow exec=?~/.nvm
allow exec=?~/.local/bin
allow env=NODE_ENV
allow env=NPM_TOKEN
