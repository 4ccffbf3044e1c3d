summary Ruby: the script and the tree around it; the network is asked for
program ruby ruby[0-9]* irb erb jruby
include runtime
allow read=?~/.gem
allow read=?${DATA}/gem
allow env=GEM_HOME
allow env=RUBYLIB
