summary Redis, MongoDB and other stores: one server, the tree
program redis-cli valkey-cli mongosh mongo mongodump mongorestore cqlsh influx etcdctl clickhouse-client
include database
allow read=?~/.redisclirc
allow write=?~/.rediscli_history
allow write=?~/.mongodb
allow read=?~/.cassandra
allow env=REDISCLI_AUTH
