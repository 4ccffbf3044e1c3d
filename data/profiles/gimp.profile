summary GIMP: Pictures and what it is given; formats are many and old
program gimp gimp-[0-9]* gimp-console gimp-console-[0-9]*
include graphics
allow write=+${CONFIG}/GIMP
allow write=?${CACHE}/gimp
allow write=?${DATA}/gegl-0.4
