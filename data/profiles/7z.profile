summary 7-Zip, RAR and their like: closed formats, many holes, no network
program 7z 7za 7zr 7zz p7zip unrar unrar-free unrar-nonfree rar unar lsar unace arj lha lhasa zpaq cabextract
include archiver
