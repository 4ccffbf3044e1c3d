summary Image viewers: one picture and those beside it in Pictures
program eog loupe gwenview feh sxiv nsxiv geeqie ristretto xviewer gthumb gpicview qiv imv viewnior
include viewer
allow read=?${PICTURES}
allow read=?${DOWNLOADS}
