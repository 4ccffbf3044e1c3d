summary Cargo: build scripts run at once; they see the tree, the registry's cache and no token
program cargo cargo-* rustup
include packages
allow net=crates.io:443
allow net=index.crates.io:443
allow net=static.crates.io:443
allow net=static.rust-lang.org:443
allow write=+~/.cargo/registry
allow write=+~/.cargo/git
allow exec=?~/.cargo/bin
# What lies there is run outside of the wall the next time.
ask write=?~/.cargo/bin
allow exec=?~/.rustup
allow read=?~/.cargo/config.toml
allow env=RUSTFLAGS
allow env=CARGO_HOME
allow env=RUSTUP_HOME
