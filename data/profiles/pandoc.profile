summary Pandoc and its relatives: texts in, texts out, below the working directory
program pandoc asciidoctor asciidoc sphinx-build mkdocs markdown groff catdoc antiword wkhtmltopdf
include archiver
allow read=?${DATA}/pandoc
limit pids 256
