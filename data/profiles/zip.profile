summary Zip archives: unpacked below the working directory
program zip unzip zipinfo zipnote funzip bsdunzip
include archiver
