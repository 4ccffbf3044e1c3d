summary Closed PDF viewers: one document, their own settings, no network
program acroread foxitreader FoxitReader masterpdfeditor masterpdfeditor5
include viewer
allow exec=?/opt
allow write=?~/.adobe
allow write=?~/.config/Foxit\ Software
arguments write
