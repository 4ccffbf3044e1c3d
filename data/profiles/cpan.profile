summary CPAN, LuaRocks, R's packages and their like: built at installation, behind the wall
program cpan cpanm luarocks opam cabal stack mix hex nimble
include packages
allow net=www.cpan.org:443
allow net=cpan.metacpan.org:443
allow net=luarocks.org:443
allow net=opam.ocaml.org:443
allow net=hackage.haskell.org:443
allow net=hex.pm:443
allow net=repo.hex.pm:443
allow write=?~/.cpan
allow write=?~/.cpanm
allow write=?~/perl5
allow write=?~/.luarocks
allow write=?~/.opam
allow exec=?~/.opam
allow write=?~/.cabal
allow exec=?~/.cabal
allow write=?~/.stack
allow exec=?~/.stack
allow write=?~/.mix
allow write=?~/.hex
