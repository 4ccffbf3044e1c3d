summary Chromium: its own directory and Downloads; its inner sandbox gets namespaces to build on
program chromium chromium-browser chromium-freeworld ungoogled-chromium
include browser
allow write=+${CONFIG}/chromium
allow write=+${CACHE}/chromium
allow read=?${CONFIG}/chromium-flags.conf
