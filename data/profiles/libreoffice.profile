summary LibreOffice: Documents and what it is given; a macro finds no network and no keys
program libreoffice soffice soffice.bin localc lodraw loimpress lowriter lomath lobase loffice oosplash unoconv
include office
allow write=+${CONFIG}/libreoffice
allow write=${CWD}
deny audio
