summary make: runs what the tree's Makefile says, so it gets the tree and no network
program make gmake bmake
include builder
