summary The Rust compiler: sources in, programs out; procedural macros run inside the wall
program rustc rustdoc rustfmt clippy-driver
include builder
allow exec=?~/.rustup
allow exec=?~/.cargo/bin
allow read=?~/.cargo/registry
allow env=RUSTFLAGS
allow env=RUSTUP_HOME
allow env=RUSTUP_TOOLCHAIN
