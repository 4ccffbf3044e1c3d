summary R and Octave: the script, the data around it and the packages of the person
program R Rscript octave octave-cli julia
include runtime
allow read=?~/R
allow read=?~/.Rprofile
allow write=?~/.julia
allow exec=?~/.julia
allow write=?${DATA}/octave
allow net=cloud.r-project.org:443
allow env=R_LIBS_USER
