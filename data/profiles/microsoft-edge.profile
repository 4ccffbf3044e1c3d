summary Microsoft Edge: its own directory and Downloads
program microsoft-edge microsoft-edge-stable microsoft-edge-beta microsoft-edge-dev
include browser
allow exec=?/opt/microsoft
allow write=+${CONFIG}/microsoft-edge
allow write=+${CACHE}/microsoft-edge
