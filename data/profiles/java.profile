summary Java: the program, the tree around it and libraries of Maven; the network is asked for
program java javac jshell jar kotlin kotlinc scala groovy clojure
include runtime
allow read=?~/.m2/repository
allow env=JAVA_HOME
allow env=CLASSPATH
allow env=JAVA_OPTS
limit pids 4000
