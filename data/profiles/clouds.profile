summary Clients of clouds and clusters: their own credentials, which no other profile grants
program aws az gcloud kubectl helm terraform tofu ansible ansible-playbook vault doctl
include network
include terminal
allow write=${PROJECT}
allow exec=${PROJECT}
allow write=?~/.aws
allow write=?~/.azure
allow write=?${CONFIG}/gcloud
allow write=?~/.kube
allow read=?${CONFIG}/helm
allow write=?${CACHE}/helm
allow read=?~/.terraformrc
allow write=?~/.terraform.d
allow write=?~/.ansible
allow read=?~/.vault-token
arguments read
ask ssh-agent
deny display
deny audio
deny camera
deny usb
