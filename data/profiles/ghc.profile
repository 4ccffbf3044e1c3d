summary Haskell and OCaml compilers: the tree and their own packages
program ghc ghci runghc ocaml ocamlc ocamlopt dune
include builder
allow exec=?~/.ghcup
allow read=?~/.cabal
allow read=?~/.opam
