summary MySQL's and MariaDB's clients: one server, the tree, the password file
program mysql mariadb mysqldump mariadb-dump mysqladmin mariadb-admin mycli mysqlimport
include database
allow read=?~/.my.cnf
allow read=?~/.mylogin.cnf
allow write=?~/.mysql_history
allow write=?~/.mariadb_history
allow read=?/run/mysqld
allow env=MYSQL_PWD
allow env=MYSQL_HOST
