summary Blender and CAD: files carry scripts, so they find no network
program blender freecad FreeCAD openscad kicad librecad
include graphics
allow write=?${DOCUMENTS}
allow write=?${CONFIG}/blender
allow write=?${CACHE}/blender
allow write=?${DATA}/FreeCAD
allow write=?${CONFIG}/FreeCAD
allow write=?${DATA}/OpenSCAD
allow write=?${CONFIG}/kicad
allow write=?${DATA}/kicad
