summary Krita and darktable: Pictures and their own catalogues
program krita darktable rawtherapee digikam shotwell mypaint
include graphics
allow write=?${CONFIG}/kritarc
allow write=?${DATA}/krita
allow write=?${CONFIG}/darktable
allow write=?${CACHE}/darktable
allow write=?${CONFIG}/RawTherapee
allow write=?${CACHE}/RawTherapee
allow write=?${CONFIG}/digikamrc
allow write=?${DATA}/shotwell
allow write=?${CACHE}/shotwell
allow write=?${DATA}/mypaint
