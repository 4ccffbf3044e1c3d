summary GNOME Web: its own directories and Downloads; WebKit walls its pages in by bubblewrap
program epiphany epiphany-browser
include browser
allow write=+${CONFIG}/epiphany
allow write=+${DATA}/epiphany
allow write=+${CACHE}/epiphany
