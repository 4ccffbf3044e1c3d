summary Compressors: a stream in, a stream out, the files they are given
program gzip gunzip zcat bzip2 bunzip2 bzcat xz unxz xzcat lzma unlzma lzip lzop zstd unzstd zstdcat lz4 unlz4 brotli pigz pixz pbzip2
include archiver
arguments write
