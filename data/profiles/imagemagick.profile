summary Pictures on the command line: decoders of two hundred formats, no network
program convert magick identify mogrify montage composite gm exiftool jpegtran cwebp dwebp pngcrush optipng rsvg-convert exiv2 dcraw potrace
include archiver
arguments write
