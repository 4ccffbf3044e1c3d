summary tar and cpio: an archive's names, links and owners are its maker's; they end at the working directory
program tar bsdtar gtar star cpio bsdcpio pax
include archiver
