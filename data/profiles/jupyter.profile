summary Jupyter: notebooks of the tree, and its own port to be looked at from a browser here
program jupyter jupyter-lab jupyter-notebook jupyter-server
include runtime
allow listen=8888
allow read=?~/.jupyter
allow write=+${DATA}/jupyter
allow read=?~/.local/lib
allow write=?~/.ipython
allow env=PYTHONPATH
allow env=VIRTUAL_ENV
