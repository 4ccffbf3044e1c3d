summary PHP on the command line: the script and the tree around it
program php php[0-9]* php-cgi phpunit
include runtime
