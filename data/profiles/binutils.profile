summary Binary tools: they parse objects that came from anywhere (nm, objdump and strings have had holes for decades)
program as ld ld.bfd ld.gold ar nm objdump objcopy strip readelf ranlib size strings addr2line c++filt gold
include toolchain
