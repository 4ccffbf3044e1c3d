summary Tools that only read: parsers of foreign bytes without a network and without a place to write
program file jq yq xmllint xsltproc hexdump xxd od hexyl bat less more grep egrep rg ag diff
include offline
include terminal
arguments read
allow read=${CWD}
deny display
writes discard
limit pids 64
