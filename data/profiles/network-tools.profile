summary Questions to the network: no file at all
program dig host nslookup whois drill kdig nc ncat netcat socat telnet nmap traceroute tracepath mtr openssl
include network
include terminal
arguments read
deny display
deny audio
deny camera
deny usb
deny ssh-agent
