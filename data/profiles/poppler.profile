summary PDF, PostScript and TeX on the command line: interpreters of hostile programs
program pdftotext pdftoppm pdftops pdfinfo pdfimages pdffonts pdfunite pdfseparate pdftocairo pdftohtml qpdf mutool gs ghostscript ps2pdf pdfcrop pdflatex latex xelatex lualatex tex latexmk bibtex biber dvips
include archiver
allow read=?~/texmf
