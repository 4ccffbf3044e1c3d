summary Clang and LLVM's tools: sources in, objects out, below the tree
program clang clang++ clang-[0-9]* clang++-[0-9]* clang-format* clang-tidy* clang-cpp* clangd* llc* opt-[0-9]* lld*
include toolchain
allow read=?${CONFIG}/clangd
allow write=?${CACHE}/clangd
