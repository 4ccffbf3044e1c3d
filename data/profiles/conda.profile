summary conda: its own environments and the channels
program conda mamba micromamba
include packages
allow net=conda.anaconda.org:443
allow net=repo.anaconda.com:443
allow write=?~/.conda
allow exec=?~/miniconda3
allow write=?~/miniconda3
allow exec=?~/micromamba
allow write=?~/micromamba
allow read=?~/.condarc
