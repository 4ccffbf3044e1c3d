summary SQLite and DuckDB: the file and the working directory; a crafted database gets nowhere
program sqlite3 sqlite duckdb litecli sqldiff
include offline
include terminal
arguments write
allow write=${CWD}
allow read=?~/.sqliterc
allow write=?~/.sqlite_history
deny display
