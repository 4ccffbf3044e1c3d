summary PostgreSQL's clients: one server, the tree, its password file
program psql pg_dump pg_restore pg_dumpall pgcli createdb dropdb pgbench
include database
allow read=?~/.pgpass
allow read=?~/.psqlrc
allow read=?~/.pg_service.conf
allow read=?~/.postgresql
allow read=?${CONFIG}/pgcli
allow write=?~/.psql_history
allow read=?/run/postgresql
allow env=PGHOST
allow env=PGPORT
allow env=PGUSER
allow env=PGDATABASE
allow env=PGPASSWORD
