summary Deno and Bun: the tree, their caches; other hosts than those of packages are asked for
program deno bun bunx
include runtime
allow net=deno.land:443
allow net=jsr.io:443
allow net=registry.npmjs.org:443
allow exec=?~/.deno
allow write=+${CACHE}/deno
allow exec=?~/.bun
allow write=?~/.bun
