summary GCC: sources in, objects out, below the tree; no network, no keys
program gcc g++ cc c++ cpp gfortran gnat gcc-[0-9]* g++-[0-9]* cpp-[0-9]* gfortran-[0-9]* *-linux-gnu-gcc* *-linux-gnu-g++* musl-gcc c89 c99
include toolchain
