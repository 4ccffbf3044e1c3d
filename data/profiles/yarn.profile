summary Yarn and pnpm: the tree, their caches and the registry
program yarn yarnpkg pnpm pnpx
include packages
allow net=registry.npmjs.org:443
allow net=registry.yarnpkg.com:443
allow net=repo.yarnpkg.com:443
allow write=+${CACHE}/yarn
allow write=?~/.yarn
allow write=?${DATA}/pnpm
allow write=?${CACHE}/pnpm
allow write=?${STATE}/pnpm
allow read=?~/.npmrc
allow read=?~/.yarnrc
allow read=?~/.yarnrc.yml
allow read=?${CONFIG}/pnpm
allow exec=?~/.nvm
allow env=NODE_ENV
