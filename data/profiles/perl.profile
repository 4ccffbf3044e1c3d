summary Perl: the script and the tree around it; the network is asked for
program perl perl5* prove perldoc raku
include runtime
allow read=?~/perl5
allow env=PERL5LIB
